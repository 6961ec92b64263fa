#include "tools/ethreed/evaluate.h"

#include "core/printable.h"
#include "model/evaluation/reply_figures.h"
#include "model/metrics/distinct.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/dialogue_file.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

// One that does not exist is null; so is one that is not finite, which is named, too.
Json figure_json(Json& figures, const std::string& name, double value, bool count) {
  if (!std::isfinite(value) && !std::isnan(value)) figures[not_finite_key].push_back(name);
  if (!std::isfinite(value)) return {};
  return count ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

std::string shown(const Json& figures, const std::string& key, const Json& value) {
  if (value.is_null()) {
    const auto names = figures.find(not_finite_key);
    const bool broken = names != figures.end() && std::find(names->begin(), names->end(), key) != names->end();
    return broken ? "not finite" : "–";
  }
  if (value.is_number_float()) return fmt::format("{:.4f}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The model's own figures; where another one results at the mean of the latent variables, that one, too.
void add_figures(Json& figures, const Model& model, const std::vector<double>& values,
                 const std::vector<double>& at_mean) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const FigureColumn& column = model.figures()[k];
    const std::string name(column.name);
    figures[name] = figure_json(figures, name, values[k], column.count);
    const std::string mean_name = name + std::string(at_latent_mean);
    if (column.at_mean && !at_mean.empty()) figures[mean_name] = figure_json(figures, mean_name, at_mean[k], false);
  }
}

// How much is copied, and how much is said again and again. p_gen where there is a pointer.
void add_reply_figures(Json& figures, const ReplyFigures& replies, const Model& model) {
  if (model.has_pointer()) figures["replies_with_copied_word"] = replies.with_copied();
  figures["replies_with_unknown_word"] = replies.with_unknown();
  if (model.has_pointer()) figures["posts_with_unknown_word"] = replies.to_unknown();
  figures["ten_commonest_share"] = replies.replies() > 0 ? Json(replies.commonest_share()) : Json();
  if (!model.has_pointer() || replies.replies() == 0) return;
  for (const double q : gate_quantiles) figures[fmt::format("p_gen_{:02.0f}", 100 * q)] = replies.gate_quantile(q);
}

// What every dialogue adds, from what every example of the split adds.
DialogueFile by_dialogue(const std::vector<FigureShares>& figures, const SplitExamples& examples) {
  const Split& split = examples.split();
  DialogueFile file{.split = split.name(), .decoding = {}, .conversations = {}, .figures = {}, .replies = {}};
  const auto dialogues = static_cast<std::size_t>(split.dialogues());
  for (std::size_t d = 0; d < dialogues; ++d)
    file.conversations.push_back(printable(split.conversation_id(static_cast<std::int64_t>(d))));
  for (const FigureShares& shares : figures) {
    std::vector<ExampleShare> sums(dialogues);
    for (int i = 0; i < count_of(shares.of_example); ++i)
      sums[static_cast<std::size_t>(examples.dialogue_of(i))] += shares.of_example[static_cast<std::size_t>(i)];
    file.figures.push_back({std::string(shares.name), shares.exponential, std::move(sums)});
  }
  return file;
}

// BERTScore of replies against what was really said, both as `generate` prints them: each file of those, scored by
// `score`, has the same figures. `dialogue_of` says whose a reply is.
void add_bert_scores(Json& figures, DialogueFile& file, BertScorer& bert, const BertScoreTexts& texts,
                     const std::vector<std::size_t>& dialogue_of) {
  const BertScoreRows rows = bert.score(texts);
  for (BertScoreFigure& figure : bert.mean_figures()) {
    std::vector<ExampleShare> sums(file.conversations.size());
    ExampleShare all;
    for (std::size_t i = 0; i < rows.scores.size(); ++i) {
      const ExampleShare one{figure.of_row(rows.scores[i]), 1};
      sums[dialogue_of[i]] += one;
      all += one;
    }
    figures[figure.name] = all.count == 0 ? Json() : Json(all.sum / static_cast<double>(all.count));
    file.figures.push_back({std::move(figure.name), false, std::move(sums)});
  }
  figures["bertscore_empty"] = rows.empty_replies + rows.empty_references;
}

// What every dialogue adds at the mean of the latent variables, for the figures that have such a value.
void add_at_mean(DialogueFile& file, const Model& model, DialogueFile at_mean) {
  for (DialogueFigure& figure : at_mean.figures)
    if (std::any_of(model.figures().begin(), model.figures().end(),
                    [&](const FigureColumn& column) { return column.at_mean && column.name == figure.name; })) {
      figure.name += at_latent_mean;
      file.figures.push_back(std::move(figure));
    }
}

void add_note(std::vector<std::string>& notes, std::string note) {
  if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(std::move(note));
}

}  // namespace

