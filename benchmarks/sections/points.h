#pragma once
// Steps measured pass by pass.

#include "benchmarks/harness/report.h"

#include <string>
#include <utility>
#include <vector>

namespace ethreed::bench {

/// Times of steps that return their targets (target tokens, or texts), as means over passes.
class StepTimes {
 public:
  /// Steps that follow belong to a new pass; without `keep` they warm up.
  void begin_pass(bool keep) {
    keep_ = keep;
    if (keep) passes_.emplace_back();
  }
  template <class Step> void add(Step step) {
    const double start = now_in_milliseconds();
    const double tokens = step();
    if (!keep_) return;
    passes_.back().time += now_in_milliseconds() - start;
    passes_.back().tokens += tokens;
    ++passes_.back().steps;
  }
  /// Milliseconds a step, what is counted in a step (`target`: "target token", "text"), and what one of it costs.
  Row row(std::string name, const std::string& target) const {
    std::vector<double> means;
    double tokens = 0, steps = 0;
    for (const Pass& pass : passes_) {
      means.push_back(pass.time / pass.steps);
      tokens += pass.tokens;
      steps += pass.steps;
    }
    const Quantiles time = quantiles_of(means);
    const double per_step = tokens / steps;
    return {.name = std::move(name),
            .time = time,
            .figures = {{target + "s a step", per_step},
                        {target + "s/s", per_step / time.median * 1e3},
                        {"µs a " + target, time.median / per_step * 1e3}}};
  }

 private:
  struct Pass {
    double time = 0, tokens = 0;
    int steps = 0;
  };
  std::vector<Pass> passes_;
  bool keep_ = false;
};

}  // namespace ethreed::bench
