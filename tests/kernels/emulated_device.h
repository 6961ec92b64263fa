#pragma once
// The emulated device with other switches than usual, for tests of all that runs on it.

#include "core/context.h"
#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"

#include <optional>
#include <string_view>
#include <vector>

namespace ethreed::test {

/// The emulated device with these switches; they are set back at the end.
class EmulatedDevice {
 public:
  explicit EmulatedDevice(const emulation::Settings& settings) {
    emulation::settings() = settings;
    runtime_.emplace(2);
    runtime_->use(open_device(Device::emulated, runtime_->pool()));
  }
  ~EmulatedDevice() {
    runtime_.reset();
    emulation::settings() = was_;
  }
  EmulatedDevice(const EmulatedDevice&) = delete;
  EmulatedDevice& operator=(const EmulatedDevice&) = delete;
  Context context() { return runtime_->context(); }
  DeviceRuntime& device() { return *runtime_->device(); }

 private:
  emulation::Settings was_ = emulation::settings();
  std::optional<Runtime> runtime_;
};

struct NamedSettings {
  std::string_view name;
  emulation::Settings settings;
};

/// Like devices that exist, with few multiprocessors: the blocks of a cooperative launch are alive together.
inline std::vector<NamedSettings> devices() {
  constexpr std::size_t kibibytes = 1024;
  emulation::Settings t4;
  t4.multiprocessors = 4;
  t4.threads_per_multiprocessor = 1024;
  t4.shared_bytes_per_block = t4.shared_bytes_per_multiprocessor = 64 * kibibytes;
  t4.shared_bytes_reserved = 0;
  emulation::Settings ada;
  ada.multiprocessors = 3;
  ada.threads_per_multiprocessor = 1536;
  ada.shared_bytes_per_block = 99 * kibibytes;
  ada.shared_bytes_per_multiprocessor = 100 * kibibytes;
  emulation::Settings large;
  large.multiprocessors = 40;
  return {{"shared memory as a T4", t4}, {"3 multiprocessors, 99 KiB", ada}, {"40 multiprocessors", large}};
}

}  // namespace ethreed::test
