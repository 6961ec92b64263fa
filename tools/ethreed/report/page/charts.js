// Line charts and bars, drawn by Chart.js in the colours of the page.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = [];  // [canvas, function that makes its configuration]

Chart.register({
  id: "drawn",
  afterDraw: (chart) => mark_drawn(chart.canvas),
});
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.font.family = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

function draw_chart(canvas, make) {
  const old = Chart.getChart(canvas);
  if (old) old.destroy();
  Chart.defaults.color = css("--soft");
  Chart.defaults.borderColor = css("--line");
  new Chart(canvas, make());
}

// `make` is called again when the colours change.
function chart_figure(name, caption, make) {
  const canvas = element("canvas", {role: "img", "aria-label": caption});
  const made = figure(name, caption, element("div", {class: "chart"}, canvas));
  charts.push([canvas, make]);
  return made;
}
function draw_charts() {
  for (const [canvas, make] of charts) if (canvas.isConnected) draw_chart(canvas, make);
}

const run_colour = (r) => css(`--run-${r % 8}`);

// lines: [{label, colour, points: [{x, y}], dashed, faint, dots}]
function line_config(lines, {x, y, y_min, y_max, x_min, x_max, legend = true, x_labels} = {}) {
  return {
    type: "line",
    data: {
      labels: x_labels,
      datasets: lines.map((line) => ({
        label: line.label,
        data: line.points,
        borderColor: line.faint ? `${line.colour}66` : line.colour,
        backgroundColor: line.colour,
        borderWidth: line.faint ? 1.2 : 2,
        borderDash: line.dashed ? [5, 4] : [],
        pointRadius: line.dots ? 3 : 0,
        pointHitRadius: 6,
        stepped: line.stepped || false,
        spanGaps: true,
        tension: 0,
      })),
    },
    options: {
      parsing: x_labels ? undefined : false,
      normalized: true,
      interaction: {mode: "nearest", intersect: false},
      scales: {
        x: {type: x_labels ? "category" : "linear", title: {display: Boolean(x), text: x}, min: x_min, max: x_max,
            grid: {display: false}},
        y: {title: {display: Boolean(y), text: y}, min: y_min, max: y_max},
      },
      plugins: {
        legend: {display: legend, position: "bottom", labels: {boxWidth: 18, boxHeight: 2,
          filter: (item) => !item.text.endsWith("(training)")}},
        decimation: {enabled: !x_labels, algorithm: "lttb", samples: 400},
      },
    },
  };
}

// Pairs of two columns of a log as points; with `per` steps an epoch, x is in epochs.
function points_of(table, x, y, per) {
  const points = [];
  if (!table || !table[x] || !table[y]) return points;
  table[y].forEach((value, i) => {
    if (is_number(value) && is_number(table[x][i])) points.push({x: per ? table[x][i] / per : table[x][i], y: value});
  });
  return points;
}

// Steps an epoch: the steps at the end of an epoch, by its number.
function steps_an_epoch(log) {
  const epochs = log.epoch.epoch, steps = log.epoch.step;
  if (!epochs || !steps || !epochs.length) return null;
  return steps[steps.length - 1] / epochs[epochs.length - 1];
}

const not_drawn = new Set(["epoch", "step", "seconds", "target_tokens", "learning_rate", "tokens_per_second"]);

function add_curves() {
  const into = section("curves");
  const with_log = runs.map((run, r) => [run, r]).filter(([run]) => run.log && steps_an_epoch(run.log));
  if (with_log.length) {
    into.append(soft("Over epochs. Thick with dots: on the validation split after every epoch. Thin: in training. " +
                     "The loss of training is with dropout, that of the validation without; totals of different " +
                     "models hold different terms."));
    const columns = [];
    for (const [run] of with_log)
      for (const name of [...Object.keys(run.log.epoch), ...Object.keys(run.log.step)])
        if (!not_drawn.has(name) && !columns.includes(name)) columns.push(name);
    const rank = (name) => (name.startsWith("loss_") ? 1 : name === "gradient_norm" ? 2 : 0);
    columns.sort((a, b) => rank(a) - rank(b));
    const grid = element("div", {class: "grid"});
    for (const name of columns) {
      grid.append(chart_figure(`curve ${name}`, label_of(name), () => {
        const lines = [];
        for (const [run, r] of with_log) {
          const per = steps_an_epoch(run.log);
          const training = points_of(run.log.step, "step", name, per);
          const valid = points_of(run.log.epoch, "epoch", name);
          if (training.length)
            lines.push({label: valid.length ? `${run.name} (training)` : run.name, colour: run_colour(r),
                        points: training, faint: valid.length > 0});
          if (valid.length) lines.push({label: run.name, colour: run_colour(r), points: valid, dots: true});
        }
        return line_config(lines, {x: "epoch"});
      }));
    }
    into.append(grid);
    for (const [run] of with_log)
      for (const change of run.log.changes)
        into.append(element("p", {class: "missing"}, `${run.name}: changed after step ${change.step}: ${change.change}`));
  }
  for (const run of runs)
    if (run.log && !steps_an_epoch(run.log))
      into.append(element("p", {class: "missing"}, `${run.name}: no epoch is done, so there is no curve yet.`));
  add_missing("curves");
}

