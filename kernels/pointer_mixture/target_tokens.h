#pragma once
// Walks the target tokens of a RowLayout in parallel: what the two pointer operations share.

#include "core/context.h"
#include "kernels/common/row_layout.h"

#include <algorithm>

namespace ethreed {

/// One target token: its row, its number among all targets, and where its S_r source tokens and weights are.
struct TargetToken {
  int token = 0;            ///< among all targets
  int source = 0;           ///< first source token of its row
  int source_count = 0;     ///< S_r
  std::int64_t weight = 0;  ///< first of its S_r elements in the ragged [target, source] matrices
};

/// Calls body(const TargetToken&) once for every target token, in parallel chunks of tokens.
template <class Body> void for_each_target(Context& context, const RowLayout& layout, Body&& body) {
  constexpr std::int64_t tokens_per_chunk = 4;  // a token brings a whole row of the vocabulary with it
  context.pool.parallel_ranges(layout.targets(), tokens_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    // The last row that starts at or before `begin`; rows without targets are stepped over.
    const auto after = std::upper_bound(layout.target_offsets.begin(), layout.target_offsets.end(), begin);
    int row = static_cast<int>(after - layout.target_offsets.begin()) - 1;
    for (auto token = static_cast<int>(begin); token < end; ++token) {
      while (token >= layout.target(row + 1)) ++row;
      const int sources = layout.source_count(row);
      body(TargetToken{.token = token,
                       .source = layout.source(row),
                       .source_count = sources,
                       .weight = layout.weight(row) + std::int64_t{token - layout.target(row)} * sources});
    }
  });
}

}  // namespace ethreed
