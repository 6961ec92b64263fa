// Times whole training steps (batch, forward, backward, clipping, Adam) on real batches of a prepared data set:
//   bench_training_step DATA_DIR [--threads 2] [--batch 8] [--steps 50]
// Prints the median and the spread over steps, target tokens per second, and the allocations of the timed steps.

#include "core/error.h"
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
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace ethreed;

struct Arguments {
  std::string data;
  int threads = 1, batch = 8, steps = 50;
};

void run(const Arguments& arguments) {
  const Dataset data = Dataset::open(arguments.data);
  RunConfig config;
  config.model.vocabulary = data.vocabulary_size();
  config.model.embedding = static_cast<int>(data.vectors().columns());
  config.model.listener_labels = data.has_listener_labels();
  config.training.batch = arguments.batch;
  ModelState<float> model(config.model, true);
  initialise_parameters(model.layout, data.vectors(), config.training.update_gate_bias, 1, model.values.data());
  Runtime runtime(arguments.threads);
  Context context = runtime.context();
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  std::vector<std::int32_t> order;
  shuffle_dialogues(batches.dialogues(), 1, 0, order);
  const auto steps = std::min<std::int64_t>(arguments.steps, batches.dialogues() / arguments.batch);
  std::vector<double> milliseconds;
  std::int64_t tokens = 0, allocated = 0;
  for (int pass = 0; pass < 2; ++pass) {  // the first pass warms up: the arena grows to the largest batch
    milliseconds.clear();
    milliseconds.reserve(static_cast<std::size_t>(steps));
    tokens = 0;
    allocated = allocations;
    for (std::int64_t step = 0; step < steps; ++step) {
      const auto start = std::chrono::steady_clock::now();
      const auto dialogues = std::span(order).subspan(static_cast<std::size_t>(step * arguments.batch),
                                                      static_cast<std::size_t>(arguments.batch));
      const Batch& batch = batches.make(dialogues);
      tokens += training_step(context, model, config.training, batch, step, 1e-6).tokens;
      const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
      milliseconds.push_back(elapsed.count());
    }
    allocated = allocations - allocated;
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
  fmt::print("step arena: {:.1f} MiB\n", static_cast<double>(runtime.arena().reserved_bytes()) / (1 << 20));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Times training steps on a prepared data set."};
  app.add_option("data", arguments.data, "Folder that `ethreed prepare --out` wrote")->required();
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
