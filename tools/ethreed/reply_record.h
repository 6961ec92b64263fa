#pragma once
// A reply and all that a model says of it, as the commands write it.

#include "model/evaluation/evaluator.h"
#include "model/replies/post.h"
#include "model/text/word_table.h"
#include "tools/ethreed/session.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace ethreed {

/// A share as records hold it, to six decimals.
double rounded(double share);

/// {"joyful": 0.52, …} in the order of the classes.
nlohmann::ordered_json distribution_json(const std::vector<double>& probabilities,
                                         const std::vector<std::string>& classes);

/// Whether a word of a reply came by the pointer rather than from the vocabulary.
inline bool is_copied(const WordOrigin& origin) { return origin.copied > 0.5; }

/// Writes turns of one run into records.
class ReplyRecords {
 public:
  /// All must outlive this object; `words` may grow.
  ReplyRecords(const LoadedRun& run, const WordTable& words);

  /// Adds to `record`: the likeliest class of each insight under its key, log_probability, ended, `distributions`
  /// (every class of each insight), and with a pointer `copied_words` and `generation_gates` (p_gen of each word);
  /// `unknown_words`, those that the vocabulary lacks; with n_best `others`.
  void add_insights(nlohmann::ordered_json& record, const GeneratedTurn& turn) const;
  void add_reply(nlohmann::ordered_json& record, const GeneratedTurn& turn) const;
  /// How the text was read: tokens, tokens_cut, unknown_share, no_known_word.
  static void add_post(nlohmann::ordered_json& record, const EncodedPost& post);
  /// The classes of the model's insight i.
  const std::vector<std::string>& classes(std::size_t i) const { return classes_[i]; }
  std::string text(const Reply& reply) const { return decode_utterance(reply.words, words_); }

 private:
  const Model& model_;
  const WordTable& words_;
  std::vector<std::vector<std::string>> classes_;
};

}  // namespace ethreed
