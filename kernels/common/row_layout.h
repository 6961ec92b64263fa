#pragma once
// The layout of decoder operations after the decoder GRU: row by row, each row with its target and its source tokens.

#include "core/error.h"
#include "core/indices.h"

#include <cstdint>

namespace ethreed {

/// N rows, each a source of S_r ≥ 1 tokens and a target of M_r ≥ 0 tokens, without pads.
///
///   source_offsets [N + 1]  tokens source_offsets[r] … source_offsets[r + 1] − 1 are the source of row r
///   target_offsets [N + 1]  the same for its target
///   weight_offsets [N + 1]  ragged [target, source] matrices, stored row after row: (row r, step i, source j) stands
///                           at weight_offsets[r] + i·S_r + j, so weight_offsets[r + 1] − weight_offsets[r] = M_r·S_r
///
/// All three start with 0. i and j count from the beginning of the row.
struct RowLayout {
  Indices source_offsets;
  Indices target_offsets;
  Span<const std::int64_t> weight_offsets;

  int rows() const { return source_offsets.size() - 1; }
  /// First source and target token of a row, and the place of its ragged matrix.
  int source(int r) const { return source_offsets[r]; }
  int target(int r) const { return target_offsets[r]; }
  std::int64_t weight(int r) const { return weight_offsets[r]; }
  /// S_r and M_r.
  int source_count(int r) const { return source(r + 1) - source(r); }
  int target_count(int r) const { return target(r + 1) - target(r); }
  /// Over all rows: source tokens, target tokens, elements of a ragged [target, source] matrix.
  int sources() const { return source_offsets.empty() ? 0 : source_offsets.back(); }
  int targets() const { return target_offsets.empty() ? 0 : target_offsets.back(); }
  std::int64_t weights() const { return weight_offsets.empty() ? 0 : weight_offsets.back(); }
};

/// Throws Error, naming `who`, unless the layout is valid.
inline void check_row_layout(const char* who, const RowLayout& layout) {
  ETHREED_CHECK(!layout.source_offsets.empty() && layout.target_offsets.size() == layout.source_offsets.size() &&
                    layout.weight_offsets.size() == layout.source_offsets.size(),
                "{}: source, target and weight offsets have {}, {} and {} entries; all three need rows + 1", who,
                layout.source_offsets.size(), layout.target_offsets.size(), layout.weight_offsets.size());
  ETHREED_CHECK(layout.source(0) == 0 && layout.target(0) == 0 && layout.weight(0) == 0,
                "{}: source, target and weight offsets start with {}, {} and {}, wanted 0", who, layout.source(0),
                layout.target(0), layout.weight(0));
  for (int r = 0; r < layout.rows(); ++r) {
    const std::int64_t sources = std::int64_t{layout.source(r + 1)} - layout.source(r);
    const std::int64_t targets = std::int64_t{layout.target(r + 1)} - layout.target(r);
    ETHREED_CHECK(sources >= 1, "{}: row {} has {} source tokens, at least one is needed to attend to", who, r,
                  sources);
    ETHREED_CHECK(targets >= 0, "{}: row {} has {} target tokens; target offsets must not decrease", who, r, targets);
    ETHREED_CHECK(layout.weight(r + 1) - layout.weight(r) == sources * targets,
                  "{}: row {} has {} elements in the ragged matrix, wanted {} targets x {} sources", who, r,
                  layout.weight(r + 1) - layout.weight(r), targets, sources);
  }
}

}  // namespace ethreed
