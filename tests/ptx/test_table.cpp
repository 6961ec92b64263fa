// The kernels that nvcc made of the CUDA sources, as PTX, on the emulated device: every operation of the table against
// textbook and CPU, as the kernels compiled by the host compiler are held.
#include "kernels/emulation/ptx/library.h"
#include "tests/kernels/compare_with_cpu.h"
#include "tests/ptx/planted_fault.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

using namespace ethreed;
using namespace ethreed::test;
namespace ptx = emulation::ptx;

namespace {

/// The PTX of the build, or nothing, said, where nobody has made it.
ptx::Library* library() {
  static ptx::Library all;
  static const bool there = [] {
    if (!std::filesystem::exists(ETHREED_PTX_FOLDER)) return false;
    add_folder_with_fault(all, ETHREED_PTX_FOLDER);
    return true;
  }();
  if (!there)
    fmt::print("ptx: not run: there is no {}; tests/kernels/compile_cuda_sources.sh, which needs nvcc, makes it\n",
               ETHREED_PTX_FOLDER);
  // All cases take minutes, one thread after the other and every access checked.
  setenv("ETHREED_TEST_FLOPS", "1e4", 0);
  return there ? &all : nullptr;
}

/// Says which kernels no case has launched.
void print_launched(ptx::Library& all) {
  std::string left_out;
  const auto names = all.names();
  for (const std::string& name : names)
    if (all.launched().count(name) == 0) left_out += (left_out.empty() ? "; not " : ", ") + name;
  fmt::print("ptx: {} of {} kernels launched{}\n", all.launched().size(), names.size(), left_out);
}

class WithApproximation {
 public:
  explicit WithApproximation(ptx::Approximation how) { ptx::approximation() = how; }
  ~WithApproximation() { ptx::approximation() = ptx::Approximation::exact; }
  WithApproximation(const WithApproximation&) = delete;
  WithApproximation& operator=(const WithApproximation&) = delete;
};

}  // namespace

TEST_CASE("every instruction that nvcc made of the CUDA sources is known") {
  ptx::Library* const all = library();
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

TEST_CASE("the kernels in PTX agree with textbook and CPU in double, every operation") {
  if (library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*library());
  CHECK(compare_table<double>(Device::emulated, 1e-10, "ptx").cases > 0);
}

TEST_CASE("the kernels in PTX agree with textbook and CPU in float, every operation") {
  if (library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*library());
  CHECK(compare_table<float>(Device::emulated, 1e-4, "ptx").cases > 0);
  print_launched(*library());
}

TEST_CASE("the kernels in PTX agree with the CPU however far approximate instructions are off, as the ISA allows") {
  if (library() == nullptr) return;
  const ptx::InPlaceOfKernels in_place(*library());
  {
    const WithApproximation low(ptx::Approximation::low);
    CHECK(compare_table<double>(Device::emulated, 1e-10, "ptx, approximations below").cases > 0);
  }
  const WithApproximation high(ptx::Approximation::high);
  CHECK(compare_table<float>(Device::emulated, 1e-4, "ptx, approximations above").cases > 0);
}
