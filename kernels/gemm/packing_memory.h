#pragma once
// The memory in which matrix products pack their operands: one block for each thread, for all formats and all sets of
// instructions, since a thread has one matrix product at a time. Thread-local memory is taken from the stack of every
// thread, and one block for each of them would leave a thread none.

#include <cstddef>

namespace ethreed::gemm_cpu {

struct PackingMemory {
  alignas(64) std::byte a[640 << 10];  ///< of the rows of a tile
  alignas(64) std::byte b[384 << 10];  ///< of the columns: two panels or, of few k, more
};
extern constinit thread_local PackingMemory packing_memory;

}  // namespace ethreed::gemm_cpu
