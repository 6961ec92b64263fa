#include "tools/ethreed/experiment/experiment_results.h"

#include "core/json.h"
#include "core/mapped_file.h"
#include "model/metrics/distinct.h"
#include "model/metrics/repetition.h"
#include "model/text/word_table.h"
#include "tools/ethreed/dialogue_file.h"
#include "tools/ethreed/experiment/experiment_result_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

// One run that is done.
struct DoneRun {
  const PlannedRun* run = nullptr;
  Json result;
  DialogueFile dialogues;
};

Json read(const std::filesystem::path& path) {
  return parse_json<Json>(MappedFile(path).text(), path.string(), "remove it, and the run is evaluated again");
}

std::optional<double> figure_of(const Json& figures, const PlannedColumn& column) {
  for (const std::string& name : column.figures)
    if (const auto found = figures.find(name); found != figures.end() && found->is_number())
      return found->get<double>();
  return {};
}

// Without columns in the plan: every figure that is no count, in the order in which runs have them.
std::vector<PlannedColumn> usual_columns(const std::vector<DoneRun>& runs) {
  std::vector<PlannedColumn> columns;
  for (const DoneRun& run : runs)
    for (const auto& [name, value] : run.result.at("figures").items())
      if (value.is_number_float() && std::none_of(columns.begin(), columns.end(), [&, &wanted = name](const auto& one) {
            return one.heading == wanted;
          }))
        columns.push_back({.heading = name, .figures = {name}});
  return columns;
}

// What was asked for beside the plan has a column beside the plan's.
void add_bert_score_columns(const std::vector<DoneRun>& runs, std::vector<PlannedColumn>& columns) {
  for (const DoneRun& run : runs)
    for (const auto& [name, value] : run.result.at("figures").items()) {
      if (!name.starts_with("bertscore_f") && name != "f_bert") continue;
      if (std::none_of(columns.begin(), columns.end(), [&, &wanted = name](const PlannedColumn& column) {
            return std::find(column.figures.begin(), column.figures.end(), wanted) != column.figures.end();
          }))
        columns.push_back({.heading = name, .figures = {name}});
    }
}

// What `evaluate` prints of replies as a function of dialogues drawn; none for what it takes more than the words for.
GroupFigure reply_figure(const std::string& name, const std::vector<std::vector<std::vector<std::string>>>& replies) {
  std::vector<std::vector<std::string>> texts;
  std::vector<std::int32_t> dialogue_of;
  for (std::size_t d = 0; d < replies.size(); ++d)
    for (const std::vector<std::string>& reply : replies[d]) {
      texts.push_back(reply);
      dialogue_of.push_back(static_cast<std::int32_t>(d));
    }
  if (name == "ten_commonest_share")
    return [of_draw = duplicates_of_draw(texts, dialogue_of)](GroupWeights weights) {
      return of_draw(weights).ten_commonest;
    };
  constexpr std::string_view distinct = "distinct_";
  if (name.size() != distinct.size() + 1 || !name.starts_with(distinct)) return {};
  WordTable words;
  std::vector<std::vector<std::int32_t>> ids;
  for (const std::vector<std::string>& text : texts) {
    auto& of_text = ids.emplace_back();
    for (const std::string& word : text) of_text.push_back(words.id(word));
  }
  const auto variety = std::make_shared<const NgramVariety>(ids, name.back() - '0', dialogue_of, count_of(replies));
  return [variety](GroupWeights weights) { return 100 * variety->distinct_n(weights); };
}

// The figure of a column as a function of dialogues drawn, if the file has what it takes.
GroupFigure figure_of_draw(const DoneRun& run, const PlannedColumn& column) {
  const Json& figures = run.result.at("figures");
  for (const std::string& name : column.figures) {
    if (!figures.contains(name) || !figures.at(name).is_number()) continue;
    for (const DialogueFigure& figure : run.dialogues.figures)
      if (figure.name == name) return figure.of_draw();
    return run.dialogues.replies.empty() ? GroupFigure() : reply_figure(name, run.dialogues.replies);
  }
  return {};
}

