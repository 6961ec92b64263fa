#pragma once
// BERTScore of replies by a pretrained encoder.

#include "model/metrics/bert_score.h"
#include "model/metrics/reply_scores.h"
#include "tools/ethreed/session.h"

#include <functional>
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
/// --bertscore and what begins with it; `of_files`: with the options that are about the texts of files.
void add_bert_score_options(CLI::App& command, BertScoreArguments& arguments, bool of_files = true);

/// A text as the encoder sees it: its tokens (as `same` of --bertscore-text has them) joined by spaces, none before
/// . , ! ? ; : ' and the endings n't 's 're 've 'll 'd 'm.
std::string bert_score_text(const TokenText& tokens);

/// One file's texts as they stand there.
struct BertScoreTexts {
  std::vector<std::string> replies;
  std::vector<std::vector<std::string>> references;  ///< of each row one at least; empty: there are none
};

/// Of every row the score by that of its references for which it is largest: none where there are no references.
struct BertScoreRows {
  std::vector<BertScore> scores;
  std::int64_t empty_replies = 0, empty_references = 0;  ///< without a token
};

/// A figure that is the mean over rows of what a row's score says.
struct BertScoreFigure {
  std::string name;  ///< "bertscore_f[NAME:LAYER]"
  std::function<double(const BertScore&)> of_row;
};

class BertScorer {
 public:
  /// In float, on so many threads. Throws Error for a folder without an encoder and a tokenizer, a layer that it does
  /// not have, and a baseline that is of another encoder or layer.
  BertScorer(const BertScoreArguments& arguments, bool split, int threads = default_threads());
  ~BertScorer();
  BertScorer(const BertScorer&) = delete;
  BertScorer& operator=(const BertScorer&) = delete;

  BertScoreRows score(const BertScoreTexts& texts);
  /// P, R and F, and the same rescaled where there is a baseline.
  std::vector<BertScoreFigure> mean_figures() const;
  /// Means over rows of these, and how many pairs have an empty text. `set` has the groups of rows.
  std::vector<ScoreFigure> figures(const BertScoreTexts& texts, const ReplySet& set);
  /// What a table says of it: model, layer, forms of texts.
  std::string description() const;

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace ethreed
