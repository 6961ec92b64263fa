// The words of a reply, and behind each of them where the pointer looked.

const shown_word = (word) => word === "<eos>" ? "(end)" : word;

function describe(step) {
  const how = step.copied ? "copied" : "generated";
  return `“${shown_word(step.word)}”: ${how}; the vocabulary gives ${percent(step.p_gen)} of its distribution, ` +
    `${percent(step.copied_share)} of its probability came from what was read; probability ${step.probability.toFixed(3)}.`;
}

// What was read: shaded by attention, underlined by what was looked at before (of a model that keeps that).
function show_look(source, step) {
  [...source.children].forEach((word, j) => {
    const look = step ? step.attention[j] : 0, covered = step && step.coverage ? Math.min(1, step.coverage[j]) : 0;
    word.style.setProperty("--look", String(look));
    word.style.setProperty("--cover-share", String(covered));
    const before = step && step.coverage ? `, received before ${step.coverage[j].toFixed(3)}` : "";
    word.title = step ? `attention ${look.toFixed(3)}${before}` : "";
  });
}

// A group of buttons of which one is in the order of the tabulator; arrows go from word to word.
function reply_words(record) {
  if (!record.attention) return element("div", {class: "text"}, record.reply);
  const {source, steps} = record.attention;
  const covers = steps.some((step) => step.coverage);
  const post = element("div", {class: "source", "aria-label": "what was read"},
    ...source.map((word) => element("span", {class: word.unknown ? "unknown" : ""}, shown_word(word.word))));
  const looked = element("p", {class: "looked", role: "status"},
    `Choose a word of the reply: what was read shows where it looked (shade)${covers ? " and where it had looked before (line)" : ""}.`);
  let pinned = null;
  const show = (k) => {
    if (k === null) return;
    const step = steps[k];
    show_look(post, step);
    const most = source.map((word, j) => [shown_word(word.word), step.attention[j]]).sort((a, b) => b[1] - a[1]).slice(0, 3)
      .map(([word, share]) => `${word} ${percent(share)}`).join(", ");
    looked.textContent = `${describe(step)} Looked at ${most}.`;
  };
  const buttons = steps.map((step, k) => element("button", {
    type: "button", class: step.copied ? "copied" : "", tabindex: k === 0 ? "0" : "-1", "aria-pressed": "false",
    "aria-label": `${shown_word(step.word)}, ${step.copied ? "copied" : "generated"}`,
    onpointerenter: () => show(k), onpointerleave: () => show(pinned), onfocus: () => show(k),
    onclick: () => {
      pinned = pinned === k ? null : k;
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === pinned)));
      show(k);
    },
  }, shown_word(step.word)));
  const words = element("div", {class: "words", role: "group", "aria-label": `reply, word by word: ${record.reply}`,
    onkeydown: (event) => {
      const at = buttons.indexOf(document.activeElement);
      const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1}[event.key];
      if (at < 0 || to === undefined || !buttons[to]) return;
      event.preventDefault();
      buttons[at].tabIndex = -1;
      buttons[to].tabIndex = 0;
      buttons[to].focus();
    }}, ...buttons);
  return element("div", {}, element("div", {class: "text"}, record.reply),
    element("details", {class: "behind"}, element("summary", {}, "Word by word"), words, post, looked));
}