// Resampled figures of a system, one a run; none if one of them has it not.
std::vector<ResampledFigure> resampled(const Bootstrap& bootstrap, const std::vector<const DoneRun*>& runs,
                                       const PlannedColumn& column) {
  std::vector<ResampledFigure> figures;
  for (const DoneRun* run : runs) {
    const GroupFigure figure = figure_of_draw(*run, column);
    if (!figure) return {};
    figures.push_back(bootstrap.resample(figure));
  }
  return figures;
}

// Are the runs of a system those of the other one, evaluated in another way?
bool same_runs(const std::vector<const DoneRun*>& system, const std::vector<const DoneRun*>& other) {
  const auto trained = [](const DoneRun* run) {
    return run->run->trained_as.empty() ? run->run->name : run->run->trained_as;
  };
  return std::equal(system.begin(), system.end(), other.begin(), other.end(),
                    [&](const DoneRun* a, const DoneRun* b) { return trained(a) == trained(b); });
}

// Do all runs of both systems have one vocabulary, and one share of unknown words where they say it?
bool same_unknown_words(const std::vector<const DoneRun*>& system, const std::vector<const DoneRun*>& other) {
  const auto words = [](const DoneRun* run) {
    return std::pair(run->result.at("vocabulary"), run->result.at("figures").value("unk_share", Json()));
  };
  const auto same = [&](const DoneRun* run) { return words(run) == words(other.front()); };
  return std::all_of(system.begin(), system.end(), same) && std::all_of(other.begin(), other.end(), same);
}

void compare(const ExperimentPlan& plan, const std::vector<std::vector<const DoneRun*>>& of_system,
             ExperimentResults& results) {
  if (of_system.size() < 2) return;
  const std::vector<std::string>& dialogues = of_system.front().front()->dialogues.conversations;
  if (dialogues.empty()) return;
  const Bootstrap bootstrap(count_of(dialogues), plan.bootstrap);
  results.compared_with = results.systems.front().title;
  std::vector<bool> comparable;
  for (std::size_t s = 0; s < of_system.size(); ++s) {
    comparable.push_back(std::all_of(of_system[s].begin(), of_system[s].end(),
                                     [&](const DoneRun* run) { return run->dialogues.conversations == dialogues; }));
    if (!comparable.back())
      results.notes.push_back(fmt::format("{} was evaluated on other dialogues than {} and is not compared with it.",
                                          results.systems[s].title, results.compared_with));
  }
  std::vector<std::string> other_words;
  for (std::size_t s = 1; s < of_system.size(); ++s) {
    SystemRow& system = results.systems[s];
    system.same_unknown_words = same_unknown_words(of_system[s], of_system.front());
    if (!system.same_unknown_words) other_words.push_back(system.title);
  }
  const bool any_perplexity = std::any_of(results.columns.begin(), results.columns.end(), is_perplexity);
  if (any_perplexity && !other_words.empty())
    results.notes.push_back(fmt::format(
        "Perplexities do not compare with those of {}, and their differences have no *: another vocabulary, "
        "or another share of unknown words, for {}.",
        results.compared_with, fmt::join(other_words, ", ")));
  std::vector<std::string> without;
  for (std::size_t c = 0; c < results.columns.size(); ++c) {
    const PlannedColumn& column = results.columns[c];
    const std::vector<ResampledFigure> base = resampled(bootstrap, of_system.front(), column);
    bool lacks = false;
    for (std::size_t s = 0; s < of_system.size(); ++s) {
      auto& differences = results.systems[s].differences;
      differences.emplace_back();
      if (s == 0 || !comparable[s]) continue;
      const std::vector<ResampledFigure> mine =
          base.empty() ? std::vector<ResampledFigure>() : resampled(bootstrap, of_system[s], column);
      if (!mine.empty())
        differences.back() = bootstrap.difference(mine, base, same_runs(of_system[s], of_system.front()));
      const bool both = results.systems.front().figures[c].exists() && results.systems[s].figures[c].exists();
      lacks = lacks || (both && !(differences.back() && differences.back()->dialogues.exists()));
    }
    if (lacks) without.push_back(column.heading);
  }
  if (!without.empty())
    results.notes.push_back(fmt::format(
        "Differences without an interval: {}. Not every draw of dialogues has what they are taken of, or the files of "
        "dialogues do not hold it.",
        fmt::join(without, ", ")));
}

