#pragma once
// Ragged, time-major sequences without pads: the layout of every recurrent operation.

#include "core/error.h"
#include "core/indices.h"

#include <cstdint>

namespace ethreed {

/// Sequences sorted by length, longest first, so that at every time step the sequences that have not ended are a
/// prefix. Row of (time t, sequence r) is offsets[t] + r, for r < offsets[t + 1] − offsets[t]. offsets has steps + 1
/// entries, offsets[0] = 0, and the number of sequences that have not ended never grows with t.
struct Packing {
  Indices offsets;

  int steps() const { return offsets.size() - 1; }
  int rows() const { return offsets.empty() ? 0 : offsets.back(); }
  int offset(int t) const { return offsets[t]; }
  /// Sequences that have not ended at step t; alive(0) is the number of sequences.
  int alive(int t) const { return offset(t + 1) - offset(t); }
  int sequences() const { return steps() > 0 ? alive(0) : 0; }
  int row(int t, int sequence) const { return offset(t) + sequence; }
};

/// Throws Error, naming `who`, unless the offsets are a valid packing.
inline void check_packing(const char* who, const Packing& packing) {
  ETHREED_CHECK(!packing.offsets.empty() && packing.offsets.front() == 0,
                "{}: packing offsets must start with 0 and have steps + 1 entries", who);
  for (int t = 0; t < packing.steps(); ++t) {
    ETHREED_CHECK(packing.alive(t) > 0, "{}: packing has no live sequence at step {}", who, t);
    ETHREED_CHECK(t == 0 || packing.alive(t) <= packing.alive(t - 1),
                  "{}: packing grows from {} to {} sequences at step {}; sort sequences by length, longest first", who,
                  packing.alive(t - 1), packing.alive(t), t);
  }
}

}  // namespace ethreed
