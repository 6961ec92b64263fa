// Faults planted in what nvcc made of the CUDA sources: the tests of the table must see every one.
#include "kernels/emulation/ptx/library.h"
#include "tests/kernels/compare_with_cpu.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

using namespace ethreed;
using namespace ethreed::test;
namespace ptx = emulation::ptx;

namespace {

struct Fault {
  const char* what;
  const char* operation;
  const char* kernel;       // a part of the mangled name of the kernel that gets it
  const char* text;         // a regular expression
  const char* becomes;      // a format of std::regex_replace
  bool everywhere = false;  // every match in the kernel, not the first alone
};

const std::vector<Fault> faults{
    {"a barrier left out", "global_norm", "global_norm_partial_kernelIf", R"((bar\.sync\s+0;[\s\S]*?)bar\.sync\s+0;)",
     "$1"},
    {"a barrier left out", "layer_norm", "layer_norm_sums_kernelIf", R"(bar\.sync\s+0;)", ""},
    {"a wrong distance of a shuffle", "softmax_cross_entropy", "softmax_cross_entropy_forward_kernelIf",
     R"((shfl\.sync\.bfly\.b32\s[^;]*), 16, 31, -1;)", "$1, 8, 31, -1;"},
    {"a wrong distance of a shuffle", "layer_norm", "layer_norm_forward_kernelIf",
     R"((shfl\.sync\.bfly\.b32\s[^;]*), 1, 31, -1;)", "$1, 2, 31, -1;"},
    {"a predicate the other way round", "adam", "adam_kernelIf", "@%p", "@!%p"},
    {"a predicate the other way round", "softmax_cross_entropy", "softmax_cross_entropy_forward_kernelIf", "@%p",
     "@!%p"},
    {"an address that is off by 4", "gaussian_sample", "gaussian_sample_forward_kernelIf",
     R"((ld\.global\.[^;]*\[%rd\d+)\];)", "$1+4];"},
    {"an address that is off by 4", "loss_sum", "loss_sum_forward_kernelIf", R"((ld\.global\.[^;]*\[%rd\d+)\];)",
     "$1+4];"},
    {"a coefficient of an exponential", "log_softmax", "log_softmax", "0fBF318000", "0fBF31C000", true},
    {"a coefficient of an exponential", "softmax_cross_entropy", "softmax_cross_entropy_backward_kernelIf",
     "0f3EAAAAAB", "0f3F2AAAAB", true},
    {"a sum for a difference", "softmax_cross_entropy", "softmax_cross_entropy_backward_kernelIf", R"(sub\.f32)",
     "add.f32"},
    {"a store left out", "gaussian_sample", "gaussian_sample_forward_kernelIf", R"(st\.global\.[^;]*;)", ""},
};

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The text with the fault in the kernel; empty if the kernel is not in it.
std::string with_fault(const std::string& text, const Fault& fault) {
  for (auto entry = text.find(".entry "); entry != std::string::npos; entry = text.find(".entry ", entry + 1)) {
    const auto name_end = text.find('(', entry);
    if (text.substr(entry, name_end - entry).find(fault.kernel) == std::string::npos) continue;
    const auto body = text.find('{', name_end), end = std::min(text.find(".entry ", entry + 1), text.size());
    const std::string before = text.substr(body, end - body);
    const std::string after = std::regex_replace(
        before, std::regex(fault.text), fault.becomes,
        fault.everywhere ? std::regex_constants::format_default : std::regex_constants::format_first_only);
    if (after == before) continue;
    return text.substr(0, body) + after + text.substr(end);
  }
  return {};
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

TEST_CASE("faults planted in the PTX of the kernels are seen: barriers, shuffles, predicates, addresses, numbers") {
  if (!std::filesystem::exists(ETHREED_PTX_FOLDER)) {
    fmt::print("ptx: not run: there is no {}; tests/kernels/compile_cuda_sources.sh, which needs nvcc, makes it\n",
               ETHREED_PTX_FOLDER);
    return;
  }
  setenv("ETHREED_TEST_FLOPS", "1e4", 0);
  const auto all = operations();
  for (const Fault& fault : faults) {
    CAPTURE(fault.what, fault.operation, fault.kernel);
    const auto operation =
        std::find_if(all.begin(), all.end(), [&](const Operation& one) { return one.name == fault.operation; });
    REQUIRE(operation != all.end());
    ptx::Library right, wrong;
    int planted = 0;
    for (const auto& file : std::filesystem::directory_iterator(ETHREED_PTX_FOLDER)) {
      if (file.path().extension() != ".ptx") continue;
      const std::string name = file.path().filename().string();
      if (!name.starts_with(fault.operation)) continue;
      const std::string text = text_of_file(file.path());
      const std::string faulty = name == fmt::format("{}_cuda.ptx", fault.operation) ? with_fault(text, fault) : "";
      planted += faulty.empty() ? 0 : 1;
      right.add(name, text);
      wrong.add(name, faulty.empty() ? text : faulty);
    }
    REQUIRE(planted == 1);
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
