#include "core/thread_pool.h"

#include "core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ethreed {

namespace {

thread_local bool in_chunk = false;

// The low part of a ticket counts unclaimed chunks, the rest numbers the job.
constexpr std::uint64_t ticket_limit = std::uint64_t{1} << 24;

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
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::inside_a_chunk() { return in_chunk; }

bool ThreadPool::work_on_one_chunk() {
  std::uint64_t tickets = tickets_.load();
  do {
    if (tickets % ticket_limit == 0) return false;
  } while (!tickets_.compare_exchange_weak(tickets, tickets - 1));
  const std::int64_t chunk = chunks_ - static_cast<std::int64_t>(tickets % ticket_limit);
  in_chunk = true;
  try {
    task_(context_, chunk);
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
  in_chunk = false;
  done_.fetch_add(1);
  return true;
}

void ThreadPool::run(std::int64_t chunks, Task task, void* context) {
  ETHREED_CHECK(chunks < static_cast<std::int64_t>(ticket_limit), "ThreadPool: {} chunks, at most {} are supported",
                chunks, ticket_limit - 1);
  task_ = task;
  context_ = context;
  chunks_ = chunks;
  error_ = nullptr;
  done_.store(0);
  const std::uint64_t job = tickets_.load() / ticket_limit + 1;
  tickets_.store(job * ticket_limit + static_cast<std::uint64_t>(chunks));
  if (sleeping_.load() > 0) {
    // The lock waits for a worker that has found nothing to do and is about to sleep.
    { std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
  while (work_on_one_chunk()) {
  }
  for (int spin = 0; done_.load() != chunks; ++spin) {
    if (spin < spins)
      relax();
    else
      std::this_thread::yield();
  }
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::worker_loop() {
  const auto has_work = [this] { return tickets_.load() % ticket_limit != 0 || stop_.load(); };
  while (!stop_.load()) {
    if (work_on_one_chunk()) continue;
    for (int spin = 0; spin < spins && !has_work(); ++spin) relax();
    if (has_work()) continue;
    std::unique_lock lock(mutex_);
    sleeping_.fetch_add(1);
    wake_.wait(lock, has_work);
    sleeping_.fetch_sub(1);
  }
}

}  // namespace ethreed
