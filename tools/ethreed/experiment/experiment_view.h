#pragma once
// What a person sees while an experiment runs: a bar for every run in work and one for all on a terminal, plain lines
// elsewhere.

#include "tools/ethreed/experiment/experiment_runs.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace ethreed {

/// A run that is not done, and how far it is.
struct RunInWork {
  const PlannedRun* run = nullptr;
  bool evaluating = false;
  std::optional<LogTail> tail{};
};

/// How long the rest of an experiment takes, by what the runs took so far: a variant's own where it is known, else the
/// mean over the others.
class TimeLeft {
 public:
  /// A run is at its end, or has got as far as `tail`. `evaluation`: seconds, 0 if not known.
  void learn(const PlannedRun& run, const LogTail& tail, double evaluation = 0);
  /// Seconds of all that is left of these runs, in work or waiting (begun before or not), on `jobs` places; negative if
  /// nothing is known.
  double of(const std::vector<RunInWork>& runs, int jobs) const;

 private:
  double seconds_of(const PlannedRun& run) const;
  std::map<std::size_t, double> seconds_a_run_;  // by variant
};

class ExperimentView {
 public:
  ExperimentView();
  ~ExperimentView();
  /// Something has happened: a line that stays.
  void say(const std::string& line);
  /// The bars, where there is a terminal.
  void show(const std::vector<RunInWork>& in_work, std::size_t done, std::size_t runs, double seconds_left);

 private:
  void clear();

  using Clock = std::chrono::steady_clock;
  bool terminal_;
  int lines_ = 0;  // of bars that are shown now
  Clock::time_point last_shown_{};
};

}  // namespace ethreed
