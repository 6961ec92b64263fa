// Small helpers that the other parts of the script use: elements, numbers, figures, sortable tables.

const report = JSON.parse(document.getElementById("data").textContent);
const runs = report.runs;

// element("td", {class: "best"}, "text", child, …)
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const section = (id) => document.getElementById(id);
const soft = (text) => element("p", {class: "soft"}, text);
const colour = (run) => `var(--run-${run % 8})`;
const named_run = (r) => element("span", {class: "run"}, element("span", {class: "dot", style: `background:${colour(r)}`}), runs[r].name);
const is_number = (x) => typeof x === "number" && Number.isFinite(x);
const percent = (x, digits = 1) => (is_number(x) ? `${(100 * x).toFixed(digits)} %` : "–");

function shown(x) {
  if (x === null || x === undefined) return "–";
  if (typeof x !== "number") return String(x);
  if (Number.isInteger(x)) return x.toLocaleString("en");
  return Math.abs(x) >= 100 ? x.toFixed(1) : Math.abs(x) >= 10 ? x.toFixed(2) : x.toFixed(4);
}

// A figure says that it is there, and once something is drawn that it was drawn: a test counts both.
function figure(name, caption, ...children) {
  return element("figure", {"data-figure": name}, caption ? element("figcaption", {}, caption) : null, ...children);
}
const mark_drawn = (inside) => inside.closest("[data-figure]").setAttribute("data-drawn", "yes");

// One line for each run that lacks what a section shows.
function add_missing(id) {
  for (const run of runs)
    for (const gap of run.missing)
      if (gap.section === id) section(id).append(element("p", {class: "missing"}, `${run.name}: ${gap.why}.`));
}

// cells: {text or node, sort, best, left}. A click on a head sorts by its column, another click the other way.
function sortable_table(heads, rows, options = {}) {
  const body = element("tbody");
  const listed = rows.map((row) => (Array.isArray(row) ? {cells: row} : row));
  // Columns of words begin at the left.
  const lefts = heads.map((_, column) => listed.every((row) => {
    const cell = row.cells[column];
    return cell !== null && typeof cell === "object" && (cell.left || cell.text === null || cell.text === undefined);
  }));
  const cell = (c, column) => {
    const at = c !== null && typeof c === "object" && !(c instanceof Node) ? c : {text: c};
    const classes = [at.best ? "best" : "", lefts[column] ? "text" : "", String(at.text).length > 40 ? "long" : ""]
      .filter(Boolean).join(" ");
    return element("td", {class: classes || null, title: at.title}, at.node || shown(at.text));
  };
  const key = (c) => {
    const at = c !== null && typeof c === "object" && !(c instanceof Node) ? c : {text: c};
    const value = at.sort !== undefined ? at.sort : at.text;
    return value === undefined ? null : value;
  };
  const fill = (order, grouped) => {
    body.replaceChildren();
    let group = null;
    for (const row of order) {
      if (grouped && row.group && row.group !== group)
        body.append(element("tr", {class: "group"}, element("td", {colspan: heads.length}, row.group)));
      group = row.group;
      body.append(element("tr", {}, ...row.cells.map(cell)));
    }
  };
  const head = element("tr");
  heads.forEach((text, column) => {
    const th = element("th", {title: "sort by this column", class: lefts[column] ? "text" : null}, text instanceof Node ? text : String(text));
    th.addEventListener("click", () => {
      const up = th.dataset.sorted === (options.numbers_up ? "up" : "down");
      for (const other of head.children) delete other.dataset.sorted;
      const sign = up === Boolean(options.numbers_up) ? -1 : 1;
      th.dataset.sorted = sign > 0 ? "up" : "down";
      const sorted = [...listed].sort((a, b) => {
        const x = key(a.cells[column]), y = key(b.cells[column]);
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
      });
      fill(sorted, false);
    });
    head.append(th);
  });
  fill(listed, true);
  return element("div", {class: "scroll"}, element("table", {}, element("thead", {}, head), body));
}

// What the pointer is over, in words.
const tip = document.getElementById("tip");
document.addEventListener("pointermove", (event) => {
  const over = event.target.closest ? event.target.closest("[data-tip]") : null;
  tip.hidden = !over;
  if (!over) return;
  tip.textContent = over.dataset.tip;
  tip.style.left = `${Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 8)}px`;
});
