#pragma once
// Positions of an index array sorted by what they select: the transpose of a selection, row by row.

#include <algorithm>
#include <cstdint>

namespace ethreed {

/// The positions that select v are order[start[v]] … order[start[v + 1] − 1], ascending.
struct SortedPositions {
  std::int32_t* start;  // [values + 1]
  std::int32_t* order;  // [positions]
};

/// Counting sort, stable, of positions whose index is from 0 to values − 1. Time: positions + values.
inline void sort_positions(const std::int32_t* index, int positions, int values, const SortedPositions& sorted) {
  std::int32_t* start = sorted.start;
  std::fill_n(start, std::int64_t{values} + 1, 0);
  for (int i = 0; i < positions; ++i) ++start[index[i]];
  // Counts become ends; filling every segment from its end then leaves the beginnings.
  for (int v = 1; v <= values; ++v) start[v] += start[v - 1];
  for (int i = positions - 1; i >= 0; --i) sorted.order[--start[index[i]]] = i;
}

}  // namespace ethreed
