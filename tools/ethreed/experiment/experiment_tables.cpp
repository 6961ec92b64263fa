#include "tools/ethreed/experiment/experiment_tables.h"

#include "core/atomic_file.h"
#include "tools/ethreed/progress.h"
#include "tools/ethreed/text_table.h"

#include <fmt/ranges.h>

#include <numeric>
#include <set>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* no_value = "–";
constexpr const char* how_compared =
    "Differences are means over the runs. First the 95 % interval by a paired bootstrap over dialogues (the same draws "
    "for both "
    "systems, runs kept), then the one with the spread of the runs: what other seeds would have shown. It is by "
    "Student's t, "
    "as few runs say little of their spread; one run says nothing of it, and has none. * marks a difference whose "
    "second "
    "interval does not hold 0.";

std::string number(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }
// With every digit, for programs.
std::string exact(double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); }
Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string mean_text(const TableFigure& figure, int decimals) {
  if (!figure.exists()) return no_value;
  const double deviation = figure.deviation();
  const std::string few = count_of(figure.values) == figure.runs
                              ? std::string()
                              : fmt::format(" ({} of {} runs)", figure.values.size(), figure.runs);
  return number(figure.mean(), decimals) + (std::isnan(deviation) ? "" : " ± " + number(deviation, decimals)) + few;
}

std::string parameters_text(double parameters) { return fmt::format("{:.2f} M", parameters / 1e6); }

std::string interval_text(const Interval& interval, int decimals) {
  return fmt::format("[{:+.{}f}, {:+.{}f}]", interval.low, decimals, interval.high, decimals);
}

// `may_claim`: is a * right where the second interval allows it?
std::string difference_text(const std::optional<SystemDifference>& difference, int decimals, bool may_claim) {
  if (!difference || !difference->dialogues.exists()) return no_value;
  const Interval& with_seeds = difference->dialogues_and_seeds;
  return fmt::format("{:+.{}f}{} {} {}", difference->dialogues.value, decimals,
                     may_claim && with_seeds.is_a_difference() ? "*" : "",
                     interval_text(difference->dialogues, decimals),
                     with_seeds.exists() ? interval_text(with_seeds, decimals) : no_value);
}

ResultTable main_table(const ExperimentPlan& plan, const ExperimentResults& results) {
  ResultTable table{.headings = {"system", "runs"}, .rows = {}};
  for (const PlannedColumn& column : results.columns) table.headings.push_back(column.heading);
  for (const char* heading : {"parameters", "V", "best epoch", "epochs"}) table.headings.emplace_back(heading);
  for (const SystemRow& system : results.systems) {
    auto& row = table.rows.emplace_back();
    row = {system.title, std::to_string(system.seeds.size())};
    for (std::size_t c = 0; c < results.columns.size(); ++c)
      row.push_back(mean_text(system.figures[c], results.columns[c].decimals));
    row.push_back(parameters_text(static_cast<double>(system.parameters)));
    row.push_back(std::to_string(system.vocabulary));
    row.push_back(fmt::format("{}", fmt::join(system.best_epochs, " ")));
    row.push_back(fmt::format("{}", fmt::join(system.epochs, " ")));
  }
  for (const PublishedRow& published : plan.published) {
    auto& row = table.rows.emplace_back();
    row = {published.title + " (published)", no_value};
    const auto cell = [&](const std::string& heading, auto text) {
      const auto found = published.figures.find(heading);
      row.push_back(found == published.figures.end() ? std::string(no_value) : text(found->second));
    };
    for (const PlannedColumn& column : results.columns)
      cell(column.heading, [&](double value) { return number(value, column.decimals); });
    cell("parameters", parameters_text);
    row.insert(row.end(), 3, no_value);
  }
  return table;
}

ResultTable difference_table(const ExperimentResults& results) {
  ResultTable table{.headings = {"system"}, .rows = {}};
  for (const PlannedColumn& column : results.columns) table.headings.push_back(column.heading);
  for (const SystemRow& system : results.systems) {
    if (&system == &results.systems.front() || system.differences.empty()) continue;
    auto& row = table.rows.emplace_back();
    row.push_back(system.title);
    for (std::size_t c = 0; c < results.columns.size(); ++c)
      row.push_back(difference_text(system.differences[c], results.columns[c].decimals,
                                    system.same_unknown_words || !is_perplexity(results.columns[c])));
  }
  // A column in which nothing is compared is left out.
  for (std::size_t c = table.headings.size(); c-- > 1;)
    if (std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) { return row[c] == no_value; })) {
      table.headings.erase(table.headings.begin() + static_cast<std::ptrdiff_t>(c));
      for (auto& row : table.rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(c));
    }
  return table;
}

