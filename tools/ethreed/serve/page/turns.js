// One turn of the conversation: what was said, the emotions, the reply, and replies of other emotions beside it.

function notes_of(record) {
  const notes = [];
  if (record.tokens_cut > 0) notes.push(`The first ${plural(record.tokens_cut, "word or mark was", "words and marks were")} not read.`);
  if (record.no_known_word) notes.push("The model knows no word of this.");
  else if (record.unknown_share > 0) notes.push(`${percent(record.unknown_share)} of what was read is unknown to the model.`);
  if (record.copied_words && record.copied_words.length > 0) notes.push(`Copied from your words: ${record.copied_words.join(", ")}.`);
  if (record.ended === false) notes.push("The reply was cut at its greatest length.");
  return notes.length > 0 ? element("p", {class: "notes"}, notes.join(" ")) : null;
}

// turn: {text, answers: [{record, emotion}], used, model}. Changed in place; `change` is called then.
function turn_element(turn, number, {change, compare}) {
  const cards = turn.answers.map((answer, k) => {
    const record = answer.record;
    const used = k === turn.used;
    const who = answer.emotion ? `model, as ${answer.emotion}` : "model";
    return element("div", {class: `said model${used && turn.answers.length > 1 ? " used" : ""}`},
      element("span", {class: "who"}, used && turn.answers.length > 1 ? `${who} (goes on with this)` : who),
      record.status !== "answered" ? element("div", {class: "text"}, "(there was nothing to answer)")
        : record.reply ? reply_words(record) : element("div", {class: "text"}, "(it says nothing)"),
      notes_of(record),
      used ? null : element("div", {class: "tools"}, element("button", {type: "button", onclick: () => {
        turn.used = k;
        change();
      }}, "Go on with this one")));
  });
  const record = turn.answers[turn.used].record;
  return element("li", {class: "turn", "aria-label": `turn ${number}`},
    element("div", {class: "said you"}, element("span", {class: "who"}, "you"), turn.text),
    element("div", {class: `replies${cards.length > 1 ? " many" : ""}`}, ...cards),
    record.status === "answered" ? insights_of(record, turn.model) : null,
    turn.model.reply_emotions && record.status === "answered"
      ? element("div", {class: "row tools compare"}, element("button", {type: "button", onclick: compare},
        "Compare with the chosen emotion"))
      : null);
}
