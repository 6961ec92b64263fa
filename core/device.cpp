#include "core/device.h"

#include "core/error.h"
#include "core/staging.h"
#include "core/tensor.h"

#include <algorithm>
#include <array>
#include <new>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> device_names{"cpu", "emulated", "cuda"};

class HostMemory final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) override {
    return ::operator new (std::max<std::size_t>(bytes, 1), std::align_val_t{alignment_bytes});
  }
  void release(void* memory, std::size_t) noexcept override {
    ::operator delete (memory, std::align_val_t{alignment_bytes});
  }
};

}  // namespace

std::string_view name_of(Device device) { return device_names[static_cast<std::size_t>(device)]; }

Device device_from(std::string_view name) {
  for (std::size_t i = 0; i < device_names.size(); ++i)
    if (device_names[i] == name) return static_cast<Device>(i);
  fail("device '{}' does not exist; give cpu, emulated or cuda", name);
}

MemorySource& host_memory() {
  static HostMemory memory;
  return memory;
}

DeviceRuntime::DeviceRuntime() : staging_(std::make_unique<Staging>(*this)) {}
DeviceRuntime::~DeviceRuntime() = default;
void DeviceRuntime::release_staging() { staging_.reset(); }

void DeviceRuntime::note_launch(std::string_view kernel) {
  note_sequence(reinterpret_cast<std::uintptr_t>(kernel.data()));
  // A kernel's name is one constant of the program: equal names have equal addresses.
  const auto found = std::find_if(launches_.begin(), launches_.end(),
                                  [&](const LaunchCount& count) { return count.kernel.data() == kernel.data(); });
  if (found == launches_.end())
    launches_.push_back({kernel, 1});
  else
    ++found->launches;
}

std::int64_t DeviceRuntime::launch_count() const {
  std::int64_t total = 0;
  for (const LaunchCount& count : launches_) total += count.launches;
  return total;
}

}  // namespace ethreed
