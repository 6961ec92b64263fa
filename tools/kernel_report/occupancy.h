#pragma once
// Theoretical occupancy by NVIDIA's own calculator, without a GPU.

#include "tools/kernel_report/ptxas_log.h"

#include <cstddef>
#include <string>

namespace ethreed::report {

struct Occupancy {
  int blocks = 0;     ///< of one multiprocessor at a time; 0: the kernel cannot run there with this block
  double warps = 0;   ///< of those it can hold, the part that is occupied: 0 … 1
  std::string limit;  ///< what there would have to be more of: "registers", "shared memory", "warps", "blocks"
};

/// Throws Error for an architecture that is not in the table, or that the calculator does not know.
Occupancy occupancy_of(const CompiledKernel& kernel, int block_threads, std::size_t dynamic_shared_bytes);

}  // namespace ethreed::report
