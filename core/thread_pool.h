#pragma once
// The one thread pool of a program. Work is cut into chunks by the shape of the work alone, never by the number of
// threads, so that results do not depend on it.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace ethreed {

class ThreadPool {
 public:
  /// `threads` counts the calling thread: a pool of 1 starts no thread. Throws Error if threads < 1 or > 1024.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Runs body(chunk) once for every chunk in [0, chunks), on all threads, and returns when all are done.
  /// Chunks must be independent. Called from inside a chunk it runs serially. The first exception is rethrown.
  template <class Body> void parallel_for(std::int64_t chunks, Body&& body) {
    if (chunks <= 1 || workers_.empty() || inside_a_chunk()) {
      for (std::int64_t i = 0; i < chunks; ++i) body(i);
      return;
    }
    run(
        chunks, [](void* context, std::int64_t i) { (*static_cast<std::remove_reference_t<Body>*>(context))(i); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  /// Cuts [0, n) into chunks of `grain` (the last one shorter) and runs body(begin, end) for each.
  template <class Body> void parallel_ranges(std::int64_t n, std::int64_t grain, Body&& body) {
    const std::int64_t chunks = (n + grain - 1) / grain;
    parallel_for(chunks, [&](std::int64_t i) {
      const std::int64_t begin = i * grain;
      body(begin, begin + grain < n ? begin + grain : n);
    });
  }

 private:
  using Task = void (*)(void* context, std::int64_t chunk);
  void run(std::int64_t chunks, Task task, void* context);
  bool work_on_one_chunk();
  void worker_loop();
  static bool inside_a_chunk();

  // The job in hand. A thread may read these only between claiming a chunk and reporting it done: a job ends when all
  // its chunks are done, so it cannot change under a thread that holds one. A thread that comes late finds nothing to
  // claim and holds nobody up.
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::int64_t chunks_ = 0;
  std::exception_ptr error_;

  std::atomic<std::uint64_t> tickets_{0};  // number of the job, and how many of its chunks nobody has claimed
  std::atomic<std::int64_t> done_{0};      // chunks of the job that are finished
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards error_ and the sleeping of workers
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace ethreed
