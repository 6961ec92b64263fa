#pragma once
// The model's real shapes on the emulated device: what each kernel is launched with, and what it touches.

#include "kernels/common/operation.h"
#include "kernels/emulation/emulation.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ethreed::report {

/// One case of the table, in float, once forward and once backward.
struct CaseRun {
  std::string operation, name;
  Cost cost;
  bool differentiable = false;
  std::vector<emulation::Counters> forward, backward;        ///< by kernel, in the order of their first launch
  std::int64_t forward_products = 0, backward_products = 0;  ///< gemm: cublasLt's on a GPU, the host's here
};

/// The largest block and the most dynamic shared memory that any of the cases launched a kernel with.
struct LargestLaunch {
  int block_threads = 0;
  std::size_t dynamic_shared_bytes = 0;
};
using LargestLaunches = std::map<std::string, LargestLaunch, std::less<>>;

struct EmulatedRun {
  std::vector<CaseRun> cases;
  LargestLaunches launches;  ///< float and double
};

/// Runs all cases that are not tiny, of the operations whose name contains `filter`. Throws Error for what the
/// emulator's checker finds.
EmulatedRun run_emulated(const std::string& filter);

}  // namespace ethreed::report
