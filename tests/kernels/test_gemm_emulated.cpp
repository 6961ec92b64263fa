// Matrix products of the emulated device: gemm_cuda.cu and what it asks of cublasLt.
#include "kernels/emulation/emulation.h"
#include "tests/kernels/emulated_product.h"
#include "tests/kernels/gemm_with_faults.h"

using namespace ethreed;
using namespace ethreed::test;

namespace {

// Are all products, one after the other on one device, those of the textbook? An Error is no product.
template <class T> bool all_agree() {
  EmulatedDevice emulated({});
  for (const AskedProduct& asked : asked_products()) try {
      const double error = error_of_product<T>(
          emulated, asked, [](Context& context, const Gemm<T>& args) { gemm_with_faults(Emulated{}, context, args); });
      if (!(error <= 1)) return false;
    } catch (const Error&) {
      return false;
    }
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("gemm on the emulated device equals three loops, in all orientations, from any address", "", float,
                   double) {
  EmulatedDevice emulated({});
  for (const AskedProduct& asked : asked_products()) {
    INFO(asked.text());
    const auto run = [](Context& context, const Gemm<TestType>& args) { gemm(context, args); };
    CHECK(error_of_product<TestType>(emulated, asked, run) <= 1);
  }
}

TEST_CASE("gemm on the emulated device equals three loops at sizes of models") {
  EmulatedDevice emulated({});
  for (const Size size : {Size{97, 600, 300}, {300, 900, 64}, {1, 1500, 300}})
    for (const bool b_transposed : {false, true}) {
      const AskedProduct asked{size, false, b_transposed, true, true};
      INFO(asked.text());
      const auto run = [](Context& context, const Gemm<float>& args) { gemm(context, args); };
      CHECK(error_of_product<float>(emulated, asked, run) <= 1);
    }
}

TEST_CASE("faults in what gemm asks of cublasLt are seen: layouts, transpositions, biases, beta, plans, workspace") {
  REQUIRE(planted_faults >= 17);
  planted_fault = 0;
  CHECK(all_agree<float>());
  CHECK(all_agree<double>());
  int seen = 0;
  for (int fault = 1; fault <= planted_faults; ++fault) {
    INFO("fault " << fault << " of tests/kernels/gemm_with_faults.cmake");
    planted_fault = fault;
    const bool caught = !all_agree<float>() || !all_agree<double>();
    planted_fault = 0;
    CHECK(caught);
    seen += caught ? 1 : 0;
  }
  fmt::print("gemm: {} of {} planted faults seen\n", seen, planted_faults);
}
