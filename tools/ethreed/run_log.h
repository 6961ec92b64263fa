#pragma once
// RUN/log.csv and RUN/log.jsonl: the same lines in two forms.

#include "model/training/checkpoint.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Lines of kind "step" hold means since the line before; lines of kind "epoch" hold the validation figures. Columns
/// are named by the model.
class RunLog {
 public:
  /// A new log, or one that goes on from `progress`: lines that a stopped run wrote after its checkpoint are dropped,
  /// as the resumed run writes them again. The model must outlive it. Throws Error if the files cannot be written.
  RunLog(const std::filesystem::path& run, const Model& model, const TrainingProgress& progress);

  void add_steps(const TrainingProgress& progress, double learning_rate, double tokens_per_second);
  void add_epoch(const TrainingProgress& progress, std::span<const double> figures, double learning_rate);

 private:
  void append(const nlohmann::ordered_json& line);
  std::string csv_line(const nlohmann::ordered_json& line) const;
  std::string csv_header() const;

  const Model& model_;
  std::filesystem::path csv_, jsonl_;
  std::vector<std::string> columns_;
};

}  // namespace ethreed
