#pragma once
// For tests of something else than accesses: the emulated device runs twice as fast without looking at each of them.

#include "kernels/emulation/emulation.h"

namespace ethreed::test {

/// Emulated kernels that are launched while it lives go unchecked. The tests that compare every operation, every case
/// and every model with the CPU check what these would.
class UncheckedAccesses {
 public:
  UncheckedAccesses() { emulation::settings().check = false; }
  ~UncheckedAccesses() { emulation::settings().check = was_; }
  UncheckedAccesses(const UncheckedAccesses&) = delete;
  UncheckedAccesses& operator=(const UncheckedAccesses&) = delete;

 private:
  bool was_ = emulation::settings().check;
};

}  // namespace ethreed::test
