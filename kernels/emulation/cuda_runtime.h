#pragma once
// Stands in for CUDA's <cuda_runtime.h> when the host compiler compiles a .cu file: the words of the language as
// macros, the names of the runtime made visible where CUDA has them. `__shared__` is missing on purpose: kernels
// declare shared memory through kernels/common/block.h.

#include "kernels/emulation/device_functions.h"
#include "kernels/emulation/emulation.h"
#include "kernels/emulation/runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

#define threadIdx (::ethreed::emulation::built_in.thread_index)
#define blockIdx (::ethreed::emulation::built_in.block_index)
#define blockDim (::ethreed::emulation::built_in.block_size)
#define gridDim (::ethreed::emulation::built_in.grid_size)
// Macros, because the C library declares functions of these names.
#define __expf ::ethreed::emulation::fast_expf
#define __exp10f ::ethreed::emulation::fast_exp10f
#define __logf ::ethreed::emulation::fast_logf
#define __log2f ::ethreed::emulation::fast_log2f
#define __log10f ::ethreed::emulation::fast_log10f
#define __sinf ::ethreed::emulation::fast_sinf
#define __cosf ::ethreed::emulation::fast_cosf
#define __powf ::ethreed::emulation::fast_powf

inline constexpr int warpSize = ethreed::emulation::lanes_per_warp;

