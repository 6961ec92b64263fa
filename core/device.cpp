#include "core/device.h"

#include "core/error.h"
#include "core/staging.h"
#include "core/tensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <new>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> device_names{"cpu", "emulated", "cuda"};

constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Blocks of a megabyte and more in pages of 2 MiB, where the kernel has some to give: a step walks through hundreds of
/// megabytes, and with pages of 4 KiB every row of a matrix begins with a miss of the TLB.
class HostMemory final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) override {
    if (!is_large(bytes)) return ::operator new (std::max<std::size_t>(bytes, 1), std::align_val_t{alignment_bytes});
    const std::size_t pages = (bytes + huge_page - 1) / huge_page * huge_page;
    void* memory = ::operator new (pages, std::align_val_t{huge_page});
#if defined(MADV_HUGEPAGE)
    ::madvise(memory, pages, MADV_HUGEPAGE);  // advice: the kernel may ignore it
#endif
    return memory;
  }
  void release(void* memory, std::size_t bytes) noexcept override {
    ::operator delete (memory, std::align_val_t{is_large(bytes) ? huge_page : alignment_bytes});
  }

 private:
  static bool is_large(std::size_t bytes) { return bytes >= huge_page / 2; }
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
