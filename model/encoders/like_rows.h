#pragma once
// Rows of tokens in batches of like length.

#include "model/encoders/encoder_batch.h"
#include "model/subwords/tokenizer.h"

#include <functional>
#include <span>

namespace ethreed {

/// Tokens of a batch, at most, unless one text has more: enough for matrix products to run at full speed.
inline constexpr int tokens_at_once = 3072;

/// Calls body(batch, numbers) for batches of rows, the longest rows first; `numbers` says which rows they are. Rows
/// without tokens are in none. Throws Error as EncoderBatch::add does.
void for_like_rows(const EncoderConfig& config, std::span<const SubwordRow> rows,
                   const std::function<void(const EncoderBatch& batch, Indices numbers)>& body);

}  // namespace ethreed