std::vector<std::string> notes_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  std::vector<std::string> notes;
  for (const SystemRow& system : results.systems)
    if (!system.note.empty()) notes.push_back(fmt::format("{}: {}", system.title, system.note));
  for (const PlannedVariant& variant : plan.variants)
    if (!variant.runs_of.empty())
      notes.push_back(fmt::format("{}: the runs of {}, evaluated with {}; seeds of both are drawn together.",
                                  variant.title, variant.runs_of, fmt::join(variant.decoding, " ")));
  if (!plan.published_note.empty()) notes.push_back("Published figures: " + plan.published_note);
  for (const PublishedRow& row : plan.published)
    if (!row.note.empty()) notes.push_back(fmt::format("{} (published): {}", row.title, row.note));
  // A misspelt name would else look like a figure that the models do not have.
  for (std::size_t c = 0; c < results.columns.size(); ++c)
    if (!results.systems.empty() && std::none_of(results.systems.begin(), results.systems.end(),
                                                 [&](const SystemRow& system) { return system.figures[c].exists(); }))
      notes.push_back(fmt::format("{}: no run that is done has {}; `ethreed evaluate --json` prints the names",
                                  results.columns[c].heading, fmt::join(results.columns[c].figures, " or ")));
  notes.insert(notes.end(), results.notes.begin(), results.notes.end());
  return notes;
}

std::string heading_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  std::size_t done = 0;
  for (const SystemRow& system : results.systems) done += system.seeds.size();
  return fmt::format("Evaluated on {}; {} of {} runs are done. Mean ± standard deviation over the runs of a system.",
                     plan.evaluate.value("split", "valid"), done, runs_of(plan));
}

std::string markdown_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  std::string text =
      fmt::format("# {}\n\n{}\n\n{}", plan.name, heading_of(plan, results), main_table(plan, results).markdown());
  if (const ResultTable differences = difference_table(results); !differences.rows.empty())
    text += fmt::format("\n## Differences from {}\n\n{}\n\n{}", results.compared_with, how_compared,
                        differences.markdown());
  const std::vector<std::string> notes = notes_of(plan, results);
  if (!notes.empty()) text += "\n## Notes\n\n";
  for (const std::string& note : notes) text += "- " + note + "\n";
  return text;
}

std::string latex_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  std::string text = "% " + heading_of(plan, results) + "\n" + main_table(plan, results).latex();
  if (const ResultTable differences = difference_table(results); !differences.rows.empty())
    text += fmt::format("\n% Differences from {}. {}\n{}", results.compared_with, how_compared, differences.latex());
  for (const std::string& note : notes_of(plan, results)) text += "% " + note + "\n";
  return text;
}

// A row a system, every number with all its digits.
std::string csv_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  ResultTable table{.headings = {"kind", "name", "title", "runs"}, .rows = {}};
  for (const PlannedColumn& column : results.columns)
    for (const char* ending : {"", " deviation", " difference", " low", " high", " low with seeds", " high with seeds"})
      table.headings.push_back(column.heading + ending);
  for (const char* heading : {"parameters", "vocabulary", "best_epochs", "epochs", "note"})
    table.headings.emplace_back(heading);
  for (const SystemRow& system : results.systems) {
    auto& row = table.rows.emplace_back();
    row = {"run", system.name, system.title, std::to_string(system.seeds.size())};
    for (std::size_t c = 0; c < results.columns.size(); ++c) {
      const TableFigure& figure = system.figures[c];
      row.push_back(figure.exists() ? exact(figure.mean()) : "");
      row.push_back(figure.exists() ? exact(figure.deviation()) : "");
      const auto difference = c < system.differences.size() ? system.differences[c] : std::nullopt;
      if (difference)
        for (const double value : {difference->dialogues.value, difference->dialogues.low, difference->dialogues.high,
                                   difference->dialogues_and_seeds.low, difference->dialogues_and_seeds.high})
          row.push_back(exact(value));
      else
        row.insert(row.end(), 5, "");
    }
    row.insert(row.end(), {std::to_string(system.parameters), std::to_string(system.vocabulary),
                           fmt::format("{}", fmt::join(system.best_epochs, " ")),
                           fmt::format("{}", fmt::join(system.epochs, " ")), system.note});
  }
  for (const PublishedRow& published : plan.published) {
    auto& row = table.rows.emplace_back();
    row = {"published", "", published.title, ""};
    const auto value = [&](const std::string& heading) {
      const auto found = published.figures.find(heading);
      return found == published.figures.end() ? std::string() : exact(found->second);
    };
    for (const PlannedColumn& column : results.columns) {
      row.push_back(value(column.heading));
      row.insert(row.end(), 6, "");
    }
    row.insert(row.end(), {value("parameters"), "", "", "", published.note});
  }
  return table.csv();
}

