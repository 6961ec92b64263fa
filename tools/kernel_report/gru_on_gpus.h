#pragma once
// gru_sequence chooses its way by the device: what it chooses on real ones, for the model's shapes.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::report {

/// One GPU of each architecture.
struct RealGpu {
  int architecture;
  std::string_view name;
  int multiprocessors;
  std::size_t shared_bytes;  ///< of one block, at most
  double clock;              ///< boost, Hz; 0: not published
  double bytes;              ///< of device memory, a second
};
/// Null if there is none of this architecture here.
const RealGpu* gpu_of(int architecture);

/// In float: which way one of the model's recurrences goes on one GPU.
struct GruOnGpu {
  std::string_view recurrence;  ///< "encoder", "decoder", "tracker"
  bool forward = true;
  const RealGpu* gpu = nullptr;
  bool persistent = false;  ///< one cooperative launch; else a product and a launch for each step
  int blocks = 0, units = 0, tile = 0;
  std::size_t shared_bytes = 0;
};
std::vector<GruOnGpu> gru_on_gpus();

/// The most dynamic shared memory with which this kernel is launched on the GPU of that architecture, 0 if it is not
/// launched there; nothing if the kernel is none of those whose shape depends on the device.
std::optional<std::size_t> device_dependent_shared_bytes(const std::string& kernel, int architecture);

}  // namespace ethreed::report
