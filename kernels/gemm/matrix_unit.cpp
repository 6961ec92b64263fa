#include "kernels/gemm/matrix_unit.h"

#if defined(ETHREED_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ethreed::gemm_cpu {

bool has_matrix_unit(Cpu) {
#if defined(ETHREED_AMX)
  // Linux gives a process the 8 KiB of state a thread that these registers take only if it asks.
  static const bool granted = [] {
    constexpr int arch_request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, arch_request_permission, tile_data) == 0;
  }();
  return granted;
#else
  return false;
#endif
}

}  // namespace ethreed::gemm_cpu
