// Times whole training steps (batch, forward, backward, clipping, Adam) on real batches of a prepared data set:
//   bench_training_step DATA_DIR [--model NAME] [--variant NAME] [--threads 2] [--batch 8] [--steps 50]
//                       [--device cpu|cuda|emulated] [--graphs]
// Prints the median and the quantiles over steps, target tokens per second, and the allocations of the timed steps; on
// a device, the kernels that a step launches. (Times of the emulated device say nothing about a GPU; its counts do.)
//   bench_training_step DATA_DIR --threads 1 --beside-threads 2 [--beside-precision bf16]
// takes every batch both ways, one directly after the other, and prints the ratio of the two times as well. On a shared
// machine its median over steps shows differences of a percent that the times do not.

#include "benchmarks/harness/measure.h"
#include "benchmarks/harness/workbench.h"
#include "core/error.h"
#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"
#include "kernels/gemm/gemm.h"
#include "model/interface/device_model.h"
#include "model/training/trainer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <new>

namespace {

std::atomic<std::int64_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* memory = nullptr;
  if (::posix_memalign(&memory, std::max(alignment, sizeof(void*)), bytes) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
// std::stable_sort takes its buffer this way and gives it back to the delete below.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace ethreed;
using bench::quantile;

struct Arguments {
  std::string data;
  bench::ModelChoice model;
  std::string device = "cpu";
  int threads = 1, batch = 8, steps = 50;
  int multiprocessors = 32;  // of the emulated device: enough to keep the encoder's weights on chip, as GPUs do
  bool graphs = false;
  std::string precision = "float32";
  int compared_threads = 0;        // 0: the same
  std::string compared_precision;  // empty: the same

  bool compares() const { return compared_threads > 0 || !compared_precision.empty(); }
};

// A way to take steps, and what those timed took.
struct Way {
  Way(int pool_threads, const std::string& products, const std::string& device)
      : threads(pool_threads),
        precision(products),
        runtime(pool_threads),
        context(context_of(runtime, products, device)) {}

  static Context context_of(Runtime& runtime, const std::string& products, const std::string& device) {
    runtime.set_gemm_precision(gemm_precision_from(products));
    runtime.use(open_device(device_from(device), runtime.pool()));
    return runtime.context();
  }

  int threads;
  std::string precision;
  Runtime runtime;
  Context context;
  std::vector<double> milliseconds;
  std::int64_t tokens = 0;
};

// Kernels launched by the steps, the most frequent first, as a mean over steps.
void print_launches(const DeviceRuntime& device, std::int64_t steps) {
  std::vector<LaunchCount> launches(device.launches().begin(), device.launches().end());
  std::stable_sort(launches.begin(), launches.end(),
                   [](const LaunchCount& a, const LaunchCount& b) { return a.launches > b.launches; });
  const auto per_step = [steps](std::int64_t count) { return static_cast<double>(count) / static_cast<double>(steps); };
  fmt::print("launches per step: {:.1f}\n", per_step(device.launch_count()));
  for (const LaunchCount& count : launches) fmt::print("  {:<52}{:>7.1f}\n", count.kernel, per_step(count.launches));
}

void print_times(const Way& way, const char* targets) {
  double total = 0;
  for (const double ms : way.milliseconds) total += ms;
  const bench::Quantiles quantiles = bench::quantiles_of(way.milliseconds);
  fmt::print("ms per step: median {:.1f}, 10 % {:.1f}, 90 % {:.1f}\n", quantiles.median, quantiles.low, quantiles.high);
  fmt::print("{} per second: {:.0f} ({:.1f} per step)\n", targets, static_cast<double>(way.tokens) / total * 1e3,
             static_cast<double>(way.tokens) / quantiles.samples);
}

// The standard error of the median is 1.25 times that of the mean; the standard deviation comes from the quartiles.
void print_ratio(const Way& first, const Way& second) {
  std::vector<double> ratios;
  for (std::size_t step = 0; step < first.milliseconds.size(); ++step)
    ratios.push_back(first.milliseconds[step] / second.milliseconds[step]);
  const double deviation = (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 1.349;
  const bench::Quantiles quantiles = bench::quantiles_of(ratios);
  fmt::print(
      "the first takes {:.3f} times as long as the second (median over steps, +- {:.3f}; 10 % {:.3f}, 90 % {:.3f})\n",
      quantiles.median, 1.253 * deviation / std::sqrt(quantiles.samples), quantiles.low, quantiles.high);
}

void run(const Arguments& arguments) {
  bench::Workbench bench(arguments.data, arguments.model, arguments.batch);
  emulation::settings().multiprocessors = arguments.multiprocessors;
  std::deque<Way> ways;
  ways.emplace_back(arguments.threads, arguments.precision, arguments.device);
  if (arguments.compares())
    ways.emplace_back(arguments.compared_threads > 0 ? arguments.compared_threads : arguments.threads,
                      arguments.compared_precision.empty() ? arguments.precision : arguments.compared_precision,
                      arguments.device);
  Way& first = ways.front();
  DeviceModel<float> device(first.context, bench.state);
  const auto steps = std::min<std::int64_t>(arguments.steps, bench.batch_count());
  std::int64_t allocated = 0, taken = 0;
  const auto take_step = [&](Way& way, std::int64_t step) {
    const auto start = std::chrono::steady_clock::now();
    const StepArguments step_arguments{.step = taken++, .learning_rate = 1e-6, .graph = arguments.graphs};
    way.tokens += training_step(way.context, bench.model(), device.model(), bench.config.recipe,
                                bench.batch(static_cast<int>(step)), step_arguments)
                      .targets;
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    way.milliseconds.push_back(elapsed.count());
  };
  for (int pass = 0; pass < 2; ++pass) {  // the first pass warms up: the arenas grow to the largest batch
    for (Way& way : ways) {
      way.milliseconds.clear();
      way.milliseconds.reserve(steps);
      way.tokens = 0;
    }
    allocated = allocations;
    taken = 0;
    if (first.runtime.device() != nullptr) first.runtime.device()->forget_launches();
    for (std::int64_t step = 0; step < steps; ++step) {
      // The second finds the words of the batch in the cache, so the two change places.
      for (std::size_t turn = 0; turn < ways.size(); ++turn)
        take_step(ways[(turn + static_cast<std::size_t>(step)) % ways.size()], step);
    }
    allocated = allocations - allocated;
  }
  for (const Way& way : ways) {
    fmt::print("{} steps of {} {}, {} threads, {}, {} parameters\n", steps, arguments.batch,
               bench::examples_of(bench.model()), way.threads, way.precision, bench.state.layout.parameter_count());
    print_times(way, bench::targets_of(bench.model()));
  }
  if (ways.size() > 1) print_ratio(ways[0], ways[1]);
  fmt::print("allocations in the timed steps: {}\n", allocated);
  fmt::print("step arena: {:.1f} MiB\n", static_cast<double>(first.runtime.values().reserved_bytes()) / (1 << 20));
  if (first.runtime.device() == nullptr) return;
  fmt::print("graphs made: {}\n", first.runtime.device()->graphs_made());
  print_launches(*first.runtime.device(), steps);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Times training steps on a prepared data set."};
  app.add_option("data", arguments.data, "Folder that `ethreed prepare --out` wrote")->required();
  bench::add_model_options(app, arguments.model);
  app.add_option("--device", arguments.device)
      ->check(CLI::IsMember({"cpu", "cuda", "emulated"}))
      ->capture_default_str();
  app.add_option("--multiprocessors", arguments.multiprocessors, "Of the emulated device")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--graphs", arguments.graphs, "On a device: every step as one CUDA graph");
  app.add_option("--precision", arguments.precision, "Of the inputs of products, as of `ethreed train`")
      ->check(CLI::IsMember({"float32", "bf16"}))
      ->capture_default_str();
  app.add_option("--threads", arguments.threads)->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--batch", arguments.batch, "Examples")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--steps", arguments.steps)->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--beside-threads", arguments.compared_threads,
                 "Compare: the same steps with so many threads, interleaved")
      ->check(CLI::Range(1, 1024));
  app.add_option("--beside-precision", arguments.compared_precision, "Compare: the same steps with this precision")
      ->check(CLI::IsMember({"float32", "bf16"}));
  CLI11_PARSE(app, argc, argv);
  if (arguments.compares() && arguments.device != "cpu") {
    fmt::print(stderr, "bench_training_step: two interleaved ways are for --device cpu\n");
    return 2;
  }
  try {
    run(arguments);
  } catch (const ethreed::Error& error) {
    fmt::print(stderr, "bench_training_step: {}\n", error.what());
    return 1;
  }
  return 0;
}
