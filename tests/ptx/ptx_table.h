#pragma once
// What the tests of the table in PTX have in common: the kernels that nvcc made, and which cases run.

#include "kernels/emulation/kernel_names.h"
#include "kernels/emulation/ptx/library.h"
#include "tests/kernels/emulated_device.h"
#include "tests/kernels/operation_run.h"
#include "tests/ptx/planted_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::test {

/// Where the PTX is: the environment's ETHREED_PTX, or what the build makes.
inline std::string ptx_folder() {
  const char* folder = std::getenv("ETHREED_PTX");
  return folder != nullptr ? folder : ETHREED_PTX_FOLDER;
}

/// Its kernels, with the fault that ETHREED_MUTANT names, or null, said, where nobody has made it. Unless the
/// environment has ETHREED_TEST_FLOPS, cases are those of 10,000 FLOPs at most: all take a while, one thread after the
/// other and every access checked.
inline emulation::ptx::Library* ptx_library() {
  static emulation::ptx::Library all;
  static const bool there = [] {
    if (!std::filesystem::exists(ptx_folder())) return false;
    add_folder_with_fault(all, ptx_folder());
    return true;
  }();
  if (!there)
    fmt::print("ptx: not run: there is no {}; tests/kernels/compile_cuda_sources.sh, which needs nvcc, makes it\n",
               ptx_folder());
  setenv("ETHREED_TEST_FLOPS", "1e4", 0);
  return there ? &all : nullptr;
}

/// The kernels of T that forward and backward of a case launch, by their names in the library. Nothing runs.
template <class T>
std::set<std::string> launched_by(EmulatedDevice& emulated, const Operation& operation, const OpCase& op_case) {
  Context context = emulated.context();
  emulated.device().plan(true);
  emulated.device().forget_launches();
  {
    Run<T> run(context, operation, op_case);
    for (const bool accumulate : {false, true}) run.forward_and_backward(context, accumulate);
  }
  emulated.device().plan(false);
  std::set<std::string> names;
  for (const LaunchCount& count : emulated.device().launches())
    names.insert(emulation::tidy_name(std::string(count.kernel)));
  return names;
}

/// The cases to run of an operation: those of tested_cases(), and the cheapest others that launch what these do not.
template <class T> const std::vector<OpCase>& ptx_cases(const Operation& operation) {
  static std::map<std::string_view, std::vector<OpCase>> chosen;
  if (const auto known = chosen.find(operation.name); known != chosen.end()) return known->second;
  std::vector<OpCase> cases = tested_cases(operation);
  EmulatedDevice emulated({});
  std::set<std::string> launched, chosen_names;
  for (const OpCase& op_case : cases) {
    launched.merge(launched_by<T>(emulated, operation, op_case));
    chosen_names.insert(op_case.name);
  }
  struct Other {
    double flops;
    OpCase op_case;
    std::set<std::string> launches;
  };
  std::vector<Other> others;
  for (const OpCase& op_case : operation.cases())
    if (chosen_names.count(op_case.name) == 0) {
      const Cost cost = make<T>(op_case)->cost();
      others.push_back(
          {cost.forward_flops + cost.backward_flops, op_case, launched_by<T>(emulated, operation, op_case)});
    }
  std::sort(others.begin(), others.end(), [](const Other& a, const Other& b) { return a.flops < b.flops; });
  for (Other& other : others) {
    const auto known_before = launched.size();
    launched.merge(other.launches);
    if (launched.size() > known_before) cases.push_back(std::move(other.op_case));
  }
  return chosen[operation.name] = std::move(cases);
}

/// Those of the names that belong to kernels of T: with its name among their arguments, or no type's.
template <class T> std::vector<std::string> kernels_of(const emulation::ptx::Library& all) {
  std::vector<std::string> names = all.names();
  const std::string_view other = sizeof(T) == 4 ? "double" : "float";
  std::erase_if(names, [&](const std::string& name) { return name.find(other) != std::string::npos; });
  return names;
}

}  // namespace ethreed::test
