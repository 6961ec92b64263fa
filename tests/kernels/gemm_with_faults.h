#pragma once
// gemm_cuda.cu with faults in what it asks of cublasLt, which one number switches on; gemm_with_faults.cmake makes it.

#include "kernels/gemm/gemm.h"

namespace ethreed {

namespace test {
/// The fault that is on; 0: none.
inline int planted_fault = 0;
/// How many there are. The numbers begin at 1.
extern const int planted_faults;
inline bool planted(int fault) { return planted_fault == fault; }
}  // namespace test

/// As gemm(), on the emulated device.
template <class T> void gemm_with_faults(Emulated, Context& context, const Gemm<T>& args);

}  // namespace ethreed
