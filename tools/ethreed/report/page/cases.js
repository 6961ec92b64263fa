// The case study: dialogues with everything that the runs make of them.

const chips = (title, likeliest, most = 3) => element("div", {class: "chips"}, element("span", {class: "soft"}, title),
  ...likeliest.slice(0, most).map(([name, p]) =>
    element("span", {class: "chip", style: `--p:${(100 * p).toFixed(1)}%`, "data-tip": `${name}: ${percent(p)}`},
            `${name} ${percent(p, 0)}`)));

// A row a word of the reply, a column a word that was read. Without a coverage there is nothing to choose.
function looked_table(attention) {
  const place = element("div", {class: "scroll"});
  const fill = (what) => place.replaceChildren(element("table", {class: "looked"},
    element("thead", {}, element("tr", {}, element("th", {class: "plain"}, ""), element("th", {class: "plain"}, "p_gen"),
      ...attention.source.map((source) => element("th", {"data-tip": source.unknown ? "not in the vocabulary" : null},
        source.unknown ? element("em", {}, source.word) : source.word)))),
    element("tbody", {}, ...attention.steps.map((step) => element("tr", {},
      element("th", {class: step.copied ? "copied" : null,
        "data-tip": `${step.copied ? "copied" : "generated"}; probability ${percent(step.probability)}, of it the pointer's ${percent(step.copied_share)}`},
        step.word),
      element("td", {class: "gate", style: `--p:${(100 * step.p_gen).toFixed(1)}%`}, step.p_gen.toFixed(2)),
      ...step[what].map((x, j) => element("td", {class: "heat", style: `--p:${Math.pow(Math.min(1, x), .7).toFixed(3)}`,
        "data-tip": `${step.word} ← ${attention.source[j].word}: attention ${step.attention[j].toFixed(3)}` +
                    (step.coverage ? `, coverage before ${step.coverage[j].toFixed(3)}` : "")})))))));
  const covers = attention.steps.some((step) => step.coverage);
  const tools = element("div", {class: "tools"}, ...(covers ? ["attention", "coverage"] : []).map((what) =>
    element("button", {type: "button", "aria-pressed": what === "attention", onclick: (event) => {
      for (const other of tools.children) other.setAttribute("aria-pressed", other === event.target);
      fill(what);
    }}, what)));
  fill("attention");
  return [tools, place];
}

function reply_card(r, turn, name, open) {
  const card = element("div", {class: "reply", style: `border-top-color:${colour(r)}`},
    element("span", {class: "who"}, named_run(r)), element("div", {class: "text"}, turn.reply || "(nothing)"));
  if (!turn.ended) card.append(soft("cut off at the greatest length"));
  for (const insight of turn.insights) card.append(chips(insight.label, insight.likeliest));
  for (const other of turn.latents || []) {
    card.append(element("div", {class: "other"}, element("span", {class: "soft"}, `${other.latent}: `),
      other.reply === turn.reply ? element("em", {}, "the same words") : other.reply || "(nothing)"));
    const plan = other.insights[other.insights.length - 1];
    if (plan) card.append(chips(plan.label, plan.likeliest, 1));
  }
  if (turn.attention) {
    const words = turn.attention.steps.slice(0, turn.ended ? -1 : undefined).filter((step) => step.copied)
      .map((step) => step.word);
    if (words.length) card.append(element("div", {class: "chips"}, element("span", {class: "soft"}, "copied"),
                                          ...words.map((word) => element("span", {class: "copied"}, word))));
    const map = figure(`attention ${name}`, null, ...looked_table(turn.attention));
    mark_drawn(map.lastChild);
    card.append(element("details", {open: open ? "" : null}, element("summary", {}, "where it looked, word by word"), map));
  }
  return card;
}

// The likeliest emotions of every utterance as lines.
function tracked_figure(one, r) {
  const turns = one.runs[r].tracked;
  const utterances = turns.flatMap((turn) => [turn.post, turn.response]);
  const labels = turns.flatMap((_, t) => [`speaker ${t + 1}`, `listener ${t + 1}`]);
  const most = new Map();
  for (const utterance of utterances)
    for (const [name, p] of utterance) most.set(name, Math.max(p, most.get(name) || 0));
  const names = [...most].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([name]) => name);
  return chart_figure(`tracked ${one.conversation} ${runs[r].name}`, `${runs[r].name}: emotions as it follows them`,
    () => line_config(names.map((name, k) => ({
      label: name, colour: run_colour(k), dots: true,
      points: utterances.map((utterance) => (utterance.find(([other]) => other === name) || [name, 0])[1]),
    })), {x_labels: labels, y: "probability", y_min: 0, y_max: 1}));
}

function case_view(one) {
  const view = element("div", {class: "case"}, element("h3", {},
    `${one.conversation}${one.emotion ? `: told to talk about being ${one.emotion}` : ""}`));
  one.turns.forEach((turn, t) => {
    const post = element("div", {class: "said speaker"}, element("span", {class: "who"},
      `speaker, turn ${t + 1}${turn.emotion ? ` (${turn.emotion})` : ""}`), turn.post);
    const gold = element("div", {class: "said gold"}, element("span", {class: "who"},
      `what the person answered${turn.gold_emotion ? ` (${turn.gold_emotion})` : ""}`), turn.gold);
    const replies = element("div", {class: "replies"});
    one.runs.forEach((answers, r) => {
      if (answers && answers.turns) replies.append(reply_card(r, answers.turns[t], `${one.conversation} ${t + 1} ${runs[r].name}`, t === 0));
    });
    view.append(element("div", {class: "turn"}, post, gold, replies));
  });
  const tracked = one.runs.map((answers, r) => [answers, r]).filter(([answers]) => answers && answers.tracked);
  if (tracked.length)
    view.append(element("h3", {}, "Emotions, utterance by utterance"),
                element("div", {class: "grid"}, ...tracked.map(([, r]) => tracked_figure(one, r))));
  one.runs.forEach((answers, r) => {
    if (!answers) view.append(element("p", {class: "missing"}, `${runs[r].name}: its data has no such dialogue.`));
    else if (!answers.tracked) view.append(element("p", {class: "missing"}, `${runs[r].name}: follows no emotion.`));
  });
  return view;
}

function add_cases() {
  const into = section("cases");
  if (!report.cases.length) return into.append(soft("No dialogue was asked for."));
  into.append(soft("Each post is answered after its real history. Bold and underlined: copied from the post. Every bar is a probability."));
  const place = element("div");
  const tools = element("div", {class: "tools"});
  const show = (chosen, button) => {
    for (const other of tools.children) other.setAttribute("aria-pressed", other === button);
    place.replaceChildren(...chosen.map(case_view));
    draw_charts();
  };
  report.cases.forEach((one, k) => {
    const button = element("button", {type: "button", onclick: () => show([one], button)},
                           one.emotion ? `${k + 1} ${one.emotion}` : `${k + 1}`);
    tools.append(button);
  });
  const all = element("button", {type: "button", onclick: () => show(report.cases, all)}, "all below each other");
  tools.append(all);
  into.append(tools, place);
  if (location.hash === "#all") show(report.cases, all);
  else show([report.cases[0]], tools.children[0]);
  add_missing("cases");
}