std::unique_ptr<BertScorer> EvaluateArguments::bert_scorer() const {
  if (bert_score.folder.empty()) return {};
  return std::make_unique<BertScorer>(bert_score, false, run.device.threads);
}

Json figures_of(OpenedRun& opened, const EvaluateArguments& arguments, std::vector<std::string>& notes,
                const std::function<void(const GeneratedTurn&)>& consume, DialogueFile* file, BertScorer* bert) {
  const DecodeOptions decode = arguments.decode.checked();
  const LoadedRun& run = opened.run;
  const Model& model = run.model();
  const auto go_on = [](int) { return !interrupted(); };
  LatentMode mode = arguments.decode.mode();
  check_latent(arguments.decode, run);
  mode.samples = arguments.importance_samples;
  ETHREED_CHECK(mode.samples == 0 || std::any_of(model.figures().begin(), model.figures().end(),
                                                 [](const FigureColumn& column) { return column.sampled; }),
                "{}: is a run of model '{}', variant '{}', which has no figure by importance sampling; leave "
                "--importance-samples out",
                arguments.run.run, model.name(), model.variant());
  Json figures{
      {"run", printable(arguments.run.run)}, {"checkpoint", arguments.run.checkpoint}, {"model", model.name()},
      {"variant", model.variant()},          {"seed", run.info.config.recipe.seed},    {"split", arguments.run.split}};
  const std::vector<double> values = opened.evaluator.evaluate(opened.examples, mode, go_on);
  DialogueFile dialogues = by_dialogue(opened.evaluator.shares(), opened.examples);
  std::vector<double> at_mean;
  if (model.has_latent()) {
    at_mean = opened.evaluator.evaluate(opened.examples, {.sample = false}, go_on);
    add_at_mean(dialogues, model, by_dialogue(opened.evaluator.shares(), opened.examples));
  }
  add_figures(figures, model, values, at_mean);
  if (model.writes_replies()) {
    DistinctCounter distinct;
    ReplyFigures whole(model.vocabulary());
    const WordTable words = opened.data.word_table();
    dialogues.decoding = description_of(decode);
    dialogues.replies.resize(dialogues.conversations.size());
    BertScoreTexts texts;
    std::vector<std::size_t> dialogue_of;
    opened.evaluator.generate(opened.examples, arguments.replies, arguments.decode.reply_mode(run), decode,
                              [&](const GeneratedTurn& turn) {
                                distinct.add(turn.reply.words);
                                whole.add(turn);
                                auto& reply = dialogues.replies[static_cast<std::size_t>(turn.dialogue)].emplace_back();
                                for (const std::int32_t word : turn.reply.words) reply.emplace_back(words.word(word));
                                if (bert != nullptr) {
                                  const auto gold = opened.split.response(turn.dialogue, turn.turn);
                                  texts.replies.push_back(decode_utterance(turn.reply.words, words));
                                  texts.references.push_back({decode_utterance(gold, words)});
                                  dialogue_of.push_back(static_cast<std::size_t>(turn.dialogue));
                                }
                                if (consume) consume(turn);
                                return !interrupted();
                              });
    ETHREED_CHECK(!interrupted(), "interrupted");
    figures["distinct_1"] = distinct.distinct_1();
    figures["distinct_2"] = distinct.distinct_2();
    figures["replies"] = distinct.replies();
    add_reply_figures(figures, whole, model);
    if (bert != nullptr) {
      add_bert_scores(figures, dialogues, *bert, texts, dialogue_of);
      add_note(notes, bert->description());
    }
    figures["decode"] = name_of(decode.method);
    figures["decoding"] = description_of(decode);
  } else if (bert != nullptr) {
    add_note(notes, fmt::format("model '{}' writes no replies: it has no BERTScore", model.name()));
  }
  if (model.has_latent()) figures["latent"] = arguments.decode.latent;
  if (!arguments.per_dialogue.empty()) dialogues.write(arguments.per_dialogue);
  if (file != nullptr) *file = std::move(dialogues);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - opened.start;
  figures["vocabulary"] = opened.data.vocabulary_size();
  figures["parameters"] = model.layout().parameter_count();
  figures["epoch"] = run.info.progress.epoch;
  figures["seconds"] = seconds.count();
  for (const std::string& note : model.notes()) add_note(notes, note);
  return figures;
}

