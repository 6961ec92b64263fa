// The tables: who wins, the runs, every figure.

// Of the figures that every model's replies have, by the beginning of the name: what it is called, and whether more is
// better (1), less (−1) or neither (0). The first that fits. Which way a model's own figures go, the model says.
const kinds = [
  ["distinct_1", "Distinct-1", 1],
  ["distinct_2", "Distinct-2", 1],
  ["distinct", null, 1],
  ["bleu", null, 1],
  ["rouge", null, 1],
  ["meteor", null, 1],
  ["chrf", null, 1],
  ["cider", null, 1],
  ["nist", null, 1],
  ["ten_commonest_share", "share of the ten commonest", -1],
  ["replies", null, 0],
  ["posts_with", null, 0],
  ["p_gen", null, 0],
];
const at_mean = "_at_latent_mean";
const of_model = (name) => runs.map((run) => run.better[name.replace(at_mean, "")]).find((better) => better);
function kind_of(name) {
  const better = of_model(name);
  if (better) return [name, null, better, "the model's own"];
  const found = kinds.find(([start]) => name.startsWith(start));
  return found ? [...found, "replies"] : [name, null, 0, "the run"];
}

function label_of(name) {
  const [start, label] = kind_of(name);
  if (/^p_gen_\d+$/.test(name)) return `p_gen, ${Number(name.slice(6))} % quantile`;
  if (label) return label + name.slice(start.length).replaceAll("_", " ");
  const words = name.replaceAll("_", " ").replace(/^loss /, "loss: ").replace(/^bleu/, "BLEU").replace(/^rouge/, "ROUGE");
  return words;
}

const names_of_figures = [];
for (const run of runs) {
  let before = -1;  // a figure that only later runs have comes behind the one before it there
  for (const name of Object.keys(run.figures)) {
    const place = names_of_figures.indexOf(name);
    if (place < 0) names_of_figures.splice(before + 1, 0, name);
    before = names_of_figures.indexOf(name);
  }
}

const same = (name, among) => new Set(among.map((r) => runs[r].figures[name])).size === 1;

// Which runs are best by a figure: {order: runs by rank, best: [r…], better, why_not}
function ranking(name) {
  const [, , better, group] = kind_of(name);
  const order = runs.map((_, r) => r).filter((r) => is_number(runs[r].figures[name]));
  let why_not = null;
  if (!better || order.length < 2) why_not = "";
  else if (group === "the model's own" && better < 0 && order.some((r) => runs[r].lengths) && !same("vocabulary", order)) why_not = "vocabularies differ";
  else if (name.startsWith("perplexity") && !same("unk_share", order)) why_not = "shares of unknown words differ (who cannot copy says UNK, which is easy to say)";
  else if (group === "replies" && !same("replies", order)) why_not = "numbers of replies differ";
  order.sort((a, b) => better * (runs[b].figures[name] - runs[a].figures[name]));
  const best = why_not === null ? order.filter((r) => runs[r].figures[name] === runs[order[0]].figures[name]) : [];
  return {order, best: best.length === order.length ? [] : best, better, why_not};
}

