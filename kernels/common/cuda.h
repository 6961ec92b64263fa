#pragma once
// What a .cu file starts from: the CUDA runtime itself under nvcc, the emulation's under the host compiler, so that one
// source serves both. Only .cu files and headers of theirs include this.

#ifdef __CUDACC__
#include <cuda_runtime.h>
#else
#include "kernels/emulation/cuda_runtime.h"
#endif

#include "core/device.h"
#include "core/host_device.h"

#include <string_view>

namespace ethreed {

#ifdef __CUDACC__
using ThisDevice = Cuda;
#define ETHREED_DEVICE_BUILD on_gpu
#else
using ThisDevice = Emulated;
#define ETHREED_DEVICE_BUILD emulated
#endif

/// Everything in a header that names a type of the CUDA runtime stands in this namespace, whose name depends on which
/// runtime that is: one program may hold both.
inline namespace ETHREED_DEVICE_BUILD {

inline constexpr int warp_size = 32;

// Where the calling thread is, in a one-dimensional block of a one-dimensional grid.
__device__ inline int thread_index() { return static_cast<int>(threadIdx.x); }
__device__ inline int block_index() { return static_cast<int>(blockIdx.x); }
__device__ inline int block_threads() { return static_cast<int>(blockDim.x); }
__device__ inline int index_in_grid() { return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); }
__device__ inline int warp_index() { return thread_index() / warp_size; }
__device__ inline int lane_index() { return thread_index() % warp_size; }

/// Throws Error "what: message" unless the call succeeded.
void check_cuda(cudaError_t status, std::string_view what);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
