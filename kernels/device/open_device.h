#pragma once
// Opens a device: the GPU, or its emulation.

#include "core/device.h"
#include "core/thread_pool.h"

#include <memory>

namespace ethreed {

struct DeviceOptions {
  bool tf32 = false;  ///< matrix products in float may round their inputs to TF32 (10 bits of mantissa); CUDA only
};

/// The first CUDA device. Throws Error in one clear line if there is none, or no driver.
std::unique_ptr<DeviceRuntime> open_device(Cuda, ThreadPool& pool, const DeviceOptions& options);
/// The emulation; blocks of a launch run on the pool, which must outlive it.
std::unique_ptr<DeviceRuntime> open_device(Emulated, ThreadPool& pool, const DeviceOptions& options);
/// The one asked for, null for the CPU. Throws Error for cuda in a program built without CUDA.
std::unique_ptr<DeviceRuntime> open_device(Device device, ThreadPool& pool, const DeviceOptions& options = {});

/// One line for each kind of device: what this program finds here. Throws nothing.
std::string describe_devices();

}  // namespace ethreed
