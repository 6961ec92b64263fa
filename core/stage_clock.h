#pragma once
// Where the time of a step goes: a clock that ranges (core/context.h) keep, by their names.

#include "core/error.h"

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

namespace ethreed {

/// Books the time between the begin and the end of a range to the range's name: that of the forward pass and of
/// everything else that runs once, and apart from it that of the backward pass over what the range recorded. A range
/// within a range takes its time from the outer one, so the times of all stages add up to the time of the outermost
/// ranges. For one thread: the one that drives the step. What it hands to the thread pool, it waits for.
class StageClock {
 public:
  /// Milliseconds without those of ranges within, and how many ranges they are the sum of.
  struct Stage {
    std::string_view name;
    double forward = 0, backward = 0;
    int forwards = 0, backwards = 0;
  };
  /// Milliseconds since any fixed moment.
  using Now = double (*)();

  explicit StageClock(Now now = &steady_milliseconds) : now_(now) {}

  /// In the order in which they began first, since the clock was made.
  std::span<const Stage> stages() const { return stages_; }
  /// All times and counts to 0. Stages keep their places, so that a step like the one before allocates nothing.
  void reset() {
    for (Stage& stage : stages_) stage = {.name = stage.name};
    open_.clear();
  }

  // --- for Range
  // -------------------------------------------------------------------------------------------------------

  /// Begins a stage and returns the number of stages that were open before: what end() wants. `name` must outlive the
  /// clock.
  std::size_t begin(std::string_view name) {
    const std::size_t depth = open_.size();
    open(name, false);
    return depth;
  }
  /// Ends the stage that began at this depth, and what an exception has left open within it.
  void end(std::size_t depth) noexcept {
    advance();
    if (depth < open_.size()) open_.resize(depth);
  }
  void begin_backward(std::string_view name) { open(name, true); }
  /// Throws Error if the stage is not the one that began last: the tape was walked before the range had ended.
  void end_backward(std::string_view name) {
    ETHREED_CHECK(
        !open_.empty() && open_.back().backward && stages_[open_.back().stage].name == name,
        "StageClock: the backward of '{}' ends without having begun; walk the tape outside of the ranges that "
        "record on it",
        name);
    end(open_.size() - 1);
  }

  static double steady_milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

 private:
  struct Open {
    std::size_t stage = 0;
    bool backward = false;
  };
  // Books the time since the last event to the innermost stage.
  void advance() noexcept {
    const double now = now_();
    if (!open_.empty()) {
      const Open& inner = open_.back();
      Stage& stage = stages_[inner.stage];
      (inner.backward ? stage.backward : stage.forward) += now - last_;
    }
    last_ = now;
  }
  void open(std::string_view name, bool backward) {
    advance();
    std::size_t i = 0;
    while (i < stages_.size() && stages_[i].name != name) ++i;
    if (i == stages_.size()) stages_.push_back({.name = name});
    open_.push_back({i, backward});
    ++(backward ? stages_[i].backwards : stages_[i].forwards);
  }

  Now now_;
  double last_ = 0;
  std::vector<Stage> stages_;
  std::vector<Open> open_;
};

}  // namespace ethreed
