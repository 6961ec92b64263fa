#pragma once
// The one thread pool of a program. Work is cut into chunks by the shape of the work alone, never by the number of
// threads, so that results do not depend on it. Only where no sum crosses a chunk, and so no cut changes a bit, may the
// cut look at threads_here(): matrix products do.

#include "core/indices.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
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

  int threads() const { return count_of(workers_) + 1; }
  /// So many work on what the caller runs in parallel: 1 inside a chunk.
  int threads_here() const { return inside_a_chunk() ? 1 : threads(); }

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
  friend class Background;
  using Task = void (*)(void* context, std::int64_t chunk);

  // Chunks of one call, claimed by any thread. A thread may read task, context and chunks only between claiming a chunk
  // and reporting it done: a job ends when all its chunks are done, so it cannot change under a thread that holds one.
  // A thread that comes late finds nothing to claim and delays nobody.
  //
  // Every thread has a share of the chunks, always the same for the same number of them, which it takes first: what it
  // wrote in one job it is likely to read in the next, from its own cache. Then it takes unclaimed chunks of the
  // others' shares.
  class Job {
   public:
    explicit Job(int threads) : shares_(threads) {}
    void start(std::int64_t chunks, Task task, void* context);
    bool has_work() const;
    /// False if there was none to claim.
    bool work_on_one_chunk(std::size_t thread);
    /// Works on the unclaimed chunks as thread 0, waits for the others and rethrows the first exception.
    void finish();

   private:
    struct alignas(64) Share {
      std::atomic<std::uint64_t> tickets{
          0};  // number of the job, and how many of the share's chunks nobody has claimed
    };
    std::int64_t share_end(std::size_t share) const;
    bool claim(std::size_t share, std::int64_t& chunk);

    Task task_ = nullptr;
    void* context_ = nullptr;
    std::int64_t chunks_ = 0;
    std::exception_ptr error_;
    std::mutex mutex_;  // guards error_
    std::vector<Share> shares_;
    std::atomic<std::int64_t> done_{0};  // chunks of the job that are finished
  };

  void run(std::int64_t chunks, Task task, void* context);
  void wake_workers();
  void worker_loop(std::size_t thread, bool background_first);
  static bool inside_a_chunk();

  Job job_, background_;
  bool has_background_ = false;  // the caller's
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards the sleeping of workers
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

/// Work concurrent with what the caller does next, for work that waits for memory while the other computes: half of the
/// pool's threads (one of two) take its chunks before those of parallel regions, the others when they are idle.
/// A pool has at most one at a time. Not from inside a chunk.
class Background {
 public:
  /// Starts body(chunk) for every chunk in [0, chunks). Chunks must be independent of each other and of everything the
  /// caller does before finish(). Throws Error if the pool has one already.
  Background(ThreadPool& pool, std::int64_t chunks, std::function<void(std::int64_t)> body);
  /// Finishes; an exception of a chunk is lost.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Works on the unclaimed chunks, and returns when all are done. The first exception is rethrown.
  void finish();

 private:
  ThreadPool& pool_;
  std::function<void(std::int64_t)> body_;
  bool finished_ = false;
};

}  // namespace ethreed
