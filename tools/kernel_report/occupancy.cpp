#include "tools/kernel_report/occupancy.h"

#include "core/error.h"

#include <array>

#include <cuda_occupancy.h>

namespace ethreed::report {

namespace {

// What a multiprocessor of each compute capability has: CUDA C++ Programming Guide, "Technical Specifications per
// Compute Capability". All have 65536 registers, of which a block may take as many, and blocks of at most 1024 threads.
struct Multiprocessor {
  int architecture, threads;
  std::size_t shared_kib, shared_per_block_kib, reserved_bytes;
};
constexpr std::array multiprocessors{
    Multiprocessor{75, 1024, 64, 64, 0},      Multiprocessor{80, 2048, 164, 163, 1024},
    Multiprocessor{86, 1536, 100, 99, 1024},  Multiprocessor{89, 1536, 100, 99, 1024},
    Multiprocessor{90, 2048, 228, 227, 1024}, Multiprocessor{100, 2048, 228, 227, 1024},
    Multiprocessor{120, 1536, 100, 99, 1024},
};

cudaOccDeviceProp properties_of(int architecture) {
  for (const Multiprocessor& m : multiprocessors) {
    if (m.architecture != architecture) continue;
    cudaOccDeviceProp properties;
    properties.computeMajor = architecture / 10;
    properties.computeMinor = architecture % 10;
    properties.maxThreadsPerBlock = 1024;
    properties.maxThreadsPerMultiprocessor = m.threads;
    properties.regsPerBlock = 65536;
    properties.regsPerMultiprocessor = 65536;
    properties.warpSize = 32;
    properties.sharedMemPerBlock = std::size_t{48} << 10;
    properties.sharedMemPerMultiprocessor = m.shared_kib << 10;
    properties.sharedMemPerBlockOptin = m.shared_per_block_kib << 10;
    properties.reservedSharedMemPerBlock = m.reserved_bytes;
    properties.numSms = 1;
    return properties;
  }
  fail("kernel report: no figures for compute capability {}.{}", architecture / 10, architecture % 10);
}

// Once every warp is there, what else would run out is of no interest.
std::string limit_of(unsigned factors) {
  if ((factors & OCC_LIMIT_WARPS) != 0) return "warps";
  std::string text;
  const auto add = [&](unsigned factor, const char* name) {
    if ((factors & factor) == 0) return;
    if (!text.empty()) text += "+";
    text += name;
  };
  add(OCC_LIMIT_REGISTERS, "registers");
  add(OCC_LIMIT_SHARED_MEMORY, "shared memory");
  add(OCC_LIMIT_BLOCKS, "blocks");
  return text;
}

}  // namespace

Occupancy occupancy_of(const CompiledKernel& kernel, int block_threads, std::size_t dynamic_shared_bytes) {
  const cudaOccDeviceProp properties = properties_of(kernel.architecture);
  cudaOccFuncAttributes attributes;
  attributes.maxThreadsPerBlock = properties.maxThreadsPerBlock;
  attributes.numRegs = kernel.registers;
  attributes.sharedSizeBytes = static_cast<std::size_t>(kernel.static_shared_bytes);
  attributes.partitionedGCConfig = PARTITIONED_GC_OFF;
  attributes.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  attributes.maxDynamicSharedSizeBytes = properties.sharedMemPerBlockOptin - attributes.sharedSizeBytes;
  attributes.numBlockBarriers = kernel.barriers;
  const cudaOccDeviceState state;
  cudaOccResult result;
  const cudaOccError error = cudaOccMaxActiveBlocksPerMultiprocessor(&result, &properties, &attributes, &state,
                                                                     block_threads, dynamic_shared_bytes);
  ETHREED_CHECK(error == CUDA_OCC_SUCCESS, "cuda_occupancy.h: error {} for {} on sm_{}", static_cast<int>(error),
                kernel.name, kernel.architecture);
  const int warps = (block_threads + properties.warpSize - 1) / properties.warpSize;
  const double all = static_cast<double>(properties.maxThreadsPerMultiprocessor) / properties.warpSize;
  return {.blocks = result.activeBlocksPerMultiprocessor,
          .warps = result.activeBlocksPerMultiprocessor * warps / all,
          .limit = limit_of(result.limitingFactors)};
}

}  // namespace ethreed::report