function add_calibration() {
  const into = section("calibration");
  const labels = [];
  for (const run of runs) for (const one of run.judged) if (!labels.includes(one.label)) labels.push(one.label);
  if (labels.length) {
    into.append(soft("How often the likeliest class was right, by how sure the model was. On the dashed line a " +
                     "confidence means what it says; below it the model is too sure. ECE: the mean distance from " +
                     "it over ten bins, weighted by what is in each."));
    const grid = element("div", {class: "grid"});
    const rows = [];
    for (const label of labels) {
      const judged = runs.map((run, r) => [run.judged.find((one) => one.label === label), r]).filter(([one]) => one);
      grid.append(chart_figure(`calibration ${label}`, label, () => line_config([
        {label: "as sure as right", colour: css("--soft"), dashed: true, points: [{x: 0, y: 0}, {x: 1, y: 1}]},
        ...judged.map(([one, r]) => ({
          label: runs[r].name, colour: run_colour(r), dots: true,
          points: one.bins.filter((bin) => bin.count > 0).map((bin) => ({x: bin.confidence, y: bin.accuracy})),
        })),
      ], {x: "confidence", y: "accuracy", x_min: 0, x_max: 1, y_min: 0, y_max: 1})));
      const best = Math.min(...judged.map(([one]) => one.ece));
      for (const [one, r] of judged)
        rows.push([{node: named_run(r), sort: runs[r].name, left: true}, {text: label, left: true}, one.count,
                   {text: percent(one.accuracy), sort: one.accuracy},
                   {text: percent(one.confidence), sort: one.confidence},
                   {text: percent(one.ece), sort: one.ece, best: judged.length > 1 && one.ece === best}]);
    }
    into.append(grid, sortable_table(["run", "label", "judged", "accuracy", "mean confidence", "ECE"], rows));
  }
  add_missing("calibration");
}

function add_copying() {
  const into = section("copying");
  const with_gate = runs.map((run, r) => [run, r]).filter(([run]) => run.gates);
  if (with_gate.length) {
    into.append(soft("p_gen is the share of the vocabulary in the distribution of a word; the rest is the pointer's, " +
                     "which copies from the post. A word is copied where the pointer has more than half of its " +
                     "probability."));
    const share = (run, name) => ({text: percent(run.figures[name] / run.figures.replies), sort: run.figures[name]});
    into.append(element("div", {class: "grid"},
      chart_figure("p_gen", "p_gen of every word and end mark written", () => ({
        type: "bar",
        data: {
          labels: with_gate[0][0].gates.counts.map((_, i, all) => (i / all.length).toFixed(2)),
          datasets: with_gate.map(([run, r]) => {
            const all = run.gates.counts.reduce((a, b) => a + b, 0) || 1;
            return {label: run.name, data: run.gates.counts.map((n) => n / all), backgroundColor: run_colour(r)};
          }),
        },
        options: {scales: {x: {title: {display: true, text: "p_gen, from"}, grid: {display: false}},
                           y: {title: {display: true, text: "share of words"}}},
                  plugins: {legend: {position: "bottom", labels: {boxWidth: 18, boxHeight: 8}}}},
      }))),
      sortable_table(["run", "words", "copied words", "replies with a copied word", "… with an unknown word",
                      "posts with one", "median p_gen"],
        with_gate.map(([run, r]) => [{node: named_run(r), sort: run.name, left: true}, run.gates.words,
          {text: percent(run.gates.copied_share, 2), sort: run.gates.copied_share},
          share(run, "replies_with_copied_word"), share(run, "replies_with_unknown_word"),
          share(run, "posts_with_unknown_word"), run.figures.p_gen_50])));
  }
  add_missing("copying");
}

function add_lengths() {
  const into = section("lengths");
  const with_lengths = runs.map((run, r) => [run, r]).filter(([run]) => run.lengths);
  if (with_lengths.length) {
    const shares = (counts) => {
      const all = counts.reduce((a, b) => a + b, 0) || 1;
      return counts.map((n, i) => ({x: i, y: n / all}));
    };
    const gold = with_lengths[0][0].lengths.gold;
    let last = gold.counts.length - 1;
    while (last > 1 && !gold.counts[last] && with_lengths.every(([run]) => !run.lengths.replies.counts[last])) --last;
    into.append(soft("Words of a reply, its end mark not counted, beside the replies that people gave to the same posts."),
      element("div", {class: "grid"},
        chart_figure("lengths", "share of replies by length", () => line_config([
          {label: "people", colour: css("--gold"), dashed: true, points: shares(gold.counts)},
          ...with_lengths.map(([run, r]) => ({label: run.name, colour: run_colour(r),
                                              points: shares(run.lengths.replies.counts)})),
        ], {x: "words", y: "share of replies", x_min: 0, x_max: last}))),
      sortable_table(["whose", "mean words", "Distinct-1", "Distinct-2", "one of the ten commonest"], [
          [{text: "people", left: true}, gold.mean, ...with_lengths[0][0].gold_distinct, null],
          ...with_lengths.map(([run, r]) => [{node: named_run(r), sort: run.name, left: true}, run.lengths.replies.mean,
            run.figures.distinct_1, run.figures.distinct_2,
            {text: percent(run.figures.ten_commonest_share), sort: run.figures.ten_commonest_share}]),
        ]));
  }
  add_missing("lengths");
}
