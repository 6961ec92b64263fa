#pragma once
// A batch of single texts: no pads, packed for recurrent layers, laid out text by text for what pools them.

#include "core/indices.h"
#include "kernels/common/packing.h"
#include "model/blocks/example.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// Orders used below: texts as given; token: text after text, tokens in order; packed row: time-major, longest text
/// first.
class TextBatch {
 public:
  /// Refills the batch; vectors keep their memory. `vocabulary` is V: ids from there on become UNK. Throws Error if an
  /// example is no text or an id is negative.
  void build(std::span<const Example> texts, std::int32_t vocabulary);

  int texts() const { return count_of(labels); }
  Packing packing() const { return {packed_offsets}; }

  /// Every array that kernels read, to be staged together.
  using Arrays = std::array<std::span<const std::byte>, 8>;
  Arrays arrays() const;

  std::vector<std::int32_t> labels;          ///< [texts] −1 for none
  std::vector<std::int32_t> token_offsets;   ///< [texts + 1]
  std::vector<std::int32_t> token_ids;       ///< [tokens] word ids below V
  std::vector<std::int32_t> token_rows;      ///< [tokens] packed row
  std::vector<std::int32_t> packed_offsets;  ///< of the packing
  std::vector<std::int32_t> packed_inputs;   ///< [packed rows] place in word_ids
  std::vector<std::int32_t> word_ids;        ///< every different id, by first appearance
  std::vector<std::int32_t> last_rows;       ///< [texts] packed row of the last token
  std::vector<std::int32_t> first_rows;      ///< [texts] packed row of the first token
  std::int32_t labelled = 0;                 ///< texts with a label

 private:
  std::vector<std::int32_t> order_, word_place_;
};

}  // namespace ethreed
