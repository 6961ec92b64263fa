// What nvcc made of the code that only it compiles, and what no run of the table shows: the barrier of the grid, memory
// that is read as if nobody wrote it, the bias of products in double.
#include "tests/ptx/planted_fault.h"
#include "tests/ptx/ptx_kernel.h"

#include <optional>

using namespace ethreed;
using namespace ethreed::test;
namespace ptx = emulation::ptx;

namespace {

/// The PTX of the build, or null, said, where nobody has made it.
ptx::Library* library() {
  static std::optional<ptx::Library> all;
  if (!std::filesystem::exists(ETHREED_PTX_FOLDER)) {
    fmt::print("ptx: not run: there is no {}; tests/kernels/compile_cuda_sources.sh, which needs nvcc, makes it\n",
               ETHREED_PTX_FOLDER);
    return nullptr;
  }
  if (!all) add_folder_with_fault(all.emplace(), ETHREED_PTX_FOLDER);
  return &*all;
}

// c[row, column] += bias[column], of m rows ldc apart, in the launch shape of the source.
template <class T>
std::vector<T> with_bias(ptx::Library& all, std::vector<T> before, int ldc, int m, int n, const std::vector<T>& bias,
                         bool clear) {
  DeviceArray<T> c(before), b(bias);
  T* const to = c.data();
  const T* const from = b.data();
  const std::array<emulation::Argument, 6> arguments{
      {{&to, 8, 8}, {&ldc, 4, 4}, {&m, 4, 4}, {&n, 4, 4}, {&from, 8, 8}, {&clear, 1, 1}}};
  const std::string name = fmt::format("gemm_rest_kernel<{}>", sizeof(T) == 8 ? "double" : "float");
  const auto blocks = static_cast<unsigned>((m * n + 255) / 256);
  emulation::launch_work(nullptr, {.kernel = name, .grid = blocks, .block = 256}, all.work(name, arguments, blocks));
  cudaDeviceSynchronize();
  return c.values();
}

template <class T> void check_bias(ptx::Library& all) {
  constexpr int m = 37, n = 11, ldc = 13;  // two blocks, the last in part; columns between rows that must stay
  std::vector<T> before, bias;
  for (int i = 0; i < m * ldc; ++i) before.push_back(static_cast<T>(i) / 8);
  for (int j = 0; j < n; ++j) bias.push_back(static_cast<T>(100 - j));
  for (const bool clear : {false, true}) {
    std::vector<T> wanted = before;
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        T& element = wanted[static_cast<std::size_t>(i * ldc + j)];
        element = (clear ? T{0} : element) + bias[static_cast<std::size_t>(j)];
      }
    CHECK(with_bias<T>(all, before, ldc, m, n, bias, clear) == wanted);
  }
}

}  // namespace

TEST_CASE("every barrier of the grid in nvcc's PTX orders memory: release and acquire at the scope of the GPU") {
  ptx::Library* const all = library();
  if (all == nullptr) return;
  std::map<std::string, int> barriers;
  for (const std::string& name : all->names()) {
    CAPTURE(name);
    const ptx::Survey survey = all->survey(name);
    CHECK(survey.unordered == std::vector<std::string>{});
    if (survey.grid_barriers > 0) barriers[name] = survey.grid_barriers;
  }
  // As often as the sources call grid_barrier().
  CHECK(barriers == std::map<std::string, int>{{"gru_persistent_forward_kernel<float>", 1},
                                               {"gru_persistent_forward_kernel<double>", 1},
                                               {"gru_persistent_backward_kernel<float>", 2},
                                               {"gru_persistent_backward_kernel<double>", 2}});
}

TEST_CASE("no kernel in nvcc's PTX has local memory, but for the sines of large numbers") {
  ptx::Library* const all = library();
  if (all == nullptr) return;
  for (const std::string& name : all->names()) {
    CAPTURE(name);
    const std::size_t bytes = all->survey(name).local_bytes;
    if (name.starts_with("fill_normal_kernel"))
      CHECK(bytes > 0);
    else
      CHECK(bytes == 0);
  }
}

TEST_CASE("no kernel in nvcc's PTX accesses memory by an address of which it has forgotten the space") {
  ptx::Library* const all = library();
  if (all == nullptr) return;
  for (const std::string& name : all->names()) {
    CAPTURE(name);
    const ptx::Survey survey = all->survey(name);
    CHECK(survey.count(ptx::Unit::generic) == survey.grid_barriers);  // cooperative groups wait by such a load
  }
}

TEST_CASE("dynamic shared memory begins on 16 bytes in nvcc's PTX, so that four elements can be read at a time") {
  if (library() == nullptr) return;
  int declarations = 0;
  for (const auto& [name, text] : texts_with_fault(ETHREED_PTX_FOLDER)) {
    CAPTURE(name);
    for (const ptx::Variable& variable : ptx::parse(name, text).variables) {
      if (!variable.dynamic) continue;
      ++declarations;
      CHECK(variable.alignment >= 16);
    }
  }
  CHECK(declarations > 0);
}

TEST_CASE(
    "the bias of a product, which cublasLt has not in double, is added once to each of its elements by nvcc's PTX") {
  ptx::Library* const all = library();
  if (all == nullptr) return;
  check_bias<double>(*all);
  check_bias<float>(*all);
}
