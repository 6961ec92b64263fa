// Puts the page together.

function choose_theme(theme) {
  document.documentElement.dataset.theme = theme;
}
choose_theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
section("theme").addEventListener("click", () => {
  choose_theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  draw_charts();
});

if (!runs.some((run) => run.latents || run.missing.some((gap) => gap.section === "latents"))) section("latents").remove();
section("title").textContent = report.title;
section("subtitle").textContent =
  `${runs.length} ${runs.length === 1 ? "run" : "runs"}, measured on the split “${report.split}”, seed ${report.seed}`;
for (const part of document.querySelectorAll("main section"))
  section("contents").append(element("a", {href: `#${part.id}`}, part.querySelector("h2").textContent));
section("about").textContent =
  `Made by ${report.program}. Charts are drawn by ${report.library} (MIT licence, https://www.chartjs.org), which is in ` +
  "this file: the page needs no network.";

add_winner();
add_runs();
add_figures();
add_curves();
add_emotions();
add_calibration();
add_policy();
add_latents();
add_copying();
add_lengths();
add_cases();
draw_charts();
document.documentElement.dataset.ready = "yes";
