#include "core/thread_pool.h"

#include "core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ethreed {

namespace {

thread_local bool in_chunk = false;

// How long a thread spins for work before it sleeps or yields: a few tens of microseconds, the distance between two
// parallel regions of a training step.
constexpr int spins = 4000;

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  ETHREED_CHECK(threads >= 1 && threads <= 1024, "ThreadPool: got {} threads, wanted 1 to 1024", threads);
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { worker_loop(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_.store(true);
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::inside_a_chunk() { return in_chunk; }

void ThreadPool::work_on_chunks() {
  in_chunk = true;
  for (;;) {
    const std::int64_t i = next_chunk_.fetch_add(1);
    if (i >= chunks_) break;
    try {
      task_(context_, i);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  in_chunk = false;
}

void ThreadPool::run(std::int64_t chunks, Task task, void* context) {
  task_ = task;
  context_ = context;
  chunks_ = chunks;
  error_ = nullptr;
  next_chunk_.store(0);
  busy_workers_.store(static_cast<int>(workers_.size()));
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    generation_.fetch_add(1);
    wake = sleeping_ > 0;
  }
  if (wake) wake_.notify_all();
  work_on_chunks();
  for (int spin = 0; busy_workers_.load() != 0; ++spin) {
    if (spin < spins)
      relax();
    else
      std::this_thread::yield();
  }
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::worker_loop() {
  std::uint64_t seen = 0;
  for (;;) {
    for (int spin = 0; spin < spins && generation_.load() == seen; ++spin) relax();
    if (generation_.load() == seen) {
      std::unique_lock lock(mutex_);
      ++sleeping_;
      wake_.wait(lock, [&] { return generation_.load() != seen; });
      --sleeping_;
    }
    ++seen;
    if (stop_.load()) return;
    work_on_chunks();
    busy_workers_.fetch_sub(1);
  }
}

}  // namespace ethreed
