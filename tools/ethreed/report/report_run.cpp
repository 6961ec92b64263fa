#include "tools/ethreed/report/report_run.h"

#include "core/printable.h"
#include "model/evaluation/label_scores.h"
#include "model/metrics/distinct.h"
#include "tools/ethreed/reply_record.h"
#include "tools/ethreed/report/latent_modes.h"
#include "tools/ethreed/report/report_log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view emotion_set = "emotion";
constexpr std::size_t longest_counted = 60;  // words; longer replies are counted there
constexpr std::size_t gate_bins = 20;

Json finite(double x) { return std::isfinite(x) ? Json(rounded(x)) : Json(); }

Json missing(const char* section, std::string why) { return {{"section", section}, {"why", std::move(why)}}; }

// A table of counts, a row a true class.
template <class Count> Json matrix(std::size_t rows, std::size_t columns, Count count) {
  Json all = Json::array();
  for (std::size_t r = 0; r < rows; ++r) {
    Json& row = all.emplace_back(Json::array());
    for (std::size_t c = 0; c < columns; ++c) row.push_back(count(r, c));
  }
  return all;
}

Json judged_json(const LabelScores& scores, const std::string& label, const std::vector<std::string>& classes) {
  Json bins = Json::array();
  for (const LabelScores::Bin& bin : scores.bins())
    bins.push_back({{"count", bin.count}, {"confidence", finite(bin.confidence)}, {"accuracy", finite(bin.accuracy)}});
  return {{"label", label},
          {"classes", classes},
          {"count", scores.count()},
          {"accuracy", finite(scores.accuracy())},
          {"confidence", finite(scores.mean_confidence())},
          {"ece", finite(scores.calibration_error())},
          {"bins", bins},
          {"counts", matrix(classes.size(), classes.size(), [&](std::size_t r, std::size_t c) {
             return scores.taken(static_cast<int>(r), static_cast<int>(c));
           })}};
}

// Lengths in words, the end mark not counted.
class Lengths {
 public:
  void add(std::size_t words) {
    ++counts_[std::min(words, longest_counted)];
    sum_ += static_cast<double>(words);
    ++count_;
  }
  Json json() const { return {{"counts", counts_}, {"mean", count_ == 0 ? Json() : finite(sum_ / count_)}}; }

 private:
  std::array<std::int64_t, longest_counted + 1> counts_{};
  double sum_ = 0, count_ = 0;
};

// Everything that is taken from the replies as they are written.
class ReplySums {
 public:
  explicit ReplySums(const OpenedRun& opened) : opened_(opened), model_(opened.model()) {
    const auto rows = static_cast<std::size_t>(opened.data.emotions().size());
    for (const InsightColumn& insight : model_.insights()) {
      classes_.push_back(classes_of(opened.run.info, insight));
      plans_.emplace_back(rows * classes_.back().size());
    }
  }

  void add(const GeneratedTurn& turn) {
    const std::span<const std::int32_t> gold = opened_.split.response(turn.dialogue, turn.turn);
    const std::span<const std::int32_t> words = gold.first(gold.size() - 1);  // without the end mark
    lengths_.add(turn.reply.words.size());
    gold_lengths_.add(words.size());
    gold_distinct_.add(words);
    if (const std::int32_t emotion = opened_.split.post_emotion(turn.dialogue, turn.turn); emotion >= 0)
      for (std::size_t i = 0; i < plans_.size(); ++i)
        ++plans_[i]
                [static_cast<std::size_t>(emotion) * classes_[i].size() + static_cast<std::size_t>(turn.insights[i])];
    for (std::size_t i = 0; i < turn.reply.origins.size(); ++i) {
      const WordOrigin& origin = turn.reply.origins[i];
      const auto bin = static_cast<std::size_t>(origin.generation_gate * gate_bins);
      ++gates_[std::min(bin, gate_bins - 1)];
      if (i >= turn.reply.words.size()) continue;
      ++words_;
      copied_ += is_copied(origin);
    }
  }