namespace {

void print_figures(const Json& figures) {
  for (const auto& [key, value] : figures.items())
    if (key != not_finite_key) fmt::print("{:<34}{}\n", key, shown(figures, key, value));
  if (figures.contains(not_finite_key))
    fmt::print("NOTE: not every figure is finite: the parameters of this checkpoint are of no use\n");
}

// A row a figure, a column a run; where a run's model lacks a figure the place is empty.
void print_table(const std::vector<Json>& runs) {
  std::vector<std::string> keys;  // in the order in which the runs have them
  for (const Json& figures : runs)
    for (std::size_t k = 0; const auto& [key, value] : figures.items()) {
      const auto place = std::find(keys.begin(), keys.end(), key);
      if (place == keys.end() && key != not_finite_key)
        keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(std::min(k, keys.size())), key);
      k = static_cast<std::size_t>(std::find(keys.begin(), keys.end(), key) - keys.begin()) + 1;
    }
  const auto cell = [](const Json& figures, const std::string& key) {
    return figures.contains(key) ? shown(figures, key, figures[key]) : std::string();
  };
  std::vector<std::size_t> widths;
  for (const Json& figures : runs) {
    std::size_t& width = widths.emplace_back(0);
    for (const std::string& key : keys) width = std::max(width, fmt::formatted_size("{}", cell(figures, key)));
  }
  for (const std::string& key : keys) {
    std::string line = fmt::format("{:<34}", key);
    for (std::size_t r = 0; r < runs.size(); ++r) line += fmt::format("{:<{}}  ", cell(runs[r], key), widths[r]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void run_evaluate(const EvaluateArguments& arguments) {
  check_output_file(arguments.per_dialogue, corpus_files(arguments.run));
  ETHREED_CHECK(arguments.per_dialogue.empty() || arguments.more_runs.empty(),
                "--per-dialogue: is a file of one run, but {} are given; evaluate each by itself",
                1 + arguments.more_runs.size());
  std::vector<std::string> notes;
  std::vector<std::string> names{arguments.run.run};
  names.insert(names.end(), arguments.more_runs.begin(), arguments.more_runs.end());
  const std::unique_ptr<BertScorer> bert = arguments.bert_scorer();
  std::vector<Json> runs;
  for (const std::string& name : names) {
    EvaluateArguments one = arguments;
    one.run.run = name;
    one.decode.checked();  // before anything is opened
    OpenedRun opened(one.run);
    runs.push_back(figures_of(opened, one, notes, {}, nullptr, bert.get()));
  }
  if (arguments.json) {
    fmt::print("{}\n", runs.size() == 1 ? runs[0].dump(2) : Json(runs).dump(2));
    return;
  }
  if (runs.size() == 1)
    print_figures(runs[0]);
  else
    print_table(runs);
  for (const std::string& note : notes) fmt::print("{}\n", note);
}

}  // namespace

void add_evaluate_options(CLI::App& command, EvaluateArguments& arguments) {
  add_run_options(command, arguments.run, true);
  add_decode_options(command, arguments.decode, false, true);
  command
      .add_option("--replies", arguments.replies,
                  "Dialogues to write replies for (Distinct-n depends on it); default: all")
      ->check(CLI::Range(0, 1'000'000'000));
  command
      .add_option("--importance-samples", arguments.importance_samples,
                  "Draws of a latent variable for a perplexity by importance sampling, 100 say; 0: none")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  add_bert_score_options(command, arguments.bert_score, false);
  command.add_option("more_runs", arguments.more_runs, "Other runs: a table, a column a run")->type_name("RUN");
  command.add_flag("--json", arguments.json, "Print one JSON object, of several runs a list of them");
  command
      .add_option("--per-dialogue", arguments.per_dialogue,
                  "Also write what every dialogue adds to the figures, and the replies, as JSON Lines")
      ->type_name("FILE");
}

void add_evaluate_command(CLI::App& app) {
  const auto a = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand("evaluate", "Accuracies, perplexities and Distinct-n of a trained model");
  add_evaluate_options(*command, *a);
  command->callback([a] { run_evaluate(*a); });
}

}  // namespace ethreed
