#pragma once
// Emotions and intents of replies by a trained classifier of texts.

#include "model/metrics/reply_scores.h"
#include "tools/ethreed/reply_file.h"
#include "tools/ethreed/session.h"

#include <memory>
#include <string>
#include <vector>

namespace ethreed {

class ReplyClassifier {
 public:
  /// Throws Error if `run` is no run of a classifier of texts.
  explicit ReplyClassifier(const std::string& run);
  ~ReplyClassifier();
  ReplyClassifier(const ReplyClassifier&) = delete;
  ReplyClassifier& operator=(const ReplyClassifier&) = delete;

  /// The likeliest class of each text.
  std::vector<std::int32_t> label(const std::vector<TokenText>& texts);
  const std::vector<std::string>& classes() const { return classes_; }
  /// What a table says of it: model, variant, the run's name.
  std::string description() const;

 private:
  struct Open;
  std::string name_;
  std::vector<std::string> classes_;
  std::unique_ptr<Open> open_;
};

/// `reply_emotion_acc`, `reply_emotion_policy`, `reply_emotion_dialogue` and `emotion_jsd` alone.
std::vector<ScoreFigure> emotion_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions);

/// `reply_emotion_acc`, `reply_emotion_policy`, `reply_emotion_dialogue` and `emotion_jsd` by `emotions`, `intent_kl`
/// and its zero cells by `intents`; absent, with the reason, where a classifier is null or the file lacks what they
/// need.
std::vector<ScoreFigure> class_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions,
                                       ReplyClassifier* intents);

}  // namespace ethreed
