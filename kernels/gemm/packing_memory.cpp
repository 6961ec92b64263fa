#include "kernels/gemm/packing_memory.h"

namespace ethreed::gemm_cpu {

constinit thread_local PackingMemory packing_memory{};

}  // namespace ethreed::gemm_cpu
