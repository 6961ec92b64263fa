#include "tools/ethreed/report/latent_modes.h"

#include "model/text/vocabulary.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

// Of all figures of replies those that show what a plan does to them.
constexpr std::array<std::string_view, 5> figures_of_replies{"distinct_1", "distinct_2", "bleu_2", "bleu_4",
                                                             "length_mean"};

TokenText tokens_of(std::span<const std::int32_t> words, const WordTable& table) {
  TokenText tokens;
  for (const std::int32_t word : words) tokens.emplace_back(word == unk_id ? "unk" : table.word(word));
  return tokens;
}

Json interval_json(const Interval& interval) {
  const auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(); };
  return {{"value", number(interval.value)}, {"low", number(interval.low)}, {"high", number(interval.high)}};
}

// One figure in all modes.
struct ModeFigure {
  std::string name;
  std::string unit;
  std::vector<GroupFigure> of_mode;
};

Json figure_json(const ModeFigure& figure, const Bootstrap& bootstrap) {
  const std::vector<ResampledFigure> drawn = bootstrap.resample(figure.of_mode);
  Json out{{"name", figure.name}, {"unit", figure.unit}, {"values", Json::array()}, {"differences", Json::array()}};
  for (std::size_t m = 0; m < drawn.size(); ++m) {
    out["values"].push_back(interval_json(bootstrap.interval(drawn[m])));
    out["differences"].push_back(m == 0 ? Json() : interval_json(bootstrap.difference(drawn[m], drawn[0]).dialogues));
  }
  return out;
}

// Figures of the model itself: sums over dialogues.
std::vector<ModeFigure> model_figures(const std::vector<ModeAnswers>& modes) {
  std::vector<ModeFigure> all;
  for (std::size_t f = 0; f < modes[0].figures.figures.size(); ++f) {
    const DialogueFigure& first = modes[0].figures.figures[f];
    if (first.at_mean()) continue;
    ModeFigure figure{.name = first.name, .unit = first.exponential ? "perplexity" : "share", .of_mode = {}};
    for (const ModeAnswers& mode : modes) figure.of_mode.push_back(mode.figures.figures[f].of_draw());
    all.push_back(std::move(figure));
  }
  return all;
}

// The share of replies that are word by word those of the first mode.
ModeFigure same_replies(const std::vector<ModeAnswers>& modes) {
  ModeFigure figure{.name = "same_reply", .unit = "share", .of_mode = {}};
  const ReplySet& first = modes[0].replies();
  for (const ModeAnswers& mode : modes) {
    std::vector<RatioCounts> groups(static_cast<std::size_t>(first.groups));
    for (std::size_t i = 0; i < first.replies.size(); ++i)
      groups[static_cast<std::size_t>(first.group_of[i])].add(
          {mode.replies().replies[i] == first.replies[i] ? 1.0 : 0.0, 1});
    figure.of_mode.push_back(ratio_figure(std::move(groups)));
  }
  return figure;
}

std::vector<ModeFigure> reply_figures(const std::vector<ModeAnswers>& modes, ReplyClassifier* emotions, Json& absent) {
  std::vector<ModeFigure> all{same_replies(modes)};
  std::vector<std::vector<ScoreFigure>> of_mode;
  for (const ModeAnswers& mode : modes) {
    auto& mine = of_mode.emplace_back();
    for (ScoreFigure& figure : score_replies(mode.replies(), {}))
      if (std::find(figures_of_replies.begin(), figures_of_replies.end(), figure.name) != figures_of_replies.end())
        mine.push_back(std::move(figure));
    for (ScoreFigure& figure : emotion_figures(mode.rows(), mode.replies(), emotions))
      mine.push_back(std::move(figure));
  }
  for (std::size_t f = 0; f < of_mode[0].size(); ++f) {
    ModeFigure figure{.name = of_mode[0][f].name, .unit = std::string(name_of(of_mode[0][f].unit)), .of_mode = {}};
    std::string why;
    for (const auto& mine : of_mode) {
      if (!mine[f].absent.empty()) why = mine[f].absent;
      figure.of_mode.push_back(mine[f].of_draw);
    }
    if (why.empty())
      all.push_back(std::move(figure));
    else
      absent.push_back({{"name", figure.name}, {"why", why}});
  }
  return all;
}

}  // namespace

std::vector<std::string> latent_modes_of(const Model& model, std::span<const std::string> wanted,
                                         std::vector<std::string>& missing) {
  if (!model.has_latent()) {
    missing.emplace_back("has no latent variables");
    return {};
  }
  std::vector<std::string> modes;
  for (const std::string& mode : wanted)
    if (mode != "shuffled" || !model.reply_plan().empty())
      modes.push_back(mode);
    else
      missing.emplace_back("plans nothing of its replies that could be another dialogue's: 'shuffled' is left out");
  return modes;
}

ModeAnswers::ModeAnswers(const OpenedRun& opened, std::string mode)
    : opened_(opened), mode_(std::move(mode)), words_(opened.data.word_table()) {
  const auto& insights = opened.model().insights();
  for (std::size_t i = 0; i < insights.size(); ++i)
    if (insights[i].of_reply && plan_ < 0) {
      plan_ = static_cast<int>(i);
      plan_classes_ = classes_of(opened.run.info, insights[i]);
    }
}

void ModeAnswers::add(const GeneratedTurn& turn) {
  const std::span<const std::int32_t> gold = opened_.split.response(turn.dialogue, turn.turn);
  replies_.replies.push_back(tokens_of(turn.reply.words, words_));
  replies_.references.push_back(tokens_of(gold.first(gold.size() - 1), words_));
  replies_.group_of.push_back(turn.dialogue);
  replies_.groups = std::max(replies_.groups, turn.dialogue + 1);
  FileReply row;
  if (const std::int32_t emotion = opened_.split.emotion(turn.dialogue); emotion >= 0)
    row.emotion = opened_.data.emotions().name(emotion);
  if (plan_ >= 0)
    row.reply_emotion = plan_classes_[static_cast<std::size_t>(turn.insights[static_cast<std::size_t>(plan_)])];
  rows_.rows.push_back(std::move(row));
}

Json compare_modes(std::vector<ModeAnswers>& modes, ReplyClassifier* emotions) {
  constexpr BootstrapOptions options;
  const int dialogues = count_of(modes[0].figures.conversations), answered = modes[0].replies().groups;
  Json out{
      {"modes", Json::array()},         {"dialogues", dialogues},
      {"answered", answered},           {"classifier", emotions == nullptr ? Json() : Json(emotions->description())},
      {"resamples", options.resamples}, {"seed", options.seed},
      {"figures", Json::array()},       {"absent", Json::array()}};
  for (const ModeAnswers& mode : modes) out["modes"].push_back(mode.mode());
  const Bootstrap over_all(dialogues, options);
  for (const ModeFigure& figure : model_figures(modes)) out["figures"].push_back(figure_json(figure, over_all));
  if (answered == 0) return out;
  const Bootstrap over_answered(answered, options);
  for (const ModeFigure& figure : reply_figures(modes, emotions, out["absent"]))
    out["figures"].push_back(figure_json(figure, over_answered));
  return out;
}

}  // namespace ethreed
