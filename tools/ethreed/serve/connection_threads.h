#pragma once
// Threads that serve connections, one each: started when they are first needed, never more than a number.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ethreed {

class ConnectionThreads {
 public:
  explicit ConnectionThreads(int most) : most_(most) {}
  ~ConnectionThreads() { finish(); }
  ConnectionThreads(const ConnectionThreads&) = delete;
  ConnectionThreads& operator=(const ConnectionThreads&) = delete;

  /// Runs `work` on a thread of its own; where all are busy on the caller's, with too_many() true: then it shall only
  /// say so.
  void run(std::function<void()> work);
  /// Returns when all work is done.
  void finish();
  static bool too_many();

 private:
  void serve();

  const int most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  int idle_ = 0;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ethreed