using ethreed::emulation::__activemask;
using ethreed::emulation::__all_sync;
using ethreed::emulation::__any_sync;
using ethreed::emulation::__ballot_sync;
using ethreed::emulation::__clz;
using ethreed::emulation::__clzll;
using ethreed::emulation::__dadd_rn;
using ethreed::emulation::__ddiv_rn;
using ethreed::emulation::__dmul_rn;
using ethreed::emulation::__double_as_longlong;
using ethreed::emulation::__dsqrt_rn;
using ethreed::emulation::__dsub_rn;
using ethreed::emulation::__fadd_rn;
using ethreed::emulation::__fdiv_rn;
using ethreed::emulation::__fdividef;
using ethreed::emulation::__ffs;
using ethreed::emulation::__ffsll;
using ethreed::emulation::__float_as_int;
using ethreed::emulation::__float_as_uint;
using ethreed::emulation::__fma_rn;
using ethreed::emulation::__fmaf_rn;
using ethreed::emulation::__fmul_rn;
using ethreed::emulation::__frcp_rn;
using ethreed::emulation::__frsqrt_rn;
using ethreed::emulation::__fsqrt_rn;
using ethreed::emulation::__fsub_rn;
using ethreed::emulation::__int_as_float;
using ethreed::emulation::__ldcg;
using ethreed::emulation::__ldcs;
using ethreed::emulation::__ldg;
using ethreed::emulation::__longlong_as_double;
using ethreed::emulation::__popc;
using ethreed::emulation::__popcll;
using ethreed::emulation::__saturatef;
using ethreed::emulation::__shfl_down_sync;
using ethreed::emulation::__shfl_sync;
using ethreed::emulation::__shfl_up_sync;
using ethreed::emulation::__shfl_xor_sync;
using ethreed::emulation::__stcg;
using ethreed::emulation::__stcs;
using ethreed::emulation::__syncthreads;
using ethreed::emulation::__syncthreads_and;
using ethreed::emulation::__syncthreads_count;
using ethreed::emulation::__syncthreads_or;
using ethreed::emulation::__syncwarp;
using ethreed::emulation::__threadfence;
using ethreed::emulation::__threadfence_block;
using ethreed::emulation::__threadfence_system;
using ethreed::emulation::__uint_as_float;
using ethreed::emulation::__umul64hi;
using ethreed::emulation::__umulhi;
using ethreed::emulation::atomicAdd;
using ethreed::emulation::atomicAnd;
using ethreed::emulation::atomicCAS;
using ethreed::emulation::atomicExch;
using ethreed::emulation::atomicMax;
using ethreed::emulation::atomicMin;
using ethreed::emulation::atomicOr;
using ethreed::emulation::atomicSub;
using ethreed::emulation::cudaDeviceProp;
using ethreed::emulation::cudaDeviceSynchronize;
using ethreed::emulation::cudaError_t;
using ethreed::emulation::cudaErrorCapturedEvent;
using ethreed::emulation::cudaErrorGraphExecUpdateFailure;
using ethreed::emulation::cudaErrorIllegalState;
using ethreed::emulation::cudaErrorInvalidDevice;
using ethreed::emulation::cudaErrorInvalidResourceHandle;
using ethreed::emulation::cudaErrorInvalidValue;
using ethreed::emulation::cudaErrorMemoryAllocation;
using ethreed::emulation::cudaErrorNotReady;
using ethreed::emulation::cudaErrorStreamCaptureInvalidated;
using ethreed::emulation::cudaErrorStreamCaptureIsolation;
using ethreed::emulation::cudaErrorStreamCaptureMerge;
using ethreed::emulation::cudaErrorStreamCaptureUnjoined;
using ethreed::emulation::cudaErrorStreamCaptureUnmatched;
using ethreed::emulation::cudaErrorStreamCaptureUnsupported;
using ethreed::emulation::cudaErrorStreamCaptureWrongThread;
using ethreed::emulation::cudaEvent_t;
using ethreed::emulation::cudaEventBlockingSync;
using ethreed::emulation::cudaEventCreate;
using ethreed::emulation::cudaEventCreateWithFlags;
using ethreed::emulation::cudaEventDefault;
using ethreed::emulation::cudaEventDestroy;
using ethreed::emulation::cudaEventDisableTiming;
using ethreed::emulation::cudaEventElapsedTime;
using ethreed::emulation::cudaEventQuery;
using ethreed::emulation::cudaEventRecord;
using ethreed::emulation::cudaEventSynchronize;
using ethreed::emulation::cudaFree;
using ethreed::emulation::cudaFreeHost;
using ethreed::emulation::cudaFuncAttribute;
using ethreed::emulation::cudaFuncAttributeMaxDynamicSharedMemorySize;
using ethreed::emulation::cudaFuncAttributePreferredSharedMemoryCarveout;
using ethreed::emulation::cudaFuncSetAttribute;
using ethreed::emulation::cudaGetDevice;
using ethreed::emulation::cudaGetDeviceCount;
using ethreed::emulation::cudaGetDeviceProperties;
using ethreed::emulation::cudaGetErrorName;
using ethreed::emulation::cudaGetErrorString;
using ethreed::emulation::cudaGetLastError;
using ethreed::emulation::cudaGraph_t;
using ethreed::emulation::cudaGraphDestroy;
using ethreed::emulation::cudaGraphExec_t;
using ethreed::emulation::cudaGraphExecDestroy;
using ethreed::emulation::cudaGraphExecUpdate;
using ethreed::emulation::cudaGraphExecUpdateErrorFunctionChanged;
using ethreed::emulation::cudaGraphExecUpdateErrorNodeTypeChanged;
using ethreed::emulation::cudaGraphExecUpdateErrorTopologyChanged;
using ethreed::emulation::cudaGraphExecUpdateResult;
using ethreed::emulation::cudaGraphExecUpdateResultInfo;
using ethreed::emulation::cudaGraphExecUpdateSuccess;
using ethreed::emulation::cudaGraphGetNodes;
using ethreed::emulation::cudaGraphInstantiate;
using ethreed::emulation::cudaGraphLaunch;
using ethreed::emulation::cudaGraphNode_t;
using ethreed::emulation::cudaGraphUpload;
using ethreed::emulation::cudaHostAlloc;
using ethreed::emulation::cudaHostAllocDefault;
using ethreed::emulation::cudaHostAllocMapped;
using ethreed::emulation::cudaHostAllocPortable;
using ethreed::emulation::cudaHostFn_t;
using ethreed::emulation::cudaLaunchHostFunc;
using ethreed::emulation::cudaMalloc;
using ethreed::emulation::cudaMallocHost;
using ethreed::emulation::cudaMallocManaged;
using ethreed::emulation::cudaMemAttachGlobal;
using ethreed::emulation::cudaMemAttachHost;
using ethreed::emulation::cudaMemcpy;
using ethreed::emulation::cudaMemcpyAsync;
using ethreed::emulation::cudaMemcpyDefault;
using ethreed::emulation::cudaMemcpyDeviceToDevice;
using ethreed::emulation::cudaMemcpyDeviceToHost;
using ethreed::emulation::cudaMemcpyHostToDevice;
using ethreed::emulation::cudaMemcpyHostToHost;
using ethreed::emulation::cudaMemcpyKind;
using ethreed::emulation::cudaMemGetInfo;
using ethreed::emulation::cudaMemset;
using ethreed::emulation::cudaMemsetAsync;
using ethreed::emulation::cudaOccupancyMaxActiveBlocksPerMultiprocessor;
using ethreed::emulation::cudaPeekAtLastError;
using ethreed::emulation::cudaSetDevice;
using ethreed::emulation::cudaStream_t;
using ethreed::emulation::cudaStreamBeginCapture;
using ethreed::emulation::cudaStreamCaptureMode;
using ethreed::emulation::cudaStreamCaptureModeGlobal;
using ethreed::emulation::cudaStreamCaptureModeRelaxed;
using ethreed::emulation::cudaStreamCaptureModeThreadLocal;
using ethreed::emulation::cudaStreamCaptureStatus;
using ethreed::emulation::cudaStreamCaptureStatusActive;
using ethreed::emulation::cudaStreamCaptureStatusInvalidated;
using ethreed::emulation::cudaStreamCaptureStatusNone;
using ethreed::emulation::cudaStreamCreate;
using ethreed::emulation::cudaStreamCreateWithFlags;
using ethreed::emulation::cudaStreamDefault;
using ethreed::emulation::cudaStreamDestroy;
using ethreed::emulation::cudaStreamEndCapture;
using ethreed::emulation::cudaStreamIsCapturing;
using ethreed::emulation::cudaStreamNonBlocking;
using ethreed::emulation::cudaStreamQuery;
using ethreed::emulation::cudaStreamSynchronize;
using ethreed::emulation::cudaStreamWaitEvent;
using ethreed::emulation::cudaSuccess;
using ethreed::emulation::dim3;
using ethreed::emulation::double2;
using ethreed::emulation::float2;
using ethreed::emulation::float3;
using ethreed::emulation::float4;
using ethreed::emulation::int2;
using ethreed::emulation::int4;
using ethreed::emulation::make_double2;
using ethreed::emulation::make_float2;
using ethreed::emulation::make_float3;
using ethreed::emulation::make_float4;
using ethreed::emulation::make_int2;
using ethreed::emulation::make_int4;
using ethreed::emulation::make_uint2;
using ethreed::emulation::make_uint3;
using ethreed::emulation::make_uint4;
using ethreed::emulation::max;
using ethreed::emulation::min;
using ethreed::emulation::rsqrt;
using ethreed::emulation::rsqrtf;
using ethreed::emulation::uint2;
using ethreed::emulation::uint3;
using ethreed::emulation::uint4;
