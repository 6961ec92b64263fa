// Matrix products on the counting scalar: the CPU's in double, counted as 2·m·n·k.

#include "tests/costs/counted.h"

#include "kernels/gemm/activated.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed_gemm.h"

#include <bit>

namespace ethreed {

using test::Counted;

template <> void gemm(Cpu, Context& context, const Gemm<Counted>& g) {
  test::counted_operations.flops += 2.0 * g.m * g.n * g.k;
  gemm(Cpu{}, context, std::bit_cast<Gemm<double>>(g));
}

template <> void gemm_activated(Cpu, Context& context, const Gemm<Counted>& g, Activation activation, Counted* y) {
  test::counted_operations.flops += 2.0 * g.m * g.n * g.k;
  gemm_activated(Cpu{}, context, std::bit_cast<Gemm<double>>(g), activation, std::bit_cast<double*>(y));
}

template <>
PackedMatrix<Counted> pack_matrix(Cpu, Context& context, const Counted* b, int ldb, bool transposed, int k, int n,
                                  Counted* memory) {
  return std::bit_cast<PackedMatrix<Counted>>(pack_matrix<double>(context, std::bit_cast<const double*>(b), ldb,
                                                                  transposed, k, n, std::bit_cast<double*>(memory)));
}
template <> int packed_column_step<Counted>(Cpu) { return packed_column_step<double>(); }
template <> void multiply_packed(Cpu, const PackedGemm<Counted>& g) {
  if (g.matrices > 0) test::counted_operations.flops += 2.0 * g.m * g.columns * g.matrices * g.b->k;
  multiply_packed(std::bit_cast<PackedGemm<double>>(g));
}

}  // namespace ethreed
