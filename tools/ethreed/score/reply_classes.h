#pragma once
// Emotions and intents of replies by a classifier of texts.

#include "model/metrics/reply_scores.h"
#include "tools/ethreed/reply_file.h"
#include "tools/ethreed/text_labeller.h"

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ethreed {

class ReplyClassifier {
 public:
  /// Throws Error as open_labeller does.
  explicit ReplyClassifier(const RunArguments& classifier);

  /// The likeliest class of each text. An encoder reads its tokens put together as in bert_score_text.
  std::vector<std::int32_t> label(const std::vector<TokenText>& texts);
  const std::vector<std::string>& classes() const { return labeller_->classes(); }
  /// What a table says of it: the folder's name and what it is.
  std::string description() const;

 private:
  std::string name_;
  std::unique_ptr<TextLabeller> labeller_;
  std::unordered_map<std::string, std::int32_t> class_of_;  // of every text so far: replies repeat themselves
};

/// `reply_emotion_acc`, `reply_emotion_policy`, `reply_emotion_dialogue` and `emotion_jsd` alone.
std::vector<ScoreFigure> emotion_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions);

/// `reply_emotion_acc`, `reply_emotion_policy`, `reply_emotion_dialogue` and `emotion_jsd` by `emotions`, `intent_kl`
/// and its zero cells by `intents`; absent, with the reason, where a classifier is null or the file lacks what they
/// need.
std::vector<ScoreFigure> class_figures(const ReplyFile& file, const ReplySet& set, ReplyClassifier* emotions,
                                       ReplyClassifier* intents);

}  // namespace ethreed
