#include "kernels/emulation/runtime_api.h"

#include "kernels/emulation/device_memory.h"
#include "kernels/emulation/runner.h"
#include "kernels/emulation/streams.h"

#include <cstdlib>
#include <cstring>

namespace ethreed::emulation {

namespace {
constinit thread_local cudaError_t last_error = cudaSuccess;
}

cudaError_t noted(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "cudaSuccess";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
    case cudaErrorIllegalState: return "cudaErrorIllegalState";
    case cudaErrorNotReady: return "cudaErrorNotReady";
    case cudaErrorStreamCaptureUnsupported: return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated: return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureMerge: return "cudaErrorStreamCaptureMerge";
    case cudaErrorStreamCaptureUnmatched: return "cudaErrorStreamCaptureUnmatched";
    case cudaErrorStreamCaptureUnjoined: return "cudaErrorStreamCaptureUnjoined";
    case cudaErrorStreamCaptureIsolation: return "cudaErrorStreamCaptureIsolation";
    case cudaErrorCapturedEvent: return "cudaErrorCapturedEvent";
    case cudaErrorStreamCaptureWrongThread: return "cudaErrorStreamCaptureWrongThread";
    case cudaErrorGraphExecUpdateFailure: return "cudaErrorGraphExecUpdateFailure";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorIllegalState: return "the operation cannot be performed in the present state";
    case cudaErrorNotReady: return "device not ready";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureMerge: return "operation would result in a merge of separate capture sequences";
    case cudaErrorStreamCaptureUnmatched: return "capture was not ended in the same stream as it began";
    case cudaErrorStreamCaptureUnjoined: return "capturing stream has unjoined work";
    case cudaErrorStreamCaptureIsolation: return "dependency created on uncaptured work in another stream";
    case cudaErrorCapturedEvent: return "operation not permitted on an event last recorded in a capturing stream";
    case cudaErrorStreamCaptureWrongThread:
      return "attempt to terminate a thread-local capture sequence from another thread";
    case cudaErrorGraphExecUpdateFailure: return "the graph update was not performed";
  }
  return "unrecognized error code";
}

// --- device ----------------------------------------------------------------------------------------------------------

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : noted(cudaErrorInvalidDevice); }
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return noted(cudaErrorInvalidDevice);
  cudaDeviceProp& p = *properties;
  p = {};
  std::strncpy(p.name, "emulated on the CPU", sizeof(p.name) - 1);
  p.totalGlobalMem = settings().memory_bytes;
  p.sharedMemPerBlock = shared_bytes_default;
  p.sharedMemPerBlockOptin = settings().shared_bytes_per_block;
  p.sharedMemPerMultiprocessor = settings().shared_bytes_per_multiprocessor;
  p.reservedSharedMemPerBlock = settings().shared_bytes_reserved;
  p.regsPerBlock = 65536;
  p.warpSize = lanes_per_warp;
  p.maxThreadsPerBlock = threads_per_block;
  p.maxThreadsPerMultiProcessor = settings().threads_per_multiprocessor;
  p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7FFFFFFF;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.major = 9;
  p.minor = 0;
  p.multiProcessorCount = settings().multiprocessors;
  p.l2CacheSize = 32 << 20;
  p.cooperativeLaunch = p.concurrentManagedAccess = p.managedMemory = p.concurrentKernels = 1;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::size_t used = DeviceMemory::instance().used();
  *total = settings().memory_bytes;
  *free = *total - std::min(used, *total);
  return cudaSuccess;
}

cudaError_t occupancy(int* blocks, int block_size, std::size_t shared_bytes) {
  if (block_size < 1 || block_size > threads_per_block) return noted(cudaErrorInvalidValue);
  *blocks = blocks_at_once(block_size, shared_bytes);
  return cudaSuccess;
}

cudaError_t set_attribute(cudaFuncAttribute attribute, int value) {
  const bool good = value >= -1 && (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize ||
                                    value <= static_cast<int>(settings().shared_bytes_per_block));
  return good ? cudaSuccess : noted(cudaErrorInvalidValue);
}

// --- memory ----------------------------------------------------------------------------------------------------------

namespace {

cudaError_t allocate(void** memory, std::size_t bytes, bool managed) {
  *memory = nullptr;
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  if (bytes == 0) return managed ? noted(cudaErrorInvalidValue) : cudaSuccess;
  *memory = DeviceMemory::instance().allocate(bytes, managed);
  return *memory != nullptr ? cudaSuccess : noted(cudaErrorMemoryAllocation);
}

}  // namespace

cudaError_t cudaMalloc(void** memory, std::size_t bytes) { return allocate(memory, bytes, false); }
cudaError_t cudaMallocManaged(void** memory, std::size_t bytes, unsigned) { return allocate(memory, bytes, true); }
cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  finish_all();  // as CUDA does
  return DeviceMemory::instance().release(memory) ? cudaSuccess : noted(cudaErrorInvalidValue);
}
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  *memory = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  return *memory != nullptr || bytes == 0 ? cudaSuccess : noted(cudaErrorMemoryAllocation);
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return cudaHostAlloc(memory, bytes, cudaHostAllocDefault);
}
cudaError_t cudaFreeHost(void* memory) {
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  finish_all();
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  DeviceMemory& memory = DeviceMemory::instance();
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault) {
    to_device = memory.holds(to, bytes);
    from_device = memory.holds(from, bytes);
  }
  if ((to_device && !memory.holds(to, bytes)) || (from_device && !memory.holds(from, bytes)))
    return noted(cudaErrorInvalidValue);
  const bool late = settings().queues != Queues::at_once;
  if (from_device && !to_device && late) std::memset(to, 0xFF, bytes);
  return issue(stream, NodeKind::copy, "", [=, &memory](Stream& on) {
    if (to_device && from_device) {
      memory.copied("cudaMemcpy", to, from, bytes);
      memory.touch(from, bytes, Access::read);
      memory.touch(to, bytes, Access::write);
    } else if (to_device)
      memory.written("cudaMemcpy", to, bytes);
    else if (from_device)
      memory.read("cudaMemcpy", from, bytes, false);
    if (from_device && !to_device && !late)
      deliver_later(on, to, from, bytes);
    else
      std::memmove(to, from, bytes);
  });
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  if (const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr); error != cudaSuccess) return error;
  return cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  DeviceMemory& memory = DeviceMemory::instance();
  if (!memory.holds(data, bytes)) return noted(cudaErrorInvalidValue);
  return issue(stream, NodeKind::fill, "", [=, &memory](Stream&) {
    memory.written("cudaMemset", data, bytes);
    memory.touch(data, bytes, Access::write);
    std::memset(data, value, bytes);
  });
}
cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
  if (!allowed_now()) return noted(cudaErrorStreamCaptureUnsupported);
  if (const cudaError_t error = cudaMemsetAsync(memory, value, bytes, nullptr); error != cudaSuccess) return error;
  return cudaStreamSynchronize(nullptr);
}

}  // namespace ethreed::emulation