function add_winner() {
  const into = section("winner");
  const decided = names_of_figures.map((name) => [name, ranking(name)]);
  const rows = decided.filter(([name, {why_not}]) => why_not === null && !name.endsWith(at_mean));
  if (runs.length < 2) return into.append(soft("One run: there is nothing to compare it with. Give several."));
  if (!rows.length) return into.append(soft("These runs have no figure in common by which one could be better."));
  const wins = runs.map((_, r) => rows.filter(([, {best}]) => best.includes(r)).length);
  const most = Math.max(...wins), winners = wins.map((n, r) => [n, r]).filter(([n]) => n === most).map(([, r]) => r);
  const verdict = element("div", {class: "verdict"});
  if (most === 0) verdict.append(element("strong", {}, "No winner"), "no figure differs");
  else if (winners.length > 1)
    verdict.append(element("strong", {}, "No clear winner"),
                   `${winners.map((r) => runs[r].name).join(" and ")} are best in ${most} of ${rows.length} figures each`);
  else
    verdict.append(element("strong", {style: `color:${colour(winners[0])}`}, runs[winners[0]].name),
                   `is best in ${most} of ${rows.length} figures that two runs or more have`);
  const tally = element("div", {class: "tally"});
  runs.map((_, r) => r).sort((a, b) => wins[b] - wins[a]).forEach((r) => tally.append(
    named_run(r),
    element("div", {class: "bar"}, element("span", {style: `width:${100 * wins[r] / rows.length}%;background:${colour(r)}`})),
    rows.some(([, {order}]) => order.includes(r)) ? `${wins[r]} of ${rows.length}` : "has none of these"));
  const table = sortable_table(["figure", "best", "its value", "next", "its value", "ahead by"], rows.map(([name, ranked]) => {
    const first = runs[ranked.order[0]].figures[name], tie = ranked.best.length !== 1;
    const second = ranked.order[tie ? 0 : 1], value = runs[second].figures[name];
    const ahead = value ? Math.abs(first - value) / Math.abs(value) : null;
    return [{text: `${label_of(name)}${ranked.better < 0 ? " (less is better)" : ""}`, left: true},
            tie ? {text: "a tie", left: true} : {node: named_run(ranked.best[0]), sort: runs[ranked.best[0]].name, left: true},
            {text: first, best: !tie}, tie ? {text: "–", left: true} : {node: named_run(second), sort: runs[second].name, left: true},
            value, {text: percent(ahead), sort: ahead}];
  }));
  into.append(verdict, tally, table);
  const left_out = decided.filter(([, {why_not}]) => why_not);
  for (const why of new Set(left_out.map(([, {why_not}]) => why_not)))
    into.append(element("p", {class: "missing"}, `Not compared, as ${why}: ` +
      left_out.filter(([, one]) => one.why_not === why).map(([name]) => label_of(name)).join(", ") + "."));
  into.append(soft("A run is one seed of its model: what differs by less than two seeds of the same model do is no win."));
}

function add_runs() {
  const into = section("runs");
  const keys = ["model", "variant", "checkpoint", "epoch", "seed", "parameters", "vocabulary", "decoding", "latent"];
  into.append(sortable_table(["run", ...keys, "folder"], runs.map((run, r) => [
    {node: named_run(r), sort: run.name, left: true},
    ...keys.map((key) => ({text: run.figures[key], left: typeof run.figures[key] === "string"})),
    {text: run.figures.run, left: true, title: run.figures.run}])));
  for (const run of runs) {
    for (const note of run.notes) into.append(element("p", {class: "missing"}, `${run.name}: ${note}`));
    if (run.not_finite.length)
      into.append(element("p", {class: "missing"}, `${run.name}: not finite, so this checkpoint is of no use: ${run.not_finite.join(", ")}`));
  }
}

const of_the_run = new Set(["run", "model", "variant", "checkpoint", "seed", "split", "decode", "decoding", "latent"]);

function add_figures() {
  const into = section("figures");
  const names = names_of_figures.filter((name) => !of_the_run.has(name));
  const groups = ["the model's own", "replies", "the run"];
  names.sort((a, b) => groups.indexOf(kind_of(a)[3]) - groups.indexOf(kind_of(b)[3]));
  const value = (r, name, best) => ({text: runs[r].figures[name], best: best.includes(r)});
  const by_figure = () => sortable_table(["figure", ...runs.map((_, r) => named_run(r))], names.map((name) => {
    const {best} = ranking(name);
    return {group: kind_of(name)[3], cells: [{text: label_of(name), left: true, title: name},
                                             ...runs.map((_, r) => value(r, name, best))]};
  }));
  const by_run = () => sortable_table(["run", ...names.map(label_of)], runs.map((run, r) => [
    {node: named_run(r), sort: run.name, left: true}, ...names.map((name) => value(r, name, ranking(name).best))]));
  const place = element("div", {}, by_figure());
  const choose = (make, button) => () => {
    for (const other of tools.querySelectorAll("button")) other.setAttribute("aria-pressed", other === button());
    place.replaceChildren(make());
  };
  const figures_first = element("button", {type: "button", "aria-pressed": "true", onclick: choose(by_figure, () => figures_first)}, "a row a figure");
  const runs_first = element("button", {type: "button", "aria-pressed": "false", onclick: choose(by_run, () => runs_first)}, "a row a run");
  const tools = element("div", {class: "tools"}, figures_first, runs_first);
  into.append(soft(`On the split “${report.split}”. ★: the best of its figure, where more, or less, is better and the runs ` +
                   "can be compared. A click on the head of a column sorts by it."), tools, place);
}
