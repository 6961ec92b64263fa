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

std::string shown(const std::optional<Interval>& interval, FigureUnit unit) {
  if (!interval || !interval->exists()) return std::string(none);
  return fmt::format("{} … {}", shown(interval->low, unit), shown(interval->high, unit));
}

Cells figure_cells(const ScoreTable& table) {
  Cells rows{{"figure", "unit"}};
  for (const std::string& name : table.names) {
    rows[0].push_back(printable(name));
    if (!table.intervals.empty()) rows[0].emplace_back("95 %");
  }
  for (std::size_t f = 0; f < table.columns[0].size(); ++f) {
    const ScoreFigure& first = table.columns[0][f];
    std::vector<std::string>& row = rows.emplace_back(std::vector{first.name, std::string(name_of(first.unit))});
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      row.push_back(shown(table.columns[c][f].value, first.unit));
      if (!table.intervals.empty()) row.push_back(shown(table.intervals[c][f], first.unit));
    }
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

// Why a figure that is there has no interval; empty where it has one, or none was asked for.
std::string why_no_interval(const ScoreTable& table, std::size_t column, std::size_t figure) {
  const ScoreFigure& one = table.columns[column][figure];
  if (!one.no_interval.empty()) return one.no_interval;
  bool lacks =
      !table.intervals.empty() && table.intervals[column][figure] && !table.intervals[column][figure]->exists();
  for (const ScoreTable::Difference& d : table.differences)
    lacks = lacks || (d.column == column && d.figure == one.name && !d.interval.exists());
  return lacks ? "some draw has no row that it is taken of" : "";
}

// Reasons, and the figures that have each.
struct Reasons {
  std::vector<std::pair<std::string, std::string>> all;

  // Once where all columns have the same reason, else with the column's name.
  template <class ReasonOf> void add(const ScoreTable& table, std::size_t figure, const ReasonOf& reason_of) {
    const std::string first = reason_of(0);
    bool same = true;
    for (std::size_t c = 1; c < table.columns.size(); ++c) same = same && reason_of(c) == first;
    for (std::size_t c = 0; c < (same ? 1 : table.columns.size()); ++c)
      if (const std::string reason = reason_of(c); !reason.empty())
        add(same ? reason : table.names[c] + ": " + reason, table.columns[c][figure].name);
  }
  void add(const std::string& reason, const std::string& figure) {
    const auto place = std::find_if(all.begin(), all.end(), [&](const auto& known) { return known.first == reason; });
    if (place == all.end())
      all.emplace_back(reason, figure);
    else
      place->second += ", " + figure;
  }
};

// Lines below the table: what was scored, why a figure is absent, what to know of a value.
std::vector<std::string> remarks(const ScoreTable& table) {
  std::vector<std::string> lines{table.dialogues ? fmt::format("{} rows of {} dialogues", table.rows, table.groups)
                                                 : fmt::format("{} rows; dialogues are not known", table.rows)};
  if (!table.vectors.empty()) lines.push_back("word vectors: " + printable(table.vectors));
  Reasons absent, no_interval;
  for (std::size_t f = 0; f < table.columns[0].size(); ++f) {
    absent.add(table, f, [&](std::size_t c) { return table.columns[c][f].absent; });
    if (!table.intervals.empty() || !table.differences.empty())
      no_interval.add(table, f, [&](std::size_t c) { return why_no_interval(table, c, f); });
  }
  for (const auto& [reason, figures] : absent.all)
    lines.push_back(fmt::format("absent, {}: {}", printable(reason), figures));
  for (const auto& [reason, figures] : no_interval.all)
    lines.push_back(fmt::format("no interval, {}: {}", printable(reason), figures));
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    Reasons notes;
    for (const ScoreFigure& figure : table.columns[c])
      if (!figure.note.empty()) notes.add(figure.note, figure.name);
    for (const auto& [note, figures] : notes.all)
      lines.push_back(
          printable(fmt::format("{}{}: {}", figures, table.columns.size() == 1 ? "" : " of " + table.names[c], note)));
  }
  const std::string draws = fmt::format("bootstrap over {}, {} resamples, seed {}",
                                        table.dialogues ? "dialogues" : "rows", table.resamples, table.seed);
  if (!table.intervals.empty()) lines.push_back("95 % intervals by " + draws);
  if (!table.differences.empty())
    lines.push_back(fmt::format("differences: {} − the other, 95 % intervals by paired {}; * where 0 is outside",
                                printable(table.names[0]), draws));
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

void ScoreTable::draw(bool with_intervals, bool with_differences) {
  const Bootstrap bootstrap(groups, {.resamples = resamples, .seed = seed});
  std::vector<std::vector<std::optional<ResampledFigure>>> resampled;
  for (const std::vector<ScoreFigure>& column : columns) resampled.push_back(resample(bootstrap, column));
  if (with_intervals)
    for (const auto& column : resampled) {
      auto& mine = intervals.emplace_back();
      for (const auto& figure : column)
        mine.push_back(figure ? std::optional(bootstrap.interval(*figure)) : std::nullopt);
    }
  for (std::size_t c = 1; with_differences && c < columns.size(); ++c)
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
    const auto text = [](const std::string& line) { return line.empty() ? Json() : Json(printable(line)); };
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const ScoreFigure& one = columns[c][f];
      figure["values"].push_back(number(one.value));
      figure["absent"].push_back(text(one.absent));
      figure["notes"].push_back(text(one.note));
      if (intervals.empty()) continue;
      const bool exists = intervals[c][f] && intervals[c][f]->exists();
      figure["intervals"].push_back(exists ? Json{intervals[c][f]->low, intervals[c][f]->high} : Json());
      figure["no_interval"].push_back(text(why_no_interval(*this, c, f)));
    }
    out["figures"].push_back(std::move(figure));
  }
  if (!intervals.empty() || !differences.empty())
    out["bootstrap"] = {
        {"over", dialogues ? "dialogues" : "rows"}, {"resamples", resamples}, {"seed", seed}, {"level", 0.95}};
  if (!differences.empty()) {
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
