#pragma once
// Kernels that are wrong on purpose, each beside a right twin: `wrong` says which of the two is run. The line that is
// to be reported is marked WRONG.

#include <string>
#include <vector>

namespace ethreed::test {

struct WrongKernel {
  std::string name;
  void (*run)(bool wrong);
};

/// Of the file of that name.
extern const std::vector<WrongKernel> memory_kernels, race_kernels, barrier_kernels;

}  // namespace ethreed::test