// A figure that some run lacks, or that is not finite there, is a mean over fewer runs: that is said.
void note_missing(const SystemRow& row, const std::vector<const DoneRun*>& runs, const PlannedColumn& column,
                  const TableFigure& figure, std::vector<std::string>& notes) {
  if (!figure.exists() || figure.values.size() == runs.size()) return;
  std::vector<std::string> without;
  for (const DoneRun* run : runs)
    if (!figure_of(run->result.at("figures"), column)) without.push_back(run->run->name);
  notes.push_back(fmt::format("{} of {}: {} of {} runs have it; it is absent or not finite in {}.", column.heading,
                              row.title, figure.values.size(), runs.size(), fmt::join(without, ", ")));
}

SystemRow row_of(const PlannedVariant& variant, const std::vector<const DoneRun*>& runs,
                 const std::vector<PlannedColumn>& columns, const ExperimentFolder& folder,
                 std::vector<std::string>& notes) {
  SystemRow row{.name = variant.name, .title = variant.title, .note = variant.note, .seeds = {}};
  row.figures.resize(columns.size());
  for (TableFigure& figure : row.figures) figure.runs = count_of(runs);
  for (const DoneRun* run : runs) {
    const Json& result = run->result;
    row.seeds.push_back(run->run->seed);
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (const auto value = figure_of(result.at("figures"), columns[c])) row.figures[c].values.push_back(*value);
    row.parameters = result.at("parameters").get<std::int64_t>();
    row.vocabulary = result.at("vocabulary").get<std::int64_t>();
    row.best_epochs.push_back(result.at("best_epoch").get<int>());
    row.epochs.push_back(result.at("epochs").get<int>());
    if (!std::filesystem::exists(folder.times(*run->run))) continue;
    const Json times = read(folder.times(*run->run));
    for (const auto& [key, figure] : {std::pair("training_seconds", &row.training_seconds),
                                      std::pair("evaluation_seconds", &row.evaluation_seconds)})
      if (times.contains(key) && times[key].is_number()) figure->values.push_back(times[key].get<double>());
  }
  for (std::size_t c = 0; c < columns.size(); ++c) note_missing(row, runs, columns[c], row.figures[c], notes);
  return row;
}

}  // namespace

bool is_perplexity(const PlannedColumn& column) {
  return std::any_of(column.figures.begin(), column.figures.end(),
                     [](const std::string& name) { return name.starts_with("perplexity"); });
}

double TableFigure::mean() const {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double TableFigure::deviation() const {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const double centre = mean();
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

ExperimentResults gather_results(const ExperimentPlan& plan, const std::vector<PlannedRun>& runs,
                                 const ExperimentFolder& folder) {
  std::vector<DoneRun> done;
  for (const PlannedRun& run : runs)
    if (is_done(run, folder))
      done.push_back({&run, read_result_file(folder.result(run), folder.dialogues(run)),
                      DialogueFile::read(folder.dialogues(run))});
  ExperimentResults results{.columns = plan.columns.empty() ? usual_columns(done) : plan.columns,
                            .systems = {},
                            .compared_with = {},
                            .notes = {}};
  std::vector<std::vector<const DoneRun*>> of_system;
  try {
    add_bert_score_columns(done, results.columns);
    for (std::size_t v = 0; v < plan.variants.size(); ++v) {
      std::vector<const DoneRun*> mine;
      for (const DoneRun& run : done)
        if (run.run->variant == v) mine.push_back(&run);
      if (mine.empty()) continue;
      results.systems.push_back(row_of(plan.variants[v], mine, results.columns, folder, results.notes));
      of_system.push_back(std::move(mine));
    }
  } catch (const Json::exception& error) {
    fail("{}: a result is damaged ({}); remove it, and the run is evaluated again", (folder.root / "results").string(),
         reason_of(error));
  }
  if (!of_system.empty() && results.systems.front().name == plan.variants.front().name)
    compare(plan, of_system, results);
  return results;
}

}  // namespace ethreed
