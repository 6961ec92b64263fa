#pragma once
// This program, run again as a process of its own.

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ethreed {

/// How a process ended.
struct ChildEnd {
  int exit_code = -1;  ///< −1 if a signal ended it
  int signal = 0;      ///< the signal that ended it, or 0
  bool well() const { return exit_code == 0; }
  /// "ended with status 1", "was ended by signal 9"
  std::string text() const;
};

/// Runs in a process group of its own, so that Ctrl-C at the terminal reaches this process alone, which then says
/// stop() once; without input. Should this process die, however it dies, the child gets SIGTERM. (posix_spawn cannot
/// ask for that, so it is fork and exec.)
class ChildProcess {
 public:
  /// Standard output goes to `output`, which is begun anew, or to `log` if empty; standard error to the end of `log`.
  /// Throws Error if it cannot be started.
  ChildProcess(const std::vector<std::string>& arguments, const std::filesystem::path& log,
               const std::filesystem::path& output = {});
  /// Stops it and waits for its end.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// True as soon as it has ended; does not wait.
  bool ended();
  /// SIGTERM: trainings save and end.
  void stop();
  /// After it has ended.
  const ChildEnd& end() const { return end_; }

 private:
  pid_t process_ = -1;
  ChildEnd end_;
};

}  // namespace ethreed
