#pragma once
// What a person sees while training runs: a bar on a terminal, plain lines in a file.

#include "model/training/trainer.h"

#include <chrono>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// A figure as a person reads it: "–" where it does not exist (NaN), "not finite" where it is infinite.
std::string figure_text(double value, int decimals);

/// The figures by which a run's best checkpoint was chosen: "validation PPL 31.39".
std::string selected_text(const Model& model, const ValidationFigures& figures);

/// "1:02:03", "2:03".
std::string duration_text(double seconds);
/// "[#####.....]"
std::string progress_bar(double share, int width = 20);
/// Can standard output show a bar: is it a terminal that can go back to the start of its line and clear it?
bool can_draw();
/// Of that terminal. To be asked anew for every bar: a window may have changed since.
std::size_t terminal_columns();
std::size_t terminal_rows();

/// The longest of `lines` that has at most `columns` characters; the last one, cut, if none has.
std::string fitting(const std::vector<std::string>& lines, std::size_t columns);

class ProgressDisplay {
 public:
  /// `first_step` is where this session starts. The model must outlive it.
  ProgressDisplay(const Model& model, int epochs, std::int64_t first_step, bool quiet);

  void step(const TrainingProgress& progress, const StepReport& report, std::int64_t batches_per_epoch);
  /// Means since the last line; a line of its own where there is no terminal.
  void log_line(const TrainingProgress& progress);
  void validation(int done, int examples);
  void epoch(const TrainingProgress& progress, std::span<const double> figures);
  /// Ends an unfinished bar.
  void finish();

  /// Target tokens per second of training since this was last asked.
  double tokens_per_second_since_asked();

 private:
  using Clock = std::chrono::steady_clock;
  void show(const std::vector<std::string>& lines);  // from the longest to the shortest
  void print(const std::string& line);
  const char* unit() const;  // of speed
  std::string time_left(const TrainingProgress& progress) const;

  const Model& model_;
  int epochs_;
  std::int64_t first_step_;
  bool quiet_;
  bool terminal_;
  bool bar_open_ = false;
  std::int64_t batches_ = 1;
  Clock::time_point start_ = Clock::now(), last_shown_{}, last_step_ = Clock::now();
  double training_seconds_ = 0;     // without validation
  double seconds_since_asked_ = 0;  // of training
  std::int64_t tokens_since_asked_ = 0;
  double tokens_per_second_ = 0;
};

}  // namespace ethreed
