// The kernels that nvcc made of the CUDA sources, as PTX, on the emulated device: every operation of the table against
// textbook and CPU, as the kernels compiled by the host compiler are held.
#include "autograd/gradient_checker.h"
#include "kernels/common/device_problem.h"
#include "tests/kernels/agreement.h"
#include "tests/kernels/compare_with_cpu.h"
#include "tests/kernels/emulated_product.h"
#include "tests/kernels/every_order.h"
#include "tests/ptx/ptx_table.h"

using namespace ethreed;
using namespace ethreed::test;
namespace ptx = emulation::ptx;

namespace {

class WithApproximation {
 public:
  explicit WithApproximation(ptx::Approximation how) { ptx::approximation() = how; }
  ~WithApproximation() { ptx::approximation() = ptx::Approximation::exact; }
  WithApproximation(const WithApproximation&) = delete;
  WithApproximation& operator=(const WithApproximation&) = delete;
};

// Matrix products, whose biases in double and empty sums are kernels; then the table. No kernel is left out.
template <class T> void check_table(ptx::Library& all, double tolerance) {
  const ptx::InPlaceOfKernels in_place(all);
  {
    EmulatedDevice emulated({});
    for (const AskedProduct& asked : asked_products()) {
      INFO(asked.text());
      const auto run = [](Context& context, const Gemm<T>& args) { gemm(context, args); };
      CHECK(error_of_product<T>(emulated, asked, run) <= 1);
    }
  }
  const Counts counts = compare_table<T>(Device::emulated, tolerance, "ptx", ptx_cases<T>);
  CHECK(counts.cases > 0);
  std::size_t cases = 0;
  for (const Operation& operation : tested_operations()) cases += operation.cases().size();
  std::string left_out;
  const std::vector<std::string> names = kernels_of<T>(all);
  for (const std::string& name : names)
    if (all.launched().count(name) == 0) left_out += " " + name;
  const auto launched =
      std::count_if(names.begin(), names.end(), [&](const auto& name) { return all.launched().count(name) != 0; });
  fmt::print("ptx, {}: {} of {} kernels launched, {} of {} cases of the table\n", sizeof(T) == 4 ? "float" : "double",
             launched, names.size(), counts.cases, cases);
  if (tested_operations().size() == operations().size()) CHECK(left_out == "");
}

// The cheapest case of an operation.
OpCase cheapest(const Operation& operation) {
  const std::vector<OpCase> cases = operation.cases();
  const auto flops = [](const OpCase& op_case) {
    const Cost cost = op_case.make_double(seed)->cost();
    return cost.forward_flops + cost.backward_flops;
  };
  return *std::min_element(cases.begin(), cases.end(),
                           [&](const OpCase& a, const OpCase& b) { return flops(a) < flops(b); });
}

}  // namespace

TEST_CASE("every instruction that nvcc made of the CUDA sources is known") {
  ptx::Library* const all = ptx_library();
  if (all == nullptr) return;
  std::size_t instructions = 0;
  for (const std::string& name : all->names()) {
    CAPTURE(name);
    REQUIRE_NOTHROW(all->prepare(name));
    instructions += all->instructions(name);
  }
  fmt::print("ptx: {} kernels, {} instructions\n", all->names().size(), instructions);
  CHECK(all->names().size() > 90);
}

TEST_CASE("the kernels in PTX agree with textbook and CPU in double, every operation, every kernel") {
  if (ptx_library() != nullptr) check_table<double>(*ptx_library(), 1e-10);
}

TEST_CASE("the kernels in PTX agree with textbook and CPU in float, every operation, every kernel") {
  if (ptx_library() != nullptr) check_table<float>(*ptx_library(), 1e-4);
}

TEST_CASE("the kernels in PTX agree with the CPU however far approximate instructions are off, as the ISA allows") {
  if (ptx_library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*ptx_library());
  {
    const WithApproximation low(ptx::Approximation::low);
    CHECK(compare_table<double>(Device::emulated, 1e-10, "ptx, approximations below", ptx_cases<double>).cases > 0);
  }
  const WithApproximation high(ptx::Approximation::high);
  CHECK(compare_table<float>(Device::emulated, 1e-4, "ptx, approximations above", ptx_cases<float>).cases > 0);
}

TEST_CASE("the kernels in PTX give the same bits whatever the order of their threads and blocks") {
  if (ptx_library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*ptx_library());
  int cases = 0;
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : ptx_cases<float>(operation)) {
      check_every_order(operation, op_case);
      ++cases;
    }
  CHECK(cases > 0);
  fmt::print("ptx, reversed and shuffled, float: {} operations, {} cases, the same bits, none skipped\n",
             tested_operations().size(), cases);
}

TEST_CASE("the kernels in PTX agree with the CPU on devices of other sizes") {
  if (ptx_library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*ptx_library());
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  for (const NamedSettings& device : devices()) {
    emulation::Settings settings = device.settings;
    settings.check = false;  // of accesses: the tables' comparisons are
    EmulatedDevice emulated(settings);
    Context context = emulated.context();
    int cases = 0;
    for (const Operation& operation : tested_operations())
      for (const OpCase& op_case : ptx_cases<float>(operation)) {
        INFO(operation.name << " / " << op_case.name << ", " << device.name);
        Run<float> wanted(cpu, operation, op_case), got(context, operation, op_case);
        check_agreement(results_of(got, context), results_of(wanted, cpu));
        ++cases;
      }
    CHECK(cases > 0);
    fmt::print("ptx, {}, float: {} operations, {} cases, none skipped\n", device.name, tested_operations().size(),
               cases);
  }
}

TEST_CASE("the gradients of the kernels in PTX are those of finite differences, a case of every operation") {
  if (ptx_library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*ptx_library());
  emulation::Settings settings;
  settings.check = false;  // of accesses: the tables' comparisons are
  EmulatedDevice emulated(settings);
  Context context = emulated.context();
  int checked = 0;
  std::int64_t comparisons = 0;
  for (const Operation& operation : tested_operations()) {
    if (!operation.differentiable) continue;
    const OpCase op_case = cheapest(operation);
    INFO(operation.name << " / " << op_case.name);
    const auto in_double = for_device(context, make<double>(op_case)),
               reference = for_device(context, make<double>(op_case));
    const auto in_float = for_device(context, make<float>(op_case));
    const CheckOptions options{.seed = seed, .full_jacobian = op_case.tiny};
    for (const GradientReport& report : {check_operation(context, *in_double, options),
                                         check_float_operation(context, *in_float, *reference, options)}) {
      INFO(report.text());
      CHECK(report.passed());
      CHECK(!report.inputs.empty());
      comparisons += report.comparisons();
    }
    ++checked;
  }
  fmt::print("ptx, gradcheck, double and float: {} operations, {} cases, {} comparisons, none skipped\n", checked,
             checked, comparisons);
}
