// The page that a rater fills in, around the data of the sheet (study_sheet.cpp).

#include <string_view>

namespace ethreed {

extern const std::string_view study_page_head, study_page_tail;

const std::string_view study_page_head = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Rating sheet</title>
<style>
:root { --ink: #1c2733; --line: #cfd8e3; --soft: #f3f6fa; --mark: #1a5fb4; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; }
header { position: sticky; top: 0; z-index: 1; background: #fff; border-bottom: 1px solid var(--line); }
.bar, main { max-width: 54rem; margin: 0 auto; padding: .7rem 1rem; }
.bar { display: flex; gap: .7rem; align-items: center; flex-wrap: wrap; }
.bar strong { margin-right: auto; }
progress { width: 8rem; accent-color: var(--mark); }
button { font: inherit; padding: .35rem .9rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--soft); cursor: pointer; }
button.main { background: var(--mark); border-color: var(--mark); color: #fff; }
button:disabled { opacity: .45; cursor: default; }
.said { margin: 0 0 1rem; padding: 0; list-style: none; }
.said li { margin: .35rem 0; padding: .45rem .8rem; border-radius: .6rem; background: var(--soft); max-width: 85%; width: fit-content; }
.said li.listener { margin-left: auto; background: #e7effa; }
.said b { display: block; font-size: .78rem; color: #5a6b7d; font-weight: 600; }
section { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; margin: .9rem 0; }
section.missing { border-color: #c64600; box-shadow: 0 0 0 2px #f7d9c8; }
h2 { font-size: 1rem; margin: 0 0 .2rem; }
.reply { margin: .2rem 0 .6rem; font-size: 1.08rem; }
fieldset { border: 0; margin: .25rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem .4rem; align-items: center; }
legend { float: left; width: 7rem; padding: 0; font-weight: 600; }
label { display: inline-flex; align-items: center; gap: .3rem; padding: .15rem .7rem; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer; }
label:has(input:checked) { border-color: var(--mark); background: #e7effa; }
label:focus-within { outline: 2px solid var(--mark); }
.ends { color: #5a6b7d; font-size: .85rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; margin: .3rem 0 .7rem; }
.pair div { background: var(--soft); border-radius: .5rem; padding: .5rem .8rem; }
@media (max-width: 40rem) { .pair { grid-template-columns: 1fr; } legend { width: 100%; } }
details { border: 1px solid var(--line); border-radius: .6rem; padding: .5rem 1rem; background: var(--soft); margin-bottom: 1rem; }
#warning { color: #c64600; font-weight: 600; }
nav { display: flex; justify-content: space-between; margin: 1rem 0 3rem; }
</style>
</head>
<body>
<header><div class="bar">
  <strong id="where"></strong>
  <progress id="progress"></progress><span id="done"></span>
  <button id="open" type="button">Next open answer</button>
  <button id="save" type="button" class="main">Save the sheet</button>
</div></header>
<main>
<details id="help" open><summary><b>What to do</b></summary>
<p>Each page shows what two people have said to each other, and replies that the listener might give next. Rate every
reply from 1 (not at all) to 5 (very much), each by itself:</p>
<ul>
<li><b>Empathy</b>: does the reply show that the listener understands how the speaker feels?</li>
<li><b>Relevance</b>: does it fit what was said?</li>
<li><b>Fluency</b>: is it good, natural language?</li>
</ul>
<p>Where two replies stand side by side, choose the one that you would rather get, or a tie. Nothing here is right or wrong.
You can stop and come back: this browser keeps your answers. At the end press <b>Save the sheet</b> and send back the file
that it makes. Keys 1 to 5 answer the rating that has the focus.</p></details>
<p id="warning" role="alert"></p>
<div id="page"></div>
<nav><button id="back" type="button">← Back</button><button id="next" type="button" class="main">Next →</button></nav>
</main>
<script type="application/json" id="data">)html";

const std::string_view study_page_tail = R"html(</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const aspects = ["empathy", "relevance", "fluency"];
const store = "ethreed-study-" + data.study + "-" + data.rater;
const $ = id => document.getElementById(id);
let state = {answers: {}, at: 0}, kept = true;
try {
  const old = JSON.parse(localStorage.getItem(store));
  if (old && old.answers) state = old;
} catch (error) { kept = false; }
if (!(state.at >= 0 && state.at < data.blocks.length)) state.at = 0;

function keep() {
  try { localStorage.setItem(store, JSON.stringify(state)); } catch (error) { kept = false; }
  $("warning").textContent = kept ? "" : "This browser keeps nothing between visits: save before you close the page.";
}
function questions(block) {
  const all = [];
  for (const r of block.ratings) for (const a of aspects) all.push([r.item, a]);
  for (const c of block.choices) all.push([c.item, "choice"]);
  return all;
}
const answer = (item, what) => (state.answers[item] || {})[what] || "";
const open = block => questions(block).filter(([item, what]) => !answer(item, what)).length;
function make(tag, text, name) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  return node;
}
function choices(item, what, title, values, ends) {
  const set = make("fieldset");
  set.append(make("legend", title));
  if (ends) set.append(make("span", ends[0], "ends"));
  for (const [value, text] of values) {
    const label = make("label"), input = make("input");
    input.type = "radio";
    input.name = item + "-" + what;
    input.value = value;
    input.checked = answer(item, what) === value;
    input.addEventListener("change", () => {
      (state.answers[item] = state.answers[item] || {})[what] = value;
      keep();
      totals();
      set.closest("section").classList.remove("missing");
    });
    label.append(input, text);
    set.append(label);
  }
  if (ends) set.append(make("span", ends[1], "ends"));
  set.addEventListener("keydown", event => {
    const input = [...set.querySelectorAll("input")].find(i => i.value === event.key);
    if (input) { input.click(); input.focus(); }
  });
  return set;
}
function totals() {
  const all = data.blocks.reduce((sum, b) => sum + questions(b).length, 0);
  const left = data.blocks.reduce((sum, b) => sum + open(b), 0);
  $("progress").max = all;
  $("progress").value = all - left;
  $("done").textContent = (all - left) + " of " + all + " answers";
  $("open").disabled = left === 0;
  return left;
}
function show() {
  const block = data.blocks[state.at], page = $("page");
  page.replaceChildren();
  $("where").textContent = "Conversation " + (state.at + 1) + " of " + data.blocks.length;
  const said = make("ol", undefined, "said");
  for (const turn of block.said) {
    const line = make("li", undefined, turn.who.toLowerCase());
    line.append(make("b", turn.who), turn.text);
    said.append(line);
  }
  page.append(said);
  block.ratings.forEach((r, i) => {
    const box = make("section");
    box.append(make("h2", "Reply " + (i + 1)), make("p", r.reply || "(no words)", "reply"));
    for (const a of aspects)
      box.append(choices(r.item, a, a[0].toUpperCase() + a.slice(1), ["1", "2", "3", "4", "5"].map(v => [v, v]),
                         ["not at all", "very much"]));
    page.append(box);
  });
  for (const c of block.choices) {
    const box = make("section"), pair = make("div", undefined, "pair");
    for (const [name, text] of [["A", c.a], ["B", c.b]]) {
      const side = make("div");
      side.append(make("h2", name), text || "(no words)");
      pair.append(side);
    }
    box.append(make("h2", "Which reply would you rather get?"), pair,
               choices(c.item, "choice", "Better", [["A", "A"], ["tie", "tie"], ["B", "B"]]));
    page.append(box);
  }
  $("back").disabled = state.at === 0;
  $("next").disabled = state.at === data.blocks.length - 1;
  totals();
  keep();
}
function go(to) {
  state.at = Math.max(0, Math.min(data.blocks.length - 1, to));
  $("help").open = false;
  show();
  scrollTo(0, 0);
}
function table() {
  const quote = text => '"' + String(text).replaceAll('"', '""') + '"';
  const rows = [data.columns];
  for (const b of data.blocks) {
    for (const r of b.ratings)
      rows.push([data.study, data.rater, r.item, "rating", b.context, r.reply, "", ...aspects.map(a => answer(r.item, a)), ""]);
    for (const c of b.choices)
      rows.push([data.study, data.rater, c.item, "choice", b.context, c.a, c.b, "", "", "", answer(c.item, "choice")]);
  }
  return rows.map(row => row.map(quote).join(",") + "\r\n").join("");
}
$("back").addEventListener("click", () => go(state.at - 1));
$("next").addEventListener("click", () => go(state.at + 1));
function to_open() {
  const place = data.blocks.findIndex(open);
  if (place < 0) return;
  go(place);
  for (const box of document.querySelectorAll("section"))
    if ([...box.querySelectorAll("fieldset")].some(set => !set.querySelector("input:checked"))) box.classList.add("missing");
  const first = document.querySelector("section.missing");
  if (first) first.scrollIntoView({block: "center"});
}
$("open").addEventListener("click", to_open);
$("save").addEventListener("click", () => {
  const left = totals();
  if (left > 0 && !confirm(left + " answers are still open. Save what is there all the same?")) { to_open(); return; }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff" + table()], {type: "text/csv;charset=utf-8"}));
  link.download = "rater-" + data.rater + "-filled.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});
show();
$("help").open = state.at === 0;
</script>
</body>
</html>
)html";

}  // namespace ethreed
