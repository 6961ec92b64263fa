#pragma once
// A device that does nothing, for tests of what only asks for one.

#include "core/device.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace ethreed::test {

/// Overriding functions say what a test's device has in addition.
class IdleDevice : public DeviceRuntime {
 public:
  ~IdleDevice() override { release_staging(); }
  Device device() const override { return Device::emulated; }
  std::string description() const override { return "idle"; }
  std::size_t free_bytes() const override { return 0; }
  std::size_t total_bytes() const override { return 0; }
  int multiprocessors() const override { return 1; }
  std::size_t shared_bytes_per_block() const override { return 0; }
  bool tf32() const override { return false; }
  MemorySource& memory() override { return host_memory(); }
  MemorySource& pinned() override { return host_memory(); }
  MemorySource& managed() override { return host_memory(); }
  void upload(void*, const void*, std::size_t) override {}
  void download(void*, const void*, std::size_t) override {}
  void download_later(void*, const void*, std::size_t) override {}
  void copy(void*, const void*, std::size_t) override {}
  void clear(void*, std::size_t) override {}
  void synchronize() override {}
  void fork() override {}
  void join() override {}
  void* stream(int) override { return nullptr; }
  void begin_capture() override {}
  void end_capture() override {}
  void abandon_capture() noexcept override {}
  std::int64_t graphs_made() const override { return 0; }
  void push_range(const char*) override { ++ranges; }
  void pop_range() override { --ranges; }

  int ranges = 0;  ///< that are open
};

}  // namespace ethreed::test
