#pragma once
// Rows of tokens for an encoder, one behind the other, without pads.

#include "core/indices.h"
#include "model/encoders/encoder_config.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// The row of MPNet's table for a key that stands `distance` tokens behind the query, 0 to 31: each distance below 8
/// has its own, longer ones share some up to 128; keys behind the query begin at 16.
int distance_row(int distance);

/// Vectors keep their memory from batch to batch.
class EncoderBatch {
 public:
  /// Of an empty batch for models of this configuration, which must live as long as this.
  explicit EncoderBatch(const EncoderConfig& config) : config_(&config) { clear(); }
  void clear();

  /// A row of tokens, specials included. `types`: their segments, or nothing for segment 0 throughout. Throws Error for
  /// a row without tokens or with more than config.longest(), and for ids and types that the tables do not have.
  void add(Indices ids, Indices types = {});

  int texts() const { return count_of(first); }
  int tokens() const { return offsets.back(); }

  /// Every array that kernels read, to be staged together.
  using Arrays = std::array<std::span<const std::byte>, 6>;
  Arrays arrays() const;

  std::vector<std::int32_t> offsets;    ///< [texts + 1]
  std::vector<std::int32_t> ids;        ///< [tokens]
  std::vector<std::int32_t> positions;  ///< [tokens] rows of the table of positions
  std::vector<std::int32_t> types;      ///< [tokens]
  std::vector<std::int32_t> distances;  ///< [pairs] of tokens of a text, for models with a table of distances
  std::vector<std::int32_t> first;      ///< [texts] row of the text's first token: [CLS], <s>

 private:
  const EncoderConfig* config_;
};

}  // namespace ethreed
