#include "tools/kernel_report/gru_on_gpus.h"

#include "kernels/gru_sequence/gru_route.h"

#include <algorithm>
#include <array>

namespace ethreed::report {

namespace {

// Multiprocessors, clocks and bandwidths by NVIDIA's data sheets and architecture white papers (T4: "NVIDIA T4" data
// sheet and Turing white paper; A100 80 GB, H100 SXM: data sheets and white papers; RTX 3090, 4090, 5090: white papers
// of Ampere GA102, Ada and RTX Blackwell). Clock times multiprocessors times FP32 units is the FP32 peak that they
// give: 8.1, 19.5, 35.6, 82.6, 67 and 104.8 TFLOP/s. Shared memory by the CUDA C++ Programming Guide.
constexpr std::array gpus{
    RealGpu{75, "T4", 40, 64 << 10, 1.59e9, 320e9},           RealGpu{80, "A100", 108, 163 << 10, 1.41e9, 2039e9},
    RealGpu{86, "RTX 3090", 82, 99 << 10, 1.695e9, 936e9},    RealGpu{89, "RTX 4090", 128, 99 << 10, 2.52e9, 1008e9},
    RealGpu{90, "H100 SXM", 132, 227 << 10, 1.98e9, 3350e9},  RealGpu{100, "B200", 148, 227 << 10, 0, 8000e9},
    RealGpu{120, "RTX 5090", 170, 99 << 10, 2.407e9, 1792e9},
};

// The cases "encoder", "decoder" and "tracker" of gru_sequence.
struct Recurrence {
  std::string_view name;
  int lanes, sequences;
};
constexpr std::array recurrences{Recurrence{"encoder", 2, 34}, Recurrence{"decoder", 1, 17},
                                 Recurrence{"tracker", 1, 8}};
constexpr int hidden = 300;

GruGrid grid_of(GruPass pass, const Recurrence& recurrence, const RealGpu& gpu, std::size_t element_bytes) {
  return gru_grid(pass, hidden, recurrence.lanes, recurrence.sequences, element_bytes,
                  {.multiprocessors = gpu.multiprocessors, .shared_bytes = gpu.shared_bytes});
}

}  // namespace

const RealGpu* gpu_of(int architecture) {
  const auto found =
      std::find_if(gpus.begin(), gpus.end(), [=](const RealGpu& gpu) { return gpu.architecture == architecture; });
  return found == gpus.end() ? nullptr : &*found;
}

std::vector<GruOnGpu> gru_on_gpus() {
  std::vector<GruOnGpu> all;
  for (const Recurrence& recurrence : recurrences)
    for (const GruPass pass : {GruPass::forward, GruPass::backward})
      for (const RealGpu& gpu : gpus) {
        const GruGrid grid = grid_of(pass, recurrence, gpu, sizeof(float));
        all.push_back({.recurrence = recurrence.name,
                       .forward = pass == GruPass::forward,
                       .gpu = &gpu,
                       .persistent = static_cast<bool>(grid),
                       .blocks = grid.blocks * recurrence.lanes,
                       .units = grid.units,
                       .tile = grid.tile,
                       .shared_bytes = grid.shared_bytes});
      }
  return all;
}

std::optional<std::size_t> device_dependent_shared_bytes(const std::string& kernel, int architecture) {
  const bool forward = kernel.starts_with("gru_persistent_forward_kernel");
  if (!forward && !kernel.starts_with("gru_persistent_backward_kernel")) return std::nullopt;
  const std::size_t element_bytes = kernel.find("<double") != std::string::npos ? sizeof(double) : sizeof(float);
  std::size_t most = 0;
  for (const RealGpu& gpu : gpus)
    for (const Recurrence& recurrence : recurrences)
      if (gpu.architecture == architecture)
        most = std::max(
            most, grid_of(forward ? GruPass::forward : GruPass::backward, recurrence, gpu, element_bytes).shared_bytes);
  return most;
}

}  // namespace ethreed::report
