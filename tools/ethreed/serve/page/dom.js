"use strict";
// Small helpers of the other parts: elements, numbers, and what goes wrong.

const by_id = (id) => document.getElementById(id);

// element("li", {class: "said"}, "text", child, …); `share: {"--p": 0.3}` sets properties of its style.
function element(tag, attributes, ...children) {
  const made = document.createElementNS(["svg", "path", "circle", "line", "text"].includes(tag) ? "http://www.w3.org/2000/svg"
    : "http://www.w3.org/1999/xhtml", tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "share") for (const [key, share] of Object.entries(value)) made.style.setProperty(key, String(share));
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const percent = (share) => `${Math.round(100 * share)} %`;
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

function show_error(message) {
  by_id("errors").replaceChildren(element("li", {}, message));
  by_id("errors").hidden = false;
}
function forget_errors() {
  by_id("errors").hidden = true;
  by_id("errors").replaceChildren();
}
window.addEventListener("error", (event) => show_error(`The page failed: ${event.message} (line ${event.lineno})`));
window.addEventListener("unhandledrejection", (event) => show_error(`The page failed: ${event.reason}`));
