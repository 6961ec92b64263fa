#pragma once
// The parts of bench_all. Each measures and returns a table; each can be asked for alone (--only).

#include "benchmarks/harness/report.h"
#include "benchmarks/harness/workbench.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ethreed::bench {

struct Options {
  std::string data;  ///< what `ethreed prepare` wrote
  ModelChoice model;
  std::string run;  ///< a trained run to decode with; empty: parameters as initialised
  std::vector<int> threads{1};
  std::string filter;  ///< operations whose name holds it
  std::vector<std::string> dtypes{"float32"};
  int batch = 8, batches = 20, passes = 7;
  std::vector<std::int64_t> dialogues{1'000, 10'000};  ///< of generated corpora
  std::vector<std::int64_t> batch_sizes{8, 16, 32, 64};
  std::vector<std::int64_t> vocabularies{5'000, 10'000, 20'000, 50'000};
  std::string generator;       ///< the program ethreed-sample-corpus
  std::filesystem::path work;  ///< folder for generated corpora
  bool quick = false;

  Effort effort() const { return quick ? Effort{.seconds = 0.05, .least_samples = 3, .most_samples = 15} : Effort{}; }
};

/// Every case of the operation table that is not tiny, forward and backward.
Section measure_operations(const Options& options, const Machine& machine);
/// A training step by stage, on real batches.
std::vector<Section> measure_stages(const Options& options, const Machine& machine);
/// Whole training steps: rates, memory and the time of an epoch.
Section measure_training(const Options& options);
/// Replies: one in a chat, many in batches. Throws Error if the model writes none.
Section measure_decoding(const Options& options);
/// Replies of one conversation, by how much was said before. Throws Error if the model writes none.
Section measure_conversation(const Options& options);
/// From corpus to batches and a step, by the number of dialogues.
Section measure_data(const Options& options);
/// A step by the size of the batch and of the vocabulary.
Section measure_growth(const Options& options);

/// Measures one point of measure_data or measure_growth, in a process of its own so that the peak of memory is that of
/// this point alone: prints its rows as JSON. `point` is "prepare:N", "train:N", "batch:N" or "vocabulary:N".
void print_point(const Options& options, const std::string& point);

}  // namespace ethreed::bench
