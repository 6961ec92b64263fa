#pragma once
// The memory in which matrix products pack their operands: one block for each thread, for all formats and all sets of
// instructions, since a thread has one matrix product at a time. Thread-local memory is taken from the stack of every
// thread, and one block for each of them would leave a thread none.

#include <cstddef>

namespace ethreed::gemm_cpu {

inline constexpr int packed_rows_bytes = 640 << 10;     ///< of the rows of a tile
inline constexpr int packed_columns_bytes = 384 << 10;  ///< two panels of two blocks of k or, of few k, more

struct PackingMemory {
  alignas(64) std::byte a[packed_rows_bytes];
  alignas(64) std::byte b[packed_columns_bytes];
};
extern constinit thread_local PackingMemory packing_memory;

}  // namespace ethreed::gemm_cpu
