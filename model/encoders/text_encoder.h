#pragma once
// A pretrained encoder with its tokenizer: hidden states of texts.

#include "core/context.h"
#include "model/encoders/encoder_batch.h"
#include "model/encoders/encoder_file.h"
#include "model/encoders/packed_weights.h"
#include "model/subwords/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ethreed {

/// On the CPU, in float, dropout off.
class TextEncoder {
 public:
  /// Reads a folder with config.json, model.safetensors and the files of a tokenizer. Throws Error as read_encoder and
  /// SubwordTokenizer::open do, and if the tokenizer has more tokens than the model.
  explicit TextEncoder(const std::filesystem::path& folder);

  const EncoderConfig& config() const { return encoder_.layout.config; }
  const SubwordTokenizer& tokenizer() const { return tokenizer_; }
  /// The tokens that stand around an empty text: [CLS] and [SEP].
  const std::vector<std::int32_t>& specials() const { return specials_; }

  /// A text as a row of at most config().longest() tokens, its end cut. `prefix_space`: of byte pairs, a space before
  /// the first word or none, in place of what the files say.
  SubwordRow row_of(std::string_view text, std::optional<bool> prefix_space = {}) const;

  /// Hidden state `layer` of every row: calls consume(row, states [tokens of it, d]), rows of like length together and
  /// therefore not in their order. A row without tokens has no states. A row's states depend on the other rows by
  /// rounding only. The first call packs the weights for the context's precision of products, unless they are mapped.
  /// Throws Error if a later one has another precision.
  using Consume = std::function<void(int row, std::span<const float> states)>;
  void encode(Context& context, std::span<const SubwordRow> rows, int layer, const Consume& consume);

 private:
  PretrainedEncoder<float> encoder_;
  SubwordTokenizer tokenizer_;
  std::vector<std::int32_t> specials_;
  std::optional<PackedWeights> packed_;  // not of a mapped file, whose pages other processes share
};

}  // namespace ethreed
