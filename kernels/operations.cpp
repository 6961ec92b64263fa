#include "kernels/common/operation.h"

#include <array>

namespace ethreed {

#define ETHREED_OPERATION(name, differentiable) std::vector<OpCase> name##_cases();
#include "kernels/op_table.def"
#undef ETHREED_OPERATION

std::span<const Operation> operations() {
  static constexpr auto table = std::to_array<Operation>({
#define ETHREED_OPERATION(name, differentiable) {#name, differentiable, &name##_cases},
#include "kernels/op_table.def"
#undef ETHREED_OPERATION
  });
  return table;
}

}  // namespace ethreed
