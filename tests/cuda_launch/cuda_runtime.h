#pragma once
// Stands in for CUDA's <cuda_runtime.h> in one test: as much of it as kernels/common/launch.h uses when nvcc compiles
// it, noting what it is asked for. Kernels are never run.

#include <array>
#include <cstddef>
#include <vector>

#define __global__
#define __device__
#define __host__

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct CudaStreamStandIn;
using cudaStream_t = CudaStreamStandIn*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
inline dim3 threadIdx, blockIdx, blockDim, gridDim;

/// What was asked of the driver, in its order.
struct Asked {
  enum What { attribute, launch, cooperative_launch } what;
  const void* function = nullptr;
  dim3 grid, block;
  std::size_t shared_bytes = 0;  ///< of a launch, or what the attribute is set to
  cudaStream_t stream = nullptr;
};
inline std::vector<Asked> asked;
/// Called with the pointers to a launch's arguments, which live no longer than the launch; may be null.
inline void (*on_launch)(void** arguments) = nullptr;
inline cudaError_t answer = cudaSuccess;

inline cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize)
    asked.push_back({Asked::attribute, function, {}, {}, static_cast<std::size_t>(value), nullptr});
  return answer;
}
inline cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                                    cudaStream_t stream) {
  asked.push_back({Asked::launch, function, grid, block, shared, stream});
  if (on_launch != nullptr) on_launch(arguments);
  return answer;
}
inline cudaError_t cudaLaunchCooperativeKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                                               std::size_t shared, cudaStream_t stream) {
  asked.push_back({Asked::cooperative_launch, function, grid, block, shared, stream});
  if (on_launch != nullptr) on_launch(arguments);
  return answer;
}
