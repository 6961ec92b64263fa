#pragma once
// How far a command is that works through records, on standard error.

#include <chrono>
#include <string>

namespace ethreed {

/// A line that is drawn again where standard error is a terminal, else a line every ten seconds.
class BatchProgress {
 public:
  /// `done`: records that are there already.
  BatchProgress(std::string what, std::size_t total, std::size_t done, bool quiet);
  ~BatchProgress();
  BatchProgress(const BatchProgress&) = delete;
  BatchProgress& operator=(const BatchProgress&) = delete;
  void at(std::size_t done);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  std::size_t total_, first_;
  bool quiet_, terminal_, open_ = false;
  Clock::time_point start_ = Clock::now(), shown_ = start_;
};

}  // namespace ethreed
