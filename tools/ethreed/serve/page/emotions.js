// The emotions of a turn as bars, and those of the speaker over the dialogue as lines.

const shown_classes = 5;
const shown_lines = 4;
const dashes = ["", "6 3", "2 3", "8 3 2 3"];

// [[class, probability], …], the likeliest first.
const by_share = (distribution) => Object.entries(distribution).sort((a, b) => b[1] - a[1]);

function bars(insight, distribution) {
  const top = by_share(distribution).slice(0, shown_classes);
  return element("div", {class: "insight"},
    element("h3", {}, `${insight.chat[0].toUpperCase()}${insight.chat.slice(1)}: ${top[0][0]}`),
    element("ul", {class: "bars", "aria-label": insight.label},
      ...top.map(([name, share]) => element("li", {share: {"--share": share}}, element("span", {}, name),
        element("span", {}, percent(share))))));
}

function insights_of(record, model) {
  const found = model.insights.filter((insight) => record.distributions && record.distributions[insight.key]);
  if (found.length === 0) return element("p", {class: "notes"}, "This model tracks no emotions.");
  return element("div", {class: "insights"}, ...found.map((insight) => bars(insight, record.distributions[insight.key])));
}

// The classes that were likeliest somewhere, with their probability turn by turn.
function lines_of(distributions) {
  const most = new Map();
  for (const distribution of distributions)
    for (const [name, share] of Object.entries(distribution)) most.set(name, Math.max(most.get(name) || 0, share));
  return [...most.entries()].sort((a, b) => b[1] - a[1]).slice(0, shown_lines)
    .map(([name]) => ({name, shares: distributions.map((distribution) => distribution[name] || 0)}));
}

function line_table(lines) {
  return element("details", {}, element("summary", {}, "The same as a table"),
    element("div", {class: "scroll"}, element("table", {},
      element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "turn"),
        ...lines.map((line) => element("th", {scope: "col"}, line.name)))),
      element("tbody", {}, ...lines[0].shares.map((_, t) => element("tr", {}, element("th", {scope: "row"}, t + 1),
        ...lines.map((line) => element("td", {}, percent(line.shares[t])))))))));
}

// `records`: of the turns that one model has answered.
function draw_line(records, model) {
  const place = by_id("line");
  const insight = model ? model.insights.find((one) => !one.of_reply) : null;
  if (!insight) {
    place.replaceChildren(element("p", {class: "soft"}, "This model tracks no emotions of the speaker."));
    return;
  }
  const distributions = records.map((record) => record.distributions && record.distributions[insight.key]).filter(Boolean);
  if (distributions.length === 0) {
    place.replaceChildren(element("p", {class: "soft"}, "It begins with your first words."));
    return;
  }
  const width = 320, height = 170, left = 42, right = 10, top = 10, bottom = 22;
  const lines = lines_of(distributions);
  const x = (t) => distributions.length === 1 ? (left + width - right) / 2 : left + t * (width - left - right) / (distributions.length - 1);
  const y = (share) => top + (1 - share) * (height - top - bottom);
  const svg = element("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label":
    `${insight.label}, turn by turn: ${lines.map((line) => `${line.name} ${line.shares.map(percent).join(", ")}`).join("; ")}`});
  for (const share of [0, .5, 1])
    svg.append(element("line", {class: "axis", x1: left, x2: width - right, y1: y(share), y2: y(share)}),
      element("text", {class: "soft-text", x: left - 5, y: y(share) + 4, "text-anchor": "end"}, percent(share)));
  const every = Math.ceil(distributions.length / 8);
  for (let t = 0; t < distributions.length; t += every)
    svg.append(element("text", {class: "soft-text", x: x(t), y: height - 6, "text-anchor": "middle"}, t + 1));
  lines.forEach((line, k) => {
    const points = line.shares.map((share, t) => `${x(t).toFixed(1)} ${y(share).toFixed(1)}`);
    const path = element("path", {d: `M${points.join("L")}`, fill: "none", "stroke-width": 2, "stroke-dasharray": dashes[k]});
    path.style.stroke = `var(--c${k})`;
    svg.append(path);
    line.shares.forEach((share, t) => {
      const point = element("circle", {cx: x(t), cy: y(share), r: 3.2});
      point.style.fill = `var(--c${k})`;
      svg.append(point);
    });
  });
  const legend = element("ul", {}, ...lines.map((line, k) => {
    const dot = element("span", {class: "dot"});
    dot.style.background = `var(--c${k})`;
    return element("li", {}, dot, `${line.name} ${percent(line.shares[line.shares.length - 1])}`);
  }));
  place.replaceChildren(svg, legend, line_table(lines));
}
