#pragma once
// Memory that is only counted: an arena over it hands out addresses that nobody may read or write.

#include "core/device.h"

namespace ethreed {

/// Address space without memory behind it: whoever reads or writes there ends the program. With an arena over it, a
/// step can be run with DeviceRuntime::plan(true), just to see what it would take. `guard_bytes` are those of the
/// memory that the plan is for.
class PlannedMemory final : public MemorySource {
 public:
  explicit PlannedMemory(std::size_t guard_bytes = 0) : guard_bytes_(guard_bytes) {}
  void* allocate(std::size_t bytes) override;
  void release(void* memory, std::size_t bytes) noexcept override;
  std::size_t guard_bytes() const override { return guard_bytes_; }

 private:
  std::size_t guard_bytes_;
};

}  // namespace ethreed