  void write(Json& out) const {
    Json plans = Json::array();
    for (std::size_t i = 0; i < plans_.size(); ++i)
      if (model_.insights()[i].of_reply) plans.push_back(plan_json(i));
    if (plans.empty()) out["missing"].push_back(missing("policy", "says of no reply what its emotion shall be"));
    out["plans"] = std::move(plans);
    out["lengths"] = {{"replies", lengths_.json()}, {"gold", gold_lengths_.json()}};
    out["gold_distinct"] = {finite(gold_distinct_.distinct_1()), finite(gold_distinct_.distinct_2())};
    if (model_.has_pointer())
      out["gates"] = {
          {"counts", gates_},
          {"words", words_},
          {"copied_words", copied_},
          {"copied_share", words_ == 0 ? Json() : finite(static_cast<double>(copied_) / static_cast<double>(words_))}};
    else
      out["missing"].push_back(missing("copying", "has no pointer: every word is from the vocabulary"));
  }

 private:
  Json plan_json(std::size_t i) const {
    const std::vector<std::string>& rows = opened_.data.emotions().names();
    const std::size_t columns = classes_[i].size();
    return {{"label", model_.insights()[i].label},
            {"by_policy", !model_.reply_plan().empty()},
            {"rows", rows},
            {"classes", classes_[i]},
            {"counts",
             matrix(rows.size(), columns, [&](std::size_t r, std::size_t c) { return plans_[i][r * columns + c]; })}};
  }

  const OpenedRun& opened_;
  const Model& model_;
  std::vector<std::vector<std::string>> classes_;  // by insight
  std::vector<std::vector<std::int64_t>> plans_;   // by insight: [emotions of the speaker × classes]
  Lengths lengths_, gold_lengths_;
  DistinctCounter gold_distinct_;
  std::array<std::int64_t, gate_bins> gates_{};
  std::int64_t words_ = 0, copied_ = 0;
};

// Calls run(numbers) for all examples, a batch at a time.
template <class Run> void for_each_batch(int count, Run run) {
  for (int first = 0; first < count; first += evaluation_batch) {
    ETHREED_CHECK(!interrupted(), "interrupted");
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(std::min(evaluation_batch, count - first)));
    std::iota(numbers.begin(), numbers.end(), first);
    run(numbers);
  }
}

// Confusion and calibration of what the model follows through dialogues.
void judge_utterances(OpenedRun& opened, Json& out) {
  const std::string set(opened.model().utterance_labels());
  const std::vector<std::string> classes = classes_of(opened.run.info, set);
  const Split& split = opened.split;
  const UtteranceLabels* column = set == emotion_set ? nullptr : split.labels(set);
  const auto label = [&](int d, int t, bool response) {
    if (column != nullptr) return column->label(d, t, response);
    if (set != emotion_set) return -1;
    return response ? split.listener_label(d, t) : split.post_emotion(d, t);
  };
  LabelScores posts(static_cast<int>(classes.size())), responses(static_cast<int>(classes.size()));
  for_each_batch(opened.examples.count(), [&](Indices numbers) {
    opened.evaluator.label_utterances(opened.examples.make(numbers), [&](const LabelledTurn<float>& turn) {
      const std::int32_t d = numbers[turn.dialogue];
      posts.add(probabilities(turn.post), label(d, turn.turn, false));
      responses.add(probabilities(turn.response), label(d, turn.turn, true));
    });
  });
  const auto put = [&](const LabelScores& scores, const std::string& what) {
    if (scores.count() > 0)
      out["judged"].push_back(judged_json(scores, fmt::format("{} of the {}", set, what), classes));
    else
      for (const char* section : {"emotions", "calibration"})
        out["missing"].push_back(
            missing(section, fmt::format("the split has no label '{}' of what the {} said", set, what)));
  };
  put(posts, "speaker");
  put(responses, "listener");
}