Json interval_json(const Interval& interval) { return {json_number(interval.low), json_number(interval.high)}; }

std::string json_of(const ExperimentPlan& plan, const ExperimentResults& results) {
  Json json{{"experiment", plan.name},
            {"evaluate", plan.evaluate},
            {"bootstrap",
             {{"resamples", plan.bootstrap.resamples}, {"seed", plan.bootstrap.seed}, {"level", plan.bootstrap.level}}},
            {"compared_with", results.compared_with.empty() ? Json() : Json(results.compared_with)},
            {"systems", Json::array()},
            {"published", Json::array()},
            {"published_note", plan.published_note},
            {"notes", results.notes}};
  for (const SystemRow& system : results.systems) {
    Json figures = Json::object();
    for (std::size_t c = 0; c < results.columns.size(); ++c) {
      const TableFigure& figure = system.figures[c];
      if (!figure.exists()) continue;
      Json& entry = figures[results.columns[c].heading];
      entry = {{"mean", json_number(figure.mean())},
               {"deviation", json_number(figure.deviation())},
               {"values", figure.values}};
      if (c >= system.differences.size() || !system.differences[c]) continue;
      const SystemDifference& difference = *system.differences[c];
      entry["difference"] = {{"value", json_number(difference.dialogues.value)},
                             {"dialogues", interval_json(difference.dialogues)},
                             {"dialogues_and_seeds", interval_json(difference.dialogues_and_seeds)}};
    }
    json["systems"].push_back({{"name", system.name},
                               {"title", system.title},
                               {"seeds", system.seeds},
                               {"figures", figures},
                               {"parameters", system.parameters},
                               {"vocabulary", system.vocabulary},
                               {"best_epochs", system.best_epochs},
                               {"epochs", system.epochs},
                               {"note", system.note}});
  }
  for (const PublishedRow& row : plan.published)
    json["published"].push_back({{"title", row.title}, {"figures", row.figures}, {"note", row.note}});
  return json.dump(2) + "\n";
}

ResultTable times_table(const ExperimentResults& results) {
  ResultTable table{.headings = {"system", "runs", "training", "evaluation"}, .rows = {}};
  for (const SystemRow& system : results.systems) {
    const auto text = [](const TableFigure& figure) {
      return figure.exists() ? duration_text(figure.mean()) : std::string(no_value);
    };
    table.rows.push_back({system.title, std::to_string(system.seeds.size()), text(system.training_seconds),
                          text(system.evaluation_seconds)});
  }
  return table;
}

std::string times_csv(const ExperimentResults& results) {
  ResultTable table{.headings = {"name", "runs", "training_seconds", "evaluation_seconds"}, .rows = {}};
  for (const SystemRow& system : results.systems) {
    const auto text = [](const TableFigure& figure) { return figure.exists() ? exact(figure.mean()) : std::string(); };
    table.rows.push_back({system.name, std::to_string(system.seeds.size()), text(system.training_seconds),
                          text(system.evaluation_seconds)});
  }
  return table.csv();
}

std::string times_json(const ExperimentResults& results) {
  Json json = Json::array();
  for (const SystemRow& system : results.systems)
    json.push_back({{"name", system.name},
                    {"seeds", system.seeds},
                    {"training_seconds", system.training_seconds.values},
                    {"evaluation_seconds", system.evaluation_seconds.values}});
  return json.dump(2) + "\n";
}

}  // namespace

void write_tables(const ExperimentPlan& plan, const ExperimentResults& results, const ExperimentFolder& folder) {
  const auto write = [&](const char* name, const std::string& text) {
    write_text_atomically(folder.root / name, text);
  };
  constexpr const char* how_timed =
      "Seconds of a run, of all its sessions; mean over the runs. Several runs may have gone on side by side.";
  write("tables.md", markdown_of(plan, results));
  write("tables.csv", csv_of(plan, results));
  write("tables.tex", latex_of(plan, results));
  write("tables.json", json_of(plan, results));
  write("tables-times.md", fmt::format("# {}\n\n{}\n\n{}", plan.name, how_timed, times_table(results).markdown()));
  write("tables-times.csv", times_csv(results));
  write("tables-times.tex", fmt::format("% {}\n{}", how_timed, times_table(results).latex()));
  write("tables-times.json", times_json(results));
}

}  // namespace ethreed
