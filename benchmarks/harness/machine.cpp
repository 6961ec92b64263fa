#include "benchmarks/harness/machine.h"

#include "benchmarks/harness/measure.h"
#include "core/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string_view>
#include <thread>
#include <vector>

namespace ethreed::bench {

namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// The number after `key` in a file of lines "key: number unit", or the text; empty if there is none.
std::string value_in(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) {
      const auto colon = line.find(':');
      const auto begin = line.find_first_not_of(" \t", colon + 1);
      if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
    }
  return {};
}
double kib_in(const char* file, std::string_view key) {
  const std::string text = value_in(file, key);
  return text.empty() ? 0 : std::stod(text);
}

// Work per second: run(seconds of work) → amount of work, on so many threads at once; the best of some rounds.
template <class Run> double best_rate(int threads, int rounds, Run run) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> waiting{threads};
    std::vector<double> rates(threads);
    const auto body = [&](double& rate) {
      auto work = run();  // allocates and warms up
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      const double start = now_in_milliseconds();
      const double amount = work();
      rate = amount / (now_in_milliseconds() - start) * 1e3;
    };
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back([&, i] { body(rates[i]); });
    body(rates[0]);
    for (std::thread& thread : others) thread.join();
    double sum = 0;
    for (const double rate : rates) sum += rate;
    best = std::max(best, sum);
  }
  return best;
}

// Twelve independent chains of fused multiply-adds, each in a register: enough for two units with a latency of up to
// six cycles.
template <class T> double multiply_adds(std::int64_t rounds) {
  constexpr int chains = 12;
  typedef T Vector __attribute__((vector_size(vector_bytes)));
  constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));
  volatile T factor_in = T(0.999), term_in = T(0.001);
  const Vector x = Vector{} + factor_in, y = Vector{} + term_in;
  const auto start = [&] { return Vector{} + factor_in; };  // read anew: the compiler cannot know that they are equal
  Vector a = start(), b = start(), c = start(), d = start(), e = start(), f = start();
  Vector g = start(), h = start(), i = start(), j = start(), k = start(), l = start();
  for (std::int64_t round = 0; round < rounds; ++round) {
    a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y, e = e * x + y, f = f * x + y;
    g = g * x + y, h = h * x + y, i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;
  }
  volatile T sink = (a + b + c + d + e + f + g + h + i + j + k + l)[0];
  static_cast<void>(sink);
  return 2.0 * chains * lanes * static_cast<double>(rounds);
}

template <class T> Peak multiply_add_peak(int cores, int rounds) {
  const auto run = [] { return [] { return multiply_adds<T>(4'000'000); }; };
  return {best_rate(1, rounds, run) * 1e-9, best_rate(cores, rounds, run) * 1e-9};
}

// a = a + s·b over two arrays of so many bytes each: a triad in place, so that every byte that moves is one that the
// program reads or writes (a triad into a third array reads that array's lines, too).
Peak triad_peak(int cores, int rounds, std::size_t bytes, int repetitions) {
  const auto run = [=] {
    const std::size_t n = bytes / sizeof(double);
    Tensor<double> a({static_cast<std::int64_t>(n)}), b({static_cast<std::int64_t>(n)});  // in the pages of the engine
    std::fill(b.span().begin(), b.span().end(), 1.0);
    return [a = std::move(a), b = std::move(b), n, repetitions]() mutable {
      volatile double scale_in = 0.5;
      for (int r = 0; r < repetitions; ++r) {
        const double scale = scale_in;
        double* __restrict sum = a.data();
        const double* term = b.data();
        for (std::size_t i = 0; i < n; ++i) sum[i] += scale * term[i];
      }
      volatile double sink = a[n / 2];
      static_cast<void>(sink);
      return 3.0 * static_cast<double>(n * sizeof(double)) * repetitions;
    };
  };
  return {best_rate(1, rounds, run) * 1e-9, best_rate(cores, rounds, run) * 1e-9};
}

}  // namespace

double multiply_add_rate(int threads) {
  return best_rate(threads, 1, [] { return [] { return multiply_adds<float>(400'000); }; }) * 1e-9;
}

Machine measure_machine(int rounds) {
  Machine machine;
  machine.processor = value_in("/proc/cpuinfo", "model name");
  if (machine.processor.empty()) machine.processor = "unknown processor";
  const std::string family = value_in("/proc/cpuinfo", "cpu family"), model = value_in("/proc/cpuinfo", "model\t");
  if (!family.empty()) machine.processor += fmt::format(" (family {}, model {})", family, model);
  machine.cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  machine.memory_gib = kib_in("/proc/meminfo", "MemTotal") / (1 << 20);
  machine.compiler = fmt::format("g++ {}, vectors of {} bits", __VERSION__, vector_bytes * 8);
  machine.float32 = multiply_add_peak<float>(machine.cores, rounds);
  machine.float64 = multiply_add_peak<double>(machine.cores, rounds);
  machine.memory = triad_peak(machine.cores, rounds, std::size_t{64} << 20, 2);
  machine.cache = triad_peak(machine.cores, rounds, std::size_t{128} << 10, 2000);
  return machine;
}

double peak_memory_mib() { return kib_in("/proc/self/status", "VmHWM") / 1024; }
double own_memory_mib() { return kib_in("/proc/self/status", "RssAnon") / 1024; }

}  // namespace ethreed::bench
