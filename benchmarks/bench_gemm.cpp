// Matrix products at the model's shapes, compared with Eigen's: GFLOP/s, and the share of what a loop of nothing but
// multiply-adds reaches in the same run. Every figure is a median of interleaved rounds of both.
#define EIGEN_STACK_ALLOCATION_LIMIT (16 << 20)
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG
#include "kernels/common/operation.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed_gemm.h"
#include "kernels/gemm/simd/simd.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <Eigen/Core>

#include <time.h>
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace ethreed;

namespace {

struct Shape3 {
  const char* name;
  int m, n, k;
  bool a_transposed, b_transposed;
  bool packed = false;  // B is packed beforehand, as in gru_sequence
};

const Shape3 shapes[] = {
    {"vocabulary", 238, 8209, 300, false, true},
    {"vocabulary dX", 238, 300, 8209, false, false},
    {"vocabulary dW", 8209, 300, 238, true, false},
    {"gates, E = 100", 539, 900, 100, false, true},
    {"gates, E = 300", 539, 900, 300, false, true},
    {"gates dX", 539, 300, 900, false, false},
    {"gates dW", 900, 300, 539, true, false},
    {"bottleneck 300", 238, 300, 300, false, true},
    {"bottleneck 600", 238, 300, 600, false, true},
    {"GRU step, 34", 34, 900, 300, false, true, true},
    {"GRU step, 17", 17, 900, 300, false, true, true},
    {"GRU step, 8", 8, 900, 300, false, true, true},
    {"GRU step, 4", 4, 900, 300, false, true, true},
    {"GRU step, 1", 1, 900, 300, false, true, true},
    {"GRU back, 34", 34, 300, 900, false, false, true},
    {"GRU back, 8", 8, 300, 900, false, false, true},
    {"GRU back, 1", 1, 300, 900, false, false, true},
    {"GRU step, 34, not packed", 34, 900, 300, false, true},
    {"GRU step, 1, not packed", 1, 900, 300, false, true},
    {"GRU back, 1, not packed", 1, 300, 900, false, false},
    {"17 x 300 x 300", 17, 300, 300, false, true},
    {"attention energies", 18, 22, 300, false, true},
    {"attention contexts", 18, 600, 22, false, false},
    {"attention dkeys", 22, 300, 18, true, false},
    {"column", 238, 1, 300, false, true},
    {"column, A transposed", 300, 1, 238, true, true},
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// FLOP/s of one thread that only multiplies and adds, in as many vectors as hide the latency.
template <class T> double peak() {
  simd::Vector<T> sums[10] = {}, factor{}, term{};
  factor += T(0.999);
  term += T(0.001);
  constexpr int rounds = 400000;
  const double start = cpu_seconds();
  for (int i = 0; i < rounds; ++i)
#pragma GCC unroll 10
    for (auto& sum : sums) {
      sum = sum * factor + term;
#if defined(__x86_64__)
      asm volatile("" : "+v"(sum));
#else
      asm volatile("" : "+w"(sum));
#endif
    }
  return rounds * 10.0 * simd::lanes<T> * 2 / (cpu_seconds() - start);
}

template <class T> using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using In = Eigen::Map<const Matrix<T>, 0, Eigen::OuterStride<>>;
template <class T> using Out = Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>>;

/// Eigen's matrix product, in the tiles that this engine used to give it.
template <class T> void eigen(Context& context, const Gemm<T>& g) {
  constexpr int tile_m = 256, tile_n = 384, tile_k = 1280;
  const int tiles_n = (g.n + tile_n - 1) / tile_n, tiles_m = (g.m + tile_m - 1) / tile_m;
  using Stride = Eigen::OuterStride<>;
  context.pool.parallel_for(tiles_m * tiles_n, [&](std::int64_t index) {
    const int i = static_cast<int>(index) / tiles_n * tile_m, j = static_cast<int>(index) % tiles_n * tile_n;
    const int m = std::min(tile_m, g.m - i), n = std::min(tile_n, g.n - j);
    for (int p = 0; p < g.k; p += tile_k) {
      const int k = std::min(tile_k, g.k - p);
      const T* a = g.a_transposed ? g.a + std::ptrdiff_t{p} * g.lda + i : g.a + std::ptrdiff_t{i} * g.lda + p;
      const T* b = g.b_transposed ? g.b + std::ptrdiff_t{j} * g.ldb + p : g.b + std::ptrdiff_t{p} * g.ldb + j;
      Out<T> c(g.c + std::ptrdiff_t{i} * g.ldc + j, m, n, Stride(g.ldc));
      const auto multiply = [&](const auto& x, const auto& y) {
        if (p > 0)
          c.noalias() += x * y;
        else
          c.noalias() = x * y;
      };
      if (g.a_transposed && g.b_transposed)
        multiply(In<T>(a, k, m, Stride(g.lda)).transpose(), In<T>(b, n, k, Stride(g.ldb)).transpose());
      else if (g.a_transposed)
        multiply(In<T>(a, k, m, Stride(g.lda)).transpose(), In<T>(b, k, n, Stride(g.ldb)));
      else if (g.b_transposed)
        multiply(In<T>(a, m, k, Stride(g.lda)), In<T>(b, n, k, Stride(g.ldb)).transpose());
      else
        multiply(In<T>(a, m, k, Stride(g.lda)), In<T>(b, k, n, Stride(g.ldb)));
    }
  });
}

template <class T> void measure(Context& context, const Shape3& s, int rounds) {
  const int lda = s.a_transposed ? s.m : s.k, ldb = s.b_transposed ? s.k : s.n;
  const auto a = random_tensor<T>({s.a_transposed ? s.k : s.m, lda}, 1, 1);
  const auto b = random_tensor<T>({s.b_transposed ? s.n : s.k, ldb}, 1, 2);
  Tensor<T> c({s.m, s.n});
  Tensor<T> memory({packed_elements<T>(s.k, s.n)});
  const Gemm<T> args{.a_transposed = s.a_transposed,
                     .b_transposed = s.b_transposed,
                     .m = s.m,
                     .n = s.n,
                     .k = s.k,
                     .a = a.data(),
                     .lda = lda,
                     .b = b.data(),
                     .ldb = ldb,
                     .c = c.data(),
                     .ldc = s.n};
  const PackedMatrix<T> packed = pack_matrix(context, args.b, ldb, s.b_transposed, s.k, s.n, memory.data());
  const auto ours = [&] {
    if (s.packed)
      multiply_packed<T>({.m = s.m, .a = args.a, .lda = lda, .b = &packed, .columns = s.n, .c = args.c, .ldc = s.n});
    else
      gemm(context, args);
  };
  const bool alone = context.pool.threads() == 1;
  const auto now = [&] { return alone ? cpu_seconds() : wall_seconds(); };
  const double flops = 2.0 * s.m * s.n * s.k;
  const int repeats = std::max(1, static_cast<int>(4e7 / flops));
  std::vector<double> time_ours, time_eigen, peaks;
  for (int round = 0; round <= rounds; ++round) {
    const double start = now();
    for (int i = 0; i < repeats; ++i) ours();
    const double between = now();
    for (int i = 0; i < repeats; ++i) eigen(context, args);
    const double end = now();
    if (round == 0) continue;
    time_ours.push_back((between - start) / repeats);
    time_eigen.push_back((end - between) / repeats);
    peaks.push_back(peak<T>());
  }
  const double of = median(peaks) * (s.packed ? 1 : context.pool.threads()) / 100;
  fmt::print("{:<26}{:>5}{:>6}{:>6}{:>11.1f}{:>9.1f}{:>6.0f}%{:>11.1f}{:>9.1f}{:>6.0f}%{:>8.2f}\n", s.name, s.m, s.n,
             s.k, median(time_ours) * 1e6, flops / median(time_ours) / 1e9, flops / median(time_ours) / of,
             median(time_eigen) * 1e6, flops / median(time_eigen) / 1e9, flops / median(time_eigen) / of,
             median(time_eigen) / median(time_ours));
}

template <class T> void table(Context& context, int rounds, const std::string& only) {
  fmt::print("{} threads, {}; peak of a thread {:.1f} GFLOP/s; a packed B is multiplied by one thread\n",
             context.pool.threads(), sizeof(T) == 4 ? "float" : "double", peak<T>() / 1e9);
  fmt::print("{:<26}{:>5}{:>6}{:>6}{:>11}{:>9}{:>7}{:>11}{:>9}{:>7}{:>8}\n", "product", "m", "n", "k", "ours, us",
             "GFLOP/s", "peak", "Eigen, us", "GFLOP/s", "peak", "ratio");
  for (const Shape3& shape : shapes)
    if (std::string(shape.name).find(only) != std::string::npos) measure<T>(context, shape, rounds);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Matrix products at the model's shapes, compared with Eigen's");
  int threads = 1, rounds = 11;
  bool in_double = false;
  std::string only, precision = "float32";
  app.add_option("--threads", threads, "threads of the pool");
  app.add_option("--rounds", rounds, "rounds, of which the median is printed");
  app.add_option("--only", only, "products whose name contains this");
  app.add_flag("--double", in_double, "in double");
  app.add_option("--precision", precision, "of operands in float: float32 or bf16")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  Runtime runtime(threads);
  runtime.set_gemm_precision(gemm_precision_from(precision));
  Context context = runtime.context();
  if (in_double)
    table<double>(context, rounds, only);
  else
    table<float>(context, rounds, only);
}
