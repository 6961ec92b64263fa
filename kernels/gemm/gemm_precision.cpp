// What matrix products round their operands to: names, and what there is of it here.
#include "kernels/gemm/gemm.h"

namespace ethreed {

std::string_view bf16_products() {
  return on_cpu([](auto cpu) { return bf16_products(cpu); });
}

bool has_bf16_products() { return bf16_products() != "none"; }

void require_products(GemmPrecision precision) {
  ETHREED_CHECK(precision == GemmPrecision::full || has_bf16_products(),
                "bf16: the CPU's kernels in use have no products of bfloat16 (AVX512_BF16); {}",
                describe_instruction_set());
}

GemmPrecision gemm_precision_from(std::string_view precision) {
  ETHREED_CHECK(precision == "float32" || precision == "bf16", "precision '{}' does not exist; give float32 or bf16",
                precision);
  const GemmPrecision named = precision == "bf16" ? GemmPrecision::bf16 : GemmPrecision::full;
  require_products(named);
  return named;
}

}  // namespace ethreed
