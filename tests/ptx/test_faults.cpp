// Faults planted in what nvcc made of the CUDA sources (tests/mutants/ptx_mutants.json): the tests of the table of
// operations must see them. Here all are planted and a few are run; tools/mutation_report.sh --ptx runs all.
#include "tests/kernels/compare_with_cpu.h"
#include "tests/ptx/planted_fault.h"

#include <algorithm>
#include <set>

using namespace ethreed;
using namespace ethreed::test;
namespace ptx = emulation::ptx;

namespace {

bool has_ptx() {
  if (std::filesystem::exists(ETHREED_PTX_FOLDER)) return true;
  fmt::print("ptx: not run: there is no {}; tests/kernels/compile_cuda_sources.sh, which needs nvcc, makes it\n",
             ETHREED_PTX_FOLDER);
  return false;
}

// The table is of one architecture's PTX, and of no other.
bool is_the_tables_ptx() {
  if (!has_ptx()) return false;
  const std::string text = text_of_file(std::string(ETHREED_PTX_FOLDER) + "/adam_cuda.ptx");
  if (text.find(".target sm_120") != std::string::npos) return true;
  fmt::print("ptx: not run: the faults are those of compute capability 12.0's PTX\n");
  return false;
}

// Do forward and backward of all cases agree with textbook and CPU? An Error of the emulated device is no agreement.
bool agrees(Context& context, const Operation& operation) {
  constexpr double tolerance = 1e-4;
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  for (const OpCase& op_case : tested_cases(operation)) try {
      if (!(distance_from_reference<float>(context, op_case) <= tolerance)) return false;
      Run<float> wanted(cpu, operation, op_case), got(context, operation, op_case);
      wanted.forward_and_backward(cpu);
      got.forward_and_backward(context);
      for (std::size_t i = 0; operation.differentiable && i < wanted.gradients.size(); ++i)
        if (wanted.problem->inputs[i].differentiable &&
            !(distance(got.gradients[i].span(), wanted.gradients[i].span(), 1.0) <= tolerance))
          return false;
    } catch (const Error&) {
      return false;
    }
  return true;
}

}  // namespace

TEST_CASE("every fault of the table of PTX has one place, in one kernel of one file, and leaves PTX that can be run") {
  if (!is_the_tables_ptx()) return;
  std::set<int> numbers;
  for (const PtxFault& fault : ptx_faults()) {
    CAPTURE(fault.id, fault.what, fault.file, fault.kernel);
    CHECK(numbers.insert(fault.id).second);
    const std::string text = text_of_file(std::string(ETHREED_PTX_FOLDER) + "/" + fault.file);
    ptx::Library right, wrong;
    right.add(fault.file, text);
    std::string faulty;
    REQUIRE_NOTHROW(faulty = planted(text, fault));
    REQUIRE_NOTHROW(wrong.add(fault.file, faulty));
    CHECK(wrong.names() == right.names());
    for (const std::string& name : wrong.names()) REQUIRE_NOTHROW(wrong.prepare(name));
    // A kernel that other files have, too, would be told apart from theirs when it is read, not by what it does.
    if (fault.kernel.empty()) continue;
    for (const auto& file : std::filesystem::directory_iterator(ETHREED_PTX_FOLDER))
      if (file.path().extension() == ".ptx" && file.path().filename() != fault.file)
        CHECK(text_of_file(file.path()).find(fault.kernel) == std::string::npos);
  }
}

TEST_CASE("faults planted in the PTX of the kernels are seen: barriers, shuffles, predicates, addresses, numbers") {
  if (!is_the_tables_ptx()) return;
  setenv("ETHREED_TEST_FLOPS", "1e4", 0);
  const auto all = operations();
  for (const PtxFault& fault : ptx_faults()) {
    if (!fault.quick) continue;
    CAPTURE(fault.id, fault.what, fault.operation, fault.kernel);
    const auto operation =
        std::find_if(all.begin(), all.end(), [&](const Operation& one) { return one.name == fault.operation; });
    REQUIRE(operation != all.end());
    ptx::Library right, wrong;
    for (const auto& file : std::filesystem::directory_iterator(ETHREED_PTX_FOLDER)) {
      const std::string name = file.path().filename().string();
      if (file.path().extension() != ".ptx" || !name.starts_with(fault.operation)) continue;
      const std::string text = text_of_file(file.path());
      right.add(name, text);
      wrong.add(name, name == fault.file ? planted(text, fault) : text);
    }
    const auto agrees_with = [&](ptx::Library& library) {
      const ptx::InPlaceOfKernels in_place(library);
      Runtime runtime(1);
      runtime.use(open_device(Device::emulated, runtime.pool()));
      Context context = runtime.context();
      return agrees(context, *operation);
    };
    CHECK(agrees_with(right));
    CHECK_FALSE(agrees_with(wrong));
  }
}
