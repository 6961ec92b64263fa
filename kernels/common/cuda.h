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

/// Throws Error "what: message" unless the call succeeded.
void check_cuda(cudaError_t status, std::string_view what);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
