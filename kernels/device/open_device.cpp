#include "kernels/device/open_device.h"

#include "kernels/common/dispatch.h"
#include "kernels/gemm/gemm.h"

#include <fmt/format.h>

namespace ethreed {

std::unique_ptr<DeviceRuntime> open_device(Device device, ThreadPool& pool, const DeviceOptions& options) {
  if (device == Device::cpu) return nullptr;
  if (device == Device::emulated) return open_device(Emulated{}, pool, options);
  if constexpr (built_with_cuda) return open_device(Cuda{}, pool, options);
  fail(
      "--device cuda: this program was built without CUDA; use --device cpu, or emulated to run the GPU kernels on the "
      "CPU");
}

std::string describe_devices() {
  const std::string text =
      fmt::format("cpu: here ({}; products of bfloat16: {})\nemulated: here (the CUDA kernels, run on the CPU)\n",
                  describe_instruction_set(), bf16_products());
  if constexpr (!built_with_cuda) return text + "cuda: not built in\n";
  try {
    ThreadPool pool(1);
    return text + "cuda: " + open_device(Cuda{}, pool, {})->description() + "\n";
  } catch (const std::exception& error) {
    return text + "cuda: built in, " + error.what() + "\n";
  }
}

}  // namespace ethreed
