#include "tools/ethreed/score/reply_classes.h"

#include "core/error.h"
#include "model/metrics/classes.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/score/bert_scores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

namespace ethreed {

namespace {

using Labels = std::vector<std::int32_t>;

// Classes by name, as a field of the records has them; −1: none, or no class of the classifier.
Labels labels_of(const ReplyFile& file, std::optional<std::string> FileReply::*field,
                 const std::vector<std::string>& classes) {
  Labels labels;
  for (const FileReply& row : file.rows) {
    const auto& name = row.*field;
    const auto place = name ? std::find(classes.begin(), classes.end(), *name) : classes.end();
    labels.push_back(place == classes.end() ? -1 : static_cast<std::int32_t>(place - classes.begin()));
  }
  return labels;
}

ScoreFigure absent(std::string name, FigureUnit unit, std::string reason) {
  return {.name = std::move(name),
          .unit = unit,
          .value = std::numeric_limits<double>::quiet_NaN(),
          .absent = std::move(reason)};
}

// Share of rows where both are known and equal.
ScoreFigure agreement(std::string name, const ReplySet& set, const Labels& a, const Labels& b,
                      const std::string& reason) {
  const double value = class_agreement(a, b);
  if (std::isnan(value)) return absent(std::move(name), FigureUnit::share, reason);
  std::vector<RatioCounts> groups(static_cast<std::size_t>(set.groups));
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] >= 0 && b[i] >= 0) groups[static_cast<std::size_t>(set.group_of[i])].add({a[i] == b[i] ? 1.0 : 0.0, 1});
  return {
      .name = std::move(name), .unit = FigureUnit::share, .value = value, .of_draw = ratio_figure(std::move(groups))};
}

void add_emotions(const ReplyFile& file, const ReplySet& set, ReplyClassifier* classifier,
                  std::vector<ScoreFigure>& figures) {
  if (classifier == nullptr || set.references.empty()) {
    const std::string reason = classifier == nullptr ? "no classifier (--classifier)" : "no references";
    for (const char* name : {"reply_emotion_acc", "reply_emotion_policy", "reply_emotion_dialogue"})
      figures.push_back(absent(name, FigureUnit::share, reason));
    figures.push_back(absent("emotion_jsd", FigureUnit::nats, reason));
    return;
  }
  const auto& classes = classifier->classes();
  const Labels generated = classifier->label(set.replies), gold = classifier->label(set.references);
  figures.push_back(agreement("reply_emotion_acc", set, generated, gold, ""));
  figures.push_back(agreement("reply_emotion_policy", set, generated,
                              labels_of(file, &FileReply::reply_emotion, classes),
                              "no reply_emotion of the classifier's classes in the records"));
  figures.push_back(agreement("reply_emotion_dialogue", set, generated, labels_of(file, &FileReply::emotion, classes),
                              "no emotion of the classifier's classes in the records"));
  const int count = count_of(classes);
  figures.push_back({.name = "emotion_jsd",
                     .unit = FigureUnit::nats,
                     .value = jensen_shannon(class_shares(generated, count), class_shares(gold, count)),
                     .of_draw = jensen_shannon_figure(generated, gold, count, set.group_of)});
}

void add_intents(const ReplyFile& file, const ReplySet& set, ReplyClassifier* classifier,
                 std::vector<ScoreFigure>& figures) {
  std::string reason = classifier == nullptr ? "no classifier of intents (--intents)" : "";
  if (reason.empty() && set.references.empty()) reason = "no references";
  std::function<IntentDivergence(GroupWeights)> of_draw;
  IntentDivergence divergence;
  if (reason.empty()) {
    std::map<std::string, std::int32_t> emotions;
    Labels emotion;
    for (const FileReply& row : file.rows)
      emotion.push_back(
          row.emotion ? emotions.try_emplace(*row.emotion, static_cast<std::int32_t>(emotions.size())).first->second
                      : -1);
    of_draw = intent_divergence_of_draw(emotion, classifier->label(set.references), classifier->label(set.replies),
                                        count_of(emotions), count_of(classifier->classes()), set.group_of);
    divergence = of_draw(std::vector<std::int32_t>(static_cast<std::size_t>(set.groups), 1));
    if (std::isnan(divergence.mean)) reason = "no emotion in the records";
  }
  if (!reason.empty()) {
    figures.push_back(absent("intent_kl", FigureUnit::nats, reason));
    figures.push_back(absent("intent_kl_zero_cells", FigureUnit::count, reason));
    return;
  }
  figures.push_back({.name = "intent_kl",
                     .unit = FigureUnit::nats,
                     .value = divergence.mean,
                     .of_draw = [of_draw](GroupWeights weights) { return of_draw(weights).mean; }});
  figures.push_back({.name = "intent_kl_zero_cells",
                     .unit = FigureUnit::count,
                     .value = static_cast<double>(divergence.zero_cells),
                     .no_interval = "a cell that the replies leave empty is empty in every draw of them"});
}

}  // namespace

ReplyClassifier::ReplyClassifier(const RunArguments& classifier)
    : name_((std::filesystem::path(classifier.run) / "").parent_path().filename().string()),
      labeller_(open_labeller(classifier)) {}

std::string ReplyClassifier::description() const { return fmt::format("{} ({})", name_, labeller_->description()); }

std::vector<std::int32_t> ReplyClassifier::label(const std::vector<TokenText>& tokens) {
  std::vector<std::string> texts, unseen;
  for (const TokenText& text : tokens) {
    texts.push_back(labeller_->wants_plain_text() ? bert_score_text(text) : fmt::format("{}", fmt::join(text, " ")));
    if (class_of_.try_emplace(texts.back(), -1).second) unseen.push_back(texts.back());
  }
  BatchProgress progress("classes of texts", unseen.size(), 0, false);
  std::size_t done = 0;
  labeller_->label(unseen, [&](int i, std::span<const double> p) {
    ETHREED_CHECK(!interrupted(), "interrupted, nothing is written");
    class_of_.at(unseen[static_cast<std::size_t>(i)]) =
        static_cast<std::int32_t>(std::max_element(p.begin(), p.end()) - p.begin());
    progress.at(++done);
  });
  std::vector<std::int32_t> labels;
  for (const std::string& text : texts) labels.push_back(class_of_.at(text));
  return labels;
}

std::vector<ScoreFigure> emotion_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions) {
  std::vector<ScoreFigure> figures;
  add_emotions(file, set, emotions, figures);
  return figures;
}

std::vector<ScoreFigure> class_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions,
                                       ReplyClassifier* intents) {
  std::vector<ScoreFigure> figures;
  add_emotions(file, set, emotions, figures);
  add_intents(file, set, intents, figures);
  return figures;
}

}  // namespace ethreed
