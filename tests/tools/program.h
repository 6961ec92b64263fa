#pragma once
// Runs one of the project's programs as a user does: arguments, standard input, and what came out.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace ethreed {

/// How a program ended and what it wrote.
struct Outcome {
  int exit_code = -1;      ///< -1 if a signal ended it
  int signal = 0;          ///< the signal that ended it, or 0
  bool timed_out = false;  ///< it took too long and was killed
  std::string out, err;
};

struct ProgramOptions {
  std::filesystem::path directory;               ///< where it runs; empty: where the test runs
  std::string input;                             ///< its standard input
  std::optional<std::uint64_t> file_size_limit;  ///< bytes, as `ulimit -f` sets it
  std::filesystem::path output;                  ///< file or device for its standard output; empty: Outcome::out
  std::chrono::seconds time_limit{120};
};

/// A program that was started and not yet waited for. The destructor kills it.
class Program {
 public:
  /// Throws std::system_error if it cannot be started.
  Program(const std::string& path, const std::vector<std::string>& arguments, const ProgramOptions& options = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Waits until its standard output holds `text`; false if it ended or the time was up before.
  bool wait_for(std::string_view text);
  void send(int signal) const;
  /// Waits for its end.
  Outcome finish();

 private:
  using Clock = std::chrono::steady_clock;
  bool read_some();  // false when both pipes are at their end or the time is up
  bool time_is_up() const { return Clock::now() >= deadline_; }

  pid_t process_ = -1;
  int out_ = -1, err_ = -1;
  Clock::time_point deadline_;
  Outcome outcome_;
};

/// Starts a program and waits for its end.
Outcome run_program(const std::string& path, const std::vector<std::string>& arguments,
                    const ProgramOptions& options = {});

}  // namespace ethreed
