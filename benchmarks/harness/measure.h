#pragma once
// How a time is taken: many samples, their median, and the quantiles 10 % and 90 %.

#include <algorithm>
#include <chrono>
#include <vector>

namespace ethreed::bench {

inline double now_in_milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Samples in three numbers. A shared machine disturbs the mean and the extremes more than these.
struct Quantiles {
  double median = 0, low = 0, high = 0;  ///< quantiles 50 %, 10 %, 90 %, interpolated
  int samples = 0;
};

/// The value that a share q of the samples, 0 to 1, does not exceed, interpolated. Throws Error if there is no sample.
double quantile(std::vector<double> samples, double q);
/// Throws Error if there is no sample.
Quantiles quantiles_of(const std::vector<double>& samples);

/// How long to measure one thing.
struct Effort {
  double seconds = 0.3;          ///< at most about so long, but
  int least_samples = 7;         ///< at least so many samples, and
  int most_samples = 60;         ///< not more than so many
  double least_sample_ms = 0.5;  ///< calls are put together until a sample takes so long
};

/// Milliseconds of one call of `run`, after one call to warm up.
template <class Run> Quantiles time_of(const Effort& effort, Run&& run) {
  run();
  double start = now_in_milliseconds();
  run();
  const double once = std::max(now_in_milliseconds() - start, 1e-5);
  const int calls = std::max(1, static_cast<int>(effort.least_sample_ms / once));
  const double budget = effort.seconds * 1e3;
  const int samples = std::clamp(static_cast<int>(budget / (once * calls)), effort.least_samples, effort.most_samples);
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) {
    start = now_in_milliseconds();
    for (int call = 0; call < calls; ++call) run();
    times.push_back((now_in_milliseconds() - start) / calls);
  }
  return quantiles_of(times);
}

}  // namespace ethreed::bench