// The same of a classifier of texts.
void judge_texts(OpenedRun& opened, Json& out) {
  const std::string set(opened.model().label_set());
  const std::vector<std::string> classes = classes_of(opened.run.info, set);
  LabelScores scores(static_cast<int>(classes.size()));
  for_each_batch(opened.examples.count(), [&](Indices numbers) {
    std::vector<int> labels;
    const std::span<const Example> texts = opened.examples.make(numbers);
    for (const Example& example : texts) labels.push_back(example.label);
    opened.evaluator.label(texts, [&](int i, std::span<const float> logits) {
      scores.add(probabilities(logits), labels[static_cast<std::size_t>(i)]);
    });
  });
  if (scores.count() > 0)
    out["judged"].push_back(judged_json(
        scores, fmt::format("{} of {}", set, text_source_names[static_cast<std::size_t>(opened.model().text_source())]),
        classes));
  else
    for (const char* section : {"emotions", "calibration"})
      out["missing"].push_back(missing(section, fmt::format("the split has no label '{}' of its texts", set)));
}

// Reads and answers the split in the other modes, too, and compares.
Json other_modes(OpenedRun& opened, const EvaluateArguments& arguments, std::vector<ModeAnswers>& modes,
                 ReplyClassifier* emotions, BertScorer* bert) {
  for (std::size_t m = 1; m < modes.size(); ++m) {
    EvaluateArguments one = arguments;
    one.decode.latent = modes[m].mode();
    std::vector<std::string> told_before;
    figures_of(
        opened, one, told_before, [&](const GeneratedTurn& turn) { modes[m].add(turn); }, &modes[m].figures, bert);
  }
  return compare_modes(modes, emotions);
}

}  // namespace

Json report_run(OpenedRun& opened, const EvaluateArguments& arguments, const std::string& name,
                std::span<const std::string> latents, ReplyClassifier* emotions, BertScorer* bert) {
  const Model& model = opened.model();
  Json out{{"name", name}, {"missing", Json::array()}, {"judged", Json::array()}};
  std::vector<std::string> notes;
  std::optional<ReplySums> sums;
  if (model.writes_replies()) sums.emplace(opened);
  std::vector<ModeAnswers> modes;
  if (!latents.empty()) {
    std::vector<std::string> left_out;
    for (std::string& mode : latent_modes_of(model, latents, left_out)) modes.emplace_back(opened, std::move(mode));
    for (std::string& why : left_out) out["missing"].push_back(missing("latents", std::move(why)));
  }
  DialogueFile of_dialogues;
  Json figures = figures_of(
      opened, arguments, notes,
      [&](const GeneratedTurn& turn) {
        sums->add(turn);
        if (!modes.empty()) modes.front().add(turn);
      },
      &of_dialogues, bert);
  if (!modes.empty()) {
    modes.front().figures = std::move(of_dialogues);
    out["latents"] = other_modes(opened, arguments, modes, emotions, bert);
  } else {
    out["latents"] = nullptr;
  }
  out["not_finite"] = figures.contains(not_finite_key) ? figures[not_finite_key] : Json::array();
  figures.erase(not_finite_key);
  out["figures"] = std::move(figures);
  Json& better = out["better"] = Json::object();
  for (const FigureColumn& column : model.figures())
    if (column.better != Better::neither) better[std::string(column.name)] = column.better == Better::higher ? 1 : -1;
  if (bert != nullptr)
    for (const BertScoreFigure& figure : bert->mean_figures()) better[figure.name] = 1;
  for (std::string& note : notes) note = printable(note);
  out["notes"] = notes;
  out["log"] = report_log(std::filesystem::path(arguments.run.run) / "log.csv");
  if (out["log"].is_null()) out["missing"].push_back(missing("curves", "there is no log.csv in its folder"));
  if (sums)
    sums->write(out);
  else
    for (const char* section : {"policy", "copying", "lengths", "cases"})
      out["missing"].push_back(missing(section, "writes no replies"));
  if (model.unit() == Unit::text)
    judge_texts(opened, out);
  else if (!model.utterance_labels().empty())
    judge_utterances(opened, out);
  else
    for (const char* section : {"emotions", "calibration"})
      out["missing"].push_back(missing(section, "takes utterances for no emotion"));
  return out;
}

}  // namespace ethreed
