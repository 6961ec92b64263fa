// How figures and replies change with the latent variables: their sample, their mean, the plan of another dialogue.

function latents_table(latents) {
  const range = (x) => (x && is_number(x.low) ? `[${shown(x.low)}, ${shown(x.high)}]` : "");
  const heads = ["figure", ...latents.modes, ...latents.modes.slice(1).map((mode) => `${mode} − ${latents.modes[0]}`)];
  const cell = (x, sign) => (x === null || !is_number(x.value) ? {text: null}
    : {node: element("span", {}, `${sign && x.value > 0 ? "+" : ""}${shown(x.value)} `, element("span", {class: "soft"}, range(x)),
                     sign && is_number(x.low) && (x.low > 0 || x.high < 0) ? " *" : ""), sort: x.value});
  return sortable_table(heads, latents.figures.map((figure) => [
    {text: `${label_of(figure.name)} (${figure.unit})`, left: true, title: figure.name},
    ...figure.values.map((x) => cell(x, false)), ...figure.differences.slice(1).map((x) => cell(x, true))]));
}

function add_latents() {
  const into = section("latents");
  if (!into) return;
  into.append(soft("The same split in every mode. In brackets 95 % intervals by paired bootstrap over dialogues; * where 0 is outside. " +
                   "“shuffled”: every reply is written by the plan of another dialogue. If replies and figures stay the same, the words " +
                   "owe nothing to the plan."));
  runs.forEach((run, r) => {
    if (!run.latents) return;
    const {dialogues, answered, classifier, resamples, seed, absent} = run.latents;
    into.append(element("h3", {}, named_run(r)), latents_table(run.latents),
      soft(`${dialogues} dialogues, replies to ${answered}; ${resamples} draws, seed ${seed}` +
           (classifier ? `; emotions of replies by ${classifier}` : "")));
    for (const {name, why} of absent) into.append(element("p", {class: "missing"}, `${run.name}: ${name} is absent: ${why}.`));
  });
  add_missing("latents");
}
