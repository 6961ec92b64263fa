#pragma once
// BERTScore of replies by a pretrained encoder.

#include "model/metrics/reply_scores.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

struct BertScoreArguments {
  std::string folder;             ///< of the encoder; empty: no BERTScore
  std::string name;               ///< of the encoder, in the names of figures; empty: the folder's
  std::optional<int> layer{};     ///< none: the published one of encoders that have one, else the last
  std::string text = "same";      ///< see bert_score_text
  std::string baseline;           ///< "roberta-large" or "P,R,F"; empty: figures are raw
  std::vector<std::string> more;  ///< files of further references
  bool idf = false;
};
/// --bertscore and what begins with it.
void add_bert_score_options(CLI::App& command, BertScoreArguments& arguments);

/// A text as the encoder sees it: its tokens (as `same` of --bertscore-text has them) joined by spaces, none before
/// . , ! ? ; : ' and the endings n't 's 're 've 'll 'd 'm.
std::string bert_score_text(const TokenText& tokens);

/// One file's texts as they stand there.
struct BertScoreTexts {
  std::vector<std::string> replies;
  std::vector<std::vector<std::string>> references;  ///< of each row one at least; empty: there are none
};

class BertScorer {
 public:
  /// Throws Error for a folder without an encoder and a tokenizer, a layer that it does not have, and a baseline that
  /// is of another encoder or layer.
  explicit BertScorer(const BertScoreArguments& arguments, bool split);
  ~BertScorer();
  BertScorer(const BertScorer&) = delete;
  BertScorer& operator=(const BertScorer&) = delete;

  /// Means over rows of P, R and F, the same rescaled where there is a baseline, and how many pairs have an empty text.
  /// `set` has the groups of rows.
  std::vector<ScoreFigure> figures(const BertScoreTexts& texts, const ReplySet& set);
  /// What a table says of it: model, layer, forms of texts.
  std::string description() const;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace ethreed
