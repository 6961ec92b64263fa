#pragma once
// RUN/log.csv and RUN/log.jsonl: the same lines in two forms.

#include "core/event_file.h"
#include "model/training/checkpoint.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Lines of kind "step" hold means since the line before; lines of kind "epoch" hold the losses and figures of the
/// validation; lines of kind "change" a key that was changed when the run was taken up again. Columns are named by the
/// model (docs/guide.md tells them all). What does not exist is null, or an empty cell; what is not finite is null and
/// named in "not_finite", or inf.
class RunLog {
 public:
  /// A new log, or one that goes on from the progress: lines that a stopped run wrote after its checkpoint are dropped,
  /// as the resumed run writes them again. The model of `info` must outlive it. Throws Error if the files cannot be
  /// written.
  RunLog(const std::filesystem::path& run, const CheckpointInfo& info);

  /// Empty, or what a person should know: log.csv had lines that log.jsonl, which the log is made from, lacks. They are
  /// in the file that is named there.
  const std::string& note() const { return note_; }

  /// From here on every number of a line goes to this file, too, as "train/loss_total" or "valid/perplexity_token" at
  /// the line's step. What is not finite is infinite there. It must outlive the log.
  void also_to(EventFile& events) { events_ = &events; }

  void add_steps(const TrainingProgress& progress, double learning_rate, double tokens_per_second);
  void add_epoch(const TrainingProgress& progress, std::span<const double> figures, const LossMeans& losses,
                 double learning_rate);

 private:
  double seconds() const;  // of all sessions
  void write_event(const nlohmann::ordered_json& line) const;
  void append(const nlohmann::ordered_json& line);
  std::string csv_line(const nlohmann::ordered_json& line) const;
  std::string csv_header() const;
  void keep_longer_table(std::int64_t lines, const TrainingProgress& progress);

  const Model& model_;
  EventFile* events_ = nullptr;
  std::filesystem::path csv_, jsonl_;
  std::vector<std::string> columns_;
  std::string note_;
  double seconds_before_ = 0;  // of the sessions before
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace ethreed
