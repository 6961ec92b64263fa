#pragma once
// RUN/log.csv and RUN/log.jsonl: the same lines in two forms.

#include "model/training/checkpoint.h"
#include "model/training/metrics.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace ethreed {

/// Lines of kind "step" hold means since the line before; lines of kind "epoch" hold the validation figures.
class RunLog {
 public:
  /// A new log, or one that goes on from `progress`: lines that a stopped run wrote after its checkpoint are dropped,
  /// as the resumed run writes them again. Throws Error if the files cannot be written.
  RunLog(const std::filesystem::path& run, const TrainingProgress& progress);

  void add_steps(const TrainingProgress& progress, double learning_rate, double tokens_per_second);
  void add_epoch(const TrainingProgress& progress, const EvaluationResult& result, double learning_rate);

 private:
  void append(const nlohmann::ordered_json& line);

  std::filesystem::path csv_, jsonl_;
};

}  // namespace ethreed
