// Times whole training steps (batch, forward, backward, clipping, Adam) on real batches of a prepared data set:
//   bench_training_step DATA_DIR [--threads 2] [--batch 8] [--steps 50] [--device cpu|cuda|emulated] [--graphs]
// Prints the median and the spread over steps, target tokens per second, and the allocations of the timed steps; on a
// device, the kernels that a step launches. (Times of the emulated device say nothing about a GPU; its counts do.)

#include "core/error.h"
#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"
#include "kernels/gemm/gemm.h"
#include "model/training/device_model.h"
#include "model/training/initialisation.h"
#include "model/training/trainer.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
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

struct Arguments {
  std::string data;
  std::string device = "cpu";
  int threads = 1, batch = 8, steps = 50;
  int multiprocessors = 32;  // of the emulated device: enough to keep the encoder's weights on chip, as GPUs do
  bool graphs = false;
  std::string precision = "float32";
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

void run(const Arguments& arguments) {
  const Dataset data = Dataset::open(arguments.data);
  RunConfig config;
  config.model.vocabulary = data.vocabulary_size();
  config.model.embedding = static_cast<int>(data.vectors().columns());
  config.model.listener_labels = data.has_listener_labels();
  config.training.batch = arguments.batch;
  ModelState<float> model(config.model, true);
  initialise_parameters(model.layout, data.vectors(), config.training.update_gate_bias, 1, model.values.data());
  emulation::settings().multiprocessors = arguments.multiprocessors;
  Runtime runtime(arguments.threads);
  runtime.round_products(products_from(arguments.precision));
  runtime.use(open_device(device_from(arguments.device), runtime.pool()));
  Context context = runtime.context();
  DeviceModel<float> device(context, model);
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  std::vector<std::int32_t> order;
  shuffle_dialogues(batches.dialogues(), 1, 0, order);
  const auto steps = std::min<std::int64_t>(arguments.steps, batches.dialogues() / arguments.batch);
  std::vector<double> milliseconds;
  std::int64_t tokens = 0, allocated = 0;
  DeferredUpdate<float> update(model.layout.encoder_end());  // as in `ethreed train`
  for (int pass = 0; pass < 2; ++pass) {  // the first pass warms up: the arena grows to the largest batch
    milliseconds.clear();
    milliseconds.reserve(static_cast<std::size_t>(steps));
    tokens = 0;
    allocated = allocations;
    if (runtime.device() != nullptr) runtime.device()->forget_launches();
    for (std::int64_t step = 0; step < steps; ++step) {
      const auto start = std::chrono::steady_clock::now();
      const auto dialogues = std::span(order).subspan(static_cast<std::size_t>(step * arguments.batch),
                                                      static_cast<std::size_t>(arguments.batch));
      const Batch& batch = batches.make(dialogues);
      tokens += training_step(context, device.model(), config.training, batch, step, 1e-6,
                              {.graph = arguments.graphs, .update = &update})
                    .tokens;
      const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
      milliseconds.push_back(elapsed.count());
    }
    allocated = allocations - allocated;
    update.finish(context);
  }
  double total = 0;
  for (const double ms : milliseconds) total += ms;
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto quantile = [&](double q) {
    return milliseconds[static_cast<std::size_t>(q * static_cast<double>(steps - 1))];
  };
  fmt::print("{} steps of {} dialogues, {} threads, {} parameters\n", steps, arguments.batch, arguments.threads,
             model.layout.parameter_count());
  fmt::print("ms per step: median {:.1f}, 10 % {:.1f}, 90 % {:.1f}\n", quantile(0.5), quantile(0.1), quantile(0.9));
  fmt::print("target tokens per second: {:.0f} ({:.1f} per step)\n", static_cast<double>(tokens) / total * 1e3,
             static_cast<double>(tokens) / static_cast<double>(steps));
  fmt::print("allocations in the timed steps: {}\n", allocated);
  fmt::print("step arena: {:.1f} MiB\n", static_cast<double>(runtime.values().reserved_bytes()) / (1 << 20));
  if (runtime.device() == nullptr) return;
  fmt::print("graphs made: {}\n", runtime.device()->graphs_made());
  print_launches(*runtime.device(), steps);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Times training steps on a prepared data set."};
  app.add_option("data", arguments.data, "Folder that `ethreed prepare --out` wrote")->required();
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
  app.add_option("--batch", arguments.batch, "Dialogues")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--steps", arguments.steps)->check(CLI::Range(1, 100000))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(arguments);
  } catch (const ethreed::Error& error) {
    fmt::print(stderr, "bench_training_step: {}\n", error.what());
    return 1;
  }
  return 0;
}
