#include "tools/ethreed/batch_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ethreed {

BatchProgress::BatchProgress(std::string what, std::size_t total, std::size_t done, bool quiet)
    : what_(std::move(what)), total_(total), first_(done), quiet_(quiet) {
  const char* term = std::getenv("TERM");
  terminal_ = ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

BatchProgress::~BatchProgress() {
  if (open_) fmt::print(stderr, "\n");
}

void BatchProgress::at(std::size_t done) {
  const auto now = Clock::now();
  const std::chrono::duration<double> since = now - shown_, all = now - start_;
  if (quiet_ || since.count() < (terminal_ ? 0.2 : 10.0)) return;
  shown_ = now;
  const double speed = static_cast<double>(done - first_) / all.count();
  std::string line = fmt::format("{}: {} of {}", what_, done, total_);
  if (speed > 0) {
    const auto left = static_cast<long>(static_cast<double>(total_ - done) / speed + 0.5);
    line += fmt::format(", {:.1f}/s, {}:{:02} left", speed, left / 60, left % 60);
  }
  if (terminal_)
    fmt::print(stderr, "\r{:<60}", line);
  else
    fmt::print(stderr, "{}\n", line);
  open_ = terminal_;
}

}  // namespace ethreed
