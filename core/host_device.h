#pragma once
// Marks functions that kernels call as well as host code.

#ifdef __CUDACC__
#define ETHREED_HOST_DEVICE __host__ __device__
#else
#define ETHREED_HOST_DEVICE
#endif
