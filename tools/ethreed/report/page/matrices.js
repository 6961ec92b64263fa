// Heat maps of classes: confusion, and where the policy goes.

const svg_space = "http://www.w3.org/2000/svg";
function svg(tag, attributes, ...children) {
  const made = document.createElementNS(svg_space, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// counts[row][column]; a row is coloured by its shares. `diagonal`: cells where row and column are the same class.
function heat_map(rows, columns, counts, says, diagonal) {
  const cell = 15, left = 86, top = 84;
  const width = left + cell * columns.length + 46, height = top + cell * rows.length + 2;
  const made = svg("svg", {class: "heat", viewBox: `0 0 ${width} ${height}`, role: "img"});
  made.append(svg("rect", {class: "back", x: left, y: top, width: cell * columns.length, height: cell * rows.length}));
  columns.forEach((name, c) => made.append(svg("text", {
    transform: `translate(${left + cell * c + 11} ${top - 5}) rotate(-60)`}, name)));
  rows.forEach((name, r) => {
    const all = counts[r].reduce((a, b) => a + b, 0);
    made.append(svg("text", {x: left - 5, y: top + cell * r + 11, "text-anchor": "end"}, name));
    counts[r].forEach((n, c) => {
      const share = all ? n / all : 0;
      const kind = diagonal && rows[r] === columns[c] ? "cell diagonal" : "cell";
      made.append(svg("rect", {class: kind, x: left + cell * c + .5, y: top + cell * r + .5, width: cell - 1,
        height: cell - 1, "fill-opacity": n ? (.05 + .95 * Math.pow(share, .7)).toFixed(3) : 0,
        "data-tip": says(rows[r], columns[c], n, all)}));
    });
  });
  return made;
}

function heat_figure(name, caption, ...arguments_of_map) {
  const made = figure(name, caption, heat_map(...arguments_of_map));
  mark_drawn(made.lastChild);
  return made;
}

const top_pairs = 8;

function add_emotions() {
  const into = section("emotions");
  if (runs.some((run) => run.judged.length)) {
    into.append(soft("A row is the true class, a column the class that the model took for the likeliest; the deeper " +
                     "the colour, the larger the share of the row. Blue: right. Point at a cell for its numbers."));
    const grid = element("div", {class: "grid wide"});
    const pairs = [];
    runs.forEach((run, r) => {
      for (const one of run.judged) {
        const says = (row, column, n, all) => `${row} → ${column}: ${n} of ${all} (${percent(all ? n / all : null)})`;
        grid.append(heat_figure(`confusion ${run.name} ${one.label}`,
          `${run.name}: ${one.label}, accuracy ${percent(one.accuracy)} of ${shown(one.count)}`,
          one.classes, one.classes, one.counts, says, true));
        const wrong = [];
        one.counts.forEach((row, g) => row.forEach((n, c) => {
          const all = row.reduce((a, b) => a + b, 0);
          if (g !== c && n) wrong.push([{node: named_run(r), sort: run.name, left: true}, {text: one.label, left: true},
            {text: one.classes[g], left: true}, {text: one.classes[c], left: true}, n,
            {text: percent(n / all), sort: n / all}]);
        }));
        wrong.sort((a, b) => b[4] - a[4]);
        pairs.push(...wrong.slice(0, top_pairs));
      }
    });
    into.append(grid, element("details", {}, element("summary", {}, "the commonest mistakes, as a table"),
      sortable_table(["run", "label", "true", "taken for", "times", "of its row"], pairs)));
  }
  add_missing("emotions");
}

function add_policy() {
  const into = section("policy");
  if (runs.some((run) => run.plans && run.plans.length)) {
    into.append(soft("A row is the speaker's true emotion, a column the likeliest emotion that the model plans for its " +
                     "reply. Blue: the speaker's own emotion, mirrored. A column that is dark from top to bottom is an " +
                     "emotion that every speaker gets."));
    const grid = element("div", {class: "grid wide"});
    runs.forEach((run) => {
      for (const plan of run.plans || []) {
        const totals = plan.classes.map((_, c) => plan.counts.reduce((sum, row) => sum + row[c], 0));
        const all = totals.reduce((a, b) => a + b, 0) || 1;
        const order = totals.map((n, c) => [n, plan.classes[c]]).sort((a, b) => b[0] - a[0]).filter(([n]) => n);
        const says = (row, column, n, of) => `speaker ${row} → reply ${column}: ${n} of ${of} (${percent(of ? n / of : null)})`;
        const map = heat_figure(`policy ${run.name} ${plan.label}`, `${run.name}: ${plan.label}`, plan.rows, plan.classes,
                                plan.counts, says, true);
        map.append(soft(`${order.length} of ${plan.classes.length} emotions are ever planned; most often ` +
          order.slice(0, 5).map(([n, name]) => `${name} ${percent(n / all, 0)}`).join(", ") +
          (plan.by_policy ? "." : ". This variant has no policy: what is shown is what it expects of the listener.")));
        grid.append(map);
      }
    });
    into.append(grid);
  }
  add_missing("policy");
}
