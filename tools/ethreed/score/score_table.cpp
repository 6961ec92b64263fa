#include "tools/ethreed/score/score_table.h"

#include "core/printable.h"
#include "tools/ethreed/text_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view none = "–";

std::string shown(double value, FigureUnit unit) {
  if (std::isnan(value)) return std::string(none);
  if (unit == FigureUnit::count) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, unit == FigureUnit::percent || unit == FigureUnit::tokens ? 2 : 4);
}

Cells figure_cells(const ScoreTable& table) {
  Cells rows{{"figure", "unit"}};
  for (const std::string& name : table.names) rows[0].push_back(printable(name));
  for (std::size_t f = 0; f < table.columns[0].size(); ++f) {
    const ScoreFigure& first = table.columns[0][f];
    std::vector<std::string>& row = rows.emplace_back(std::vector{first.name, std::string(name_of(first.unit))});
    for (const auto& column : table.columns) row.push_back(shown(column[f].value, column[f].unit));
  }
  return rows;
}

Cells difference_cells(const ScoreTable& table) {
  Cells rows{{"difference", "unit", "compared with", "value", "from", "to", ""}};
  for (const auto& d : table.differences)
    rows.push_back({d.figure, std::string(name_of(d.unit)), printable(table.names[d.column]),
                    shown(d.interval.value, d.unit), shown(d.interval.low, d.unit), shown(d.interval.high, d.unit),
                    d.interval.low > 0 || d.interval.high < 0 ? "*" : ""});
  return rows;
}

// Lines below the table: what was scored, why a figure is absent, what to know of a value.
std::vector<std::string> remarks(const ScoreTable& table) {
  std::vector<std::string> lines{table.dialogues ? fmt::format("{} rows of {} dialogues", table.rows, table.groups)
                                                 : fmt::format("{} rows; dialogues are not known", table.rows)};
  if (!table.vectors.empty()) lines.push_back("word vectors: " + printable(table.vectors));
  std::vector<std::pair<std::string, std::string>> reasons;  // reason, names
  const auto add = [&](const std::string& reason, const std::string& figure) {
    const auto place =
        std::find_if(reasons.begin(), reasons.end(), [&](const auto& known) { return known.first == reason; });
    if (place == reasons.end())
      reasons.emplace_back(reason, figure);
    else
      place->second += ", " + figure;
  };
  for (std::size_t f = 0; f < table.columns[0].size(); ++f) {
    const std::string& first = table.columns[0][f].absent;
    const bool same = std::all_of(table.columns.begin(), table.columns.end(),
                                  [&](const auto& column) { return column[f].absent == first; });
    for (std::size_t c = 0; c < (same ? 1 : table.columns.size()); ++c)
      if (const ScoreFigure& figure = table.columns[c][f]; !figure.absent.empty())
        add(same ? figure.absent : table.names[c] + ": " + figure.absent, figure.name);
  }
  for (const auto& [reason, figures] : reasons)
    lines.push_back(fmt::format("absent, {}: {}", printable(reason), figures));
  std::set<std::string> told;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    for (const ScoreFigure& figure : table.columns[c]) {
      if (figure.note.empty()) continue;
      const std::string line =
          fmt::format("{}{}: {}", figure.name, table.columns.size() == 1 ? "" : " of " + table.names[c], figure.note);
      if (told.insert(figure.name.substr(0, figure.name.size() - 2) + figure.note).second)
        lines.push_back(printable(line));
    }
  if (!table.differences.empty())
    lines.push_back(
        fmt::format("differences: {} − the other, 95 % intervals by paired bootstrap over {}, {} resamples, "
                    "seed {}; * where 0 is outside",
                    printable(table.names[0]), table.dialogues ? "dialogues" : "rows", table.resamples, table.seed));
  for (const std::string& note : table.notes) lines.push_back(printable(note));
  return lines;
}

Json number(double value) { return std::isnan(value) ? Json() : Json(value); }

