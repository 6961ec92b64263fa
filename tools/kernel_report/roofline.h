#pragma once
// How long a kernel must take at least: its arithmetic at the peak of the arithmetic units, or its bytes at the peak of
// the memory, whichever takes longer.

#include <array>
#include <string_view>

namespace ethreed::report {

struct Gpu {
  std::string_view name;
  double flops;  ///< a second, single precision without tensor cores
  double bytes;  ///< a second
};

// Public figures of NVIDIA:
// - A100 80 GB SXM: "NVIDIA A100 Tensor Core GPU" data sheet (2022): FP32 19.5 TFLOPS, 2039 GB/s.
// - H100 SXM: "NVIDIA H100 Tensor Core GPU" data sheet (2023): FP32 67 TFLOPS, 3.35 TB/s.
// - RTX 4090: "NVIDIA Ada GPU Architecture" white paper, appendix A: FP32 82.6 TFLOPS, 1008 GB/s.
inline constexpr std::array gpus{
    Gpu{"A100", 19.5e12, 2039e9},
    Gpu{"H100 SXM", 67e12, 3350e9},
    Gpu{"RTX 4090", 82.6e12, 1008e9},
};

struct Floor {
  double seconds = 0;
  bool by_memory = false;
};

constexpr Floor floor_of(const Gpu& gpu, double flops, double bytes) {
  const double arithmetic = flops / gpu.flops, memory = bytes / gpu.bytes;
  return memory > arithmetic ? Floor{memory, true} : Floor{arithmetic, false};
}

}  // namespace ethreed::report
