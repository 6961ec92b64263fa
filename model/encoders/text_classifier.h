#pragma once
// Classes of texts by a pretrained encoder: by a head that was trained with it, or by one on its sentence vectors.

#include "model/encoders/encoder_file.h"
#include "model/encoders/sentence_head.h"
#include "model/subwords/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Calls consume(row, probabilities [labels]) for every row, rows of like length together: dropout off. `layout` has a
/// head for classification, `values` is its block. Throws Error for a row without tokens.
using ConsumeClasses = std::function<void(int row, std::span<const double> probabilities)>;
void classify_rows(Context& context, const EncoderLayout& layout, float* values, std::span<const SubwordRow> rows,
                   const ConsumeClasses& consume);

class TextClassifier {
 public:
  /// A folder of a published classifier, or one that `ethreed fine-tune` wrote. Throws Error as read_encoder does.
  explicit TextClassifier(const std::filesystem::path& folder);
  /// Whether it is the folder of an encoder at all (and not of a run, say).
  static bool is_folder_of_one(const std::filesystem::path& folder);

  const EncoderConfig& config() const { return encoder_.layout.config; }
  const std::vector<std::string>& labels() const { return head_ ? head_->labels : config().labels; }
  /// "mpnet of 12 layers, fine-tuned": for people.
  std::string description() const;

  /// A text as a row of at most `tokens` tokens, or as many as the model has positions; its end is cut.
  SubwordRow row_of(std::string_view text, int tokens) const;
  void classify(Context& context, std::span<const SubwordRow> rows, const ConsumeClasses& consume);

 private:
  std::optional<SentenceHead> head_;
  PretrainedEncoder<float> encoder_;
  SubwordTokenizer tokenizer_;
};

}  // namespace ethreed