// All figures of a column on the same draws; none where a figure cannot be drawn.
std::vector<std::optional<ResampledFigure>> resample(const Bootstrap& bootstrap,
                                                     const std::vector<ScoreFigure>& column) {
  std::vector<GroupFigure> figures;
  for (const ScoreFigure& figure : column)
    if (figure.of_draw) figures.push_back(figure.of_draw);
  std::vector<ResampledFigure> resampled = bootstrap.resample(figures);
  std::vector<std::optional<ResampledFigure>> all;
  for (std::size_t f = 0, next = 0; f < column.size(); ++f)
    all.push_back(column[f].of_draw ? std::optional(std::move(resampled[next++])) : std::nullopt);
  return all;
}

}  // namespace

std::vector<std::string> column_names(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(std::filesystem::path(path).stem().string());
  const std::set<std::string> different(names.begin(), names.end());
  return different.size() == names.size() ? names : paths;
}

void ScoreTable::compare() {
  const Bootstrap bootstrap(groups, {.resamples = resamples, .seed = seed});
  std::vector<std::vector<std::optional<ResampledFigure>>> resampled;
  for (const std::vector<ScoreFigure>& column : columns) resampled.push_back(resample(bootstrap, column));
  for (std::size_t c = 1; c < columns.size(); ++c)
    for (std::size_t f = 0; f < columns[0].size(); ++f) {
      if (!resampled[0][f] || !resampled[c][f]) continue;
      const Interval interval = bootstrap.difference(*resampled[0][f], *resampled[c][f]).dialogues;
      differences.push_back({columns[0][f].name, columns[0][f].unit, c, interval});
    }
}

std::string ScoreTable::text() const {
  std::string out = aligned(figure_cells(*this), 2);
  if (!differences.empty()) out += "\n" + aligned(difference_cells(*this), 3);
  out += "\n";
  for (const std::string& line : remarks(*this)) out += line + "\n";
  return out;
}

std::string ScoreTable::markdown() const {
  std::string out = as_markdown(figure_cells(*this), 2);
  if (!differences.empty()) out += "\n" + as_markdown(difference_cells(*this), 3);
  out += "\n";
  for (const std::string& line : remarks(*this)) out += "- " + line + "\n";
  return out;
}

std::string ScoreTable::json() const {
  Json out{{"columns", Json::array()},
           {"rows", rows},
           {"dialogues", dialogues ? Json(groups) : Json()},
           {"vectors", vectors.empty() ? Json() : Json(printable(vectors))},
           {"figures", Json::array()}};
  for (const std::string& name : names) out["columns"].push_back(printable(name));
  for (std::size_t f = 0; f < columns[0].size(); ++f) {
    Json figure{{"name", columns[0][f].name},
                {"unit", name_of(columns[0][f].unit)},
                {"values", Json::array()},
                {"absent", Json::array()},
                {"notes", Json::array()}};
    for (const auto& column : columns) {
      const auto text = [](const std::string& line) { return line.empty() ? Json() : Json(printable(line)); };
      figure["values"].push_back(number(column[f].value));
      figure["absent"].push_back(text(column[f].absent));
      figure["notes"].push_back(text(column[f].note));
    }
    out["figures"].push_back(std::move(figure));
  }
  if (!differences.empty()) {
    out["bootstrap"] = {
        {"over", dialogues ? "dialogues" : "rows"}, {"resamples", resamples}, {"seed", seed}, {"level", 0.95}};
    out["differences"] = Json::array();
    for (const Difference& d : differences)
      out["differences"].push_back({{"figure", d.figure},
                                    {"unit", name_of(d.unit)},
                                    {"of", printable(names[0])},
                                    {"to", printable(names[d.column])},
                                    {"value", number(d.interval.value)},
                                    {"low", number(d.interval.low)},
                                    {"high", number(d.interval.high)}});
  }
  out["remarks"] = Json::array();
  for (const std::string& note : notes) out["remarks"].push_back(printable(note));
  return out.dump(2) + "\n";
}

}  // namespace ethreed
