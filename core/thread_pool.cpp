#include "core/thread_pool.h"

#include "core/error.h"

#include <algorithm>
#include <csignal>

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

void ThreadPool::Job::start(std::int64_t chunks, Task task, void* context) {
  ETHREED_CHECK(chunks < static_cast<std::int64_t>(ticket_limit), "ThreadPool: {} chunks, at most {} are supported",
                chunks, ticket_limit - 1);
  task_ = task;
  context_ = context;
  chunks_ = chunks;
  error_ = nullptr;
  done_.store(0);
  // The caller's share comes last: another thread should find its own when it finds any.
  for (std::size_t share = shares_.size(); share-- > 0;) {
    const std::int64_t own = share_end(share) - (share > 0 ? share_end(share - 1) : 0);
    std::atomic<std::uint64_t>& tickets = shares_[share].tickets;
    tickets.store((tickets.load() / ticket_limit + 1) * ticket_limit + static_cast<std::uint64_t>(own));
  }
}

std::int64_t ThreadPool::Job::share_end(std::size_t share) const {
  return chunks_ * static_cast<std::int64_t>(share + 1) / static_cast<std::int64_t>(shares_.size());
}

bool ThreadPool::Job::has_work() const {
  return std::any_of(shares_.begin(), shares_.end(),
                     [](const Share& share) { return share.tickets.load() % ticket_limit != 0; });
}

bool ThreadPool::Job::claim(std::size_t share, std::int64_t& chunk) {
  std::uint64_t tickets = shares_[share].tickets.load();
  do {
    if (tickets % ticket_limit == 0) return false;
  } while (!shares_[share].tickets.compare_exchange_weak(tickets, tickets - 1));
  chunk = share_end(share) - static_cast<std::int64_t>(tickets % ticket_limit);
  return true;
}

bool ThreadPool::Job::work_on_one_chunk(std::size_t thread) {
  std::int64_t chunk = 0;
  std::size_t tried = 0;
  while (!claim((thread + tried) % shares_.size(), chunk))
    if (++tried == shares_.size()) return false;
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

void ThreadPool::Job::finish() {
  while (work_on_one_chunk(0)) {
  }
  for (int spin = 0; done_.load() != chunks_; ++spin) {
    if (spin < spins)
      relax();
    else
      std::this_thread::yield();
  }
  if (error_) std::rethrow_exception(error_);
}

namespace {

// While it lives, threads that are started take no signals but those of their own faults: Ctrl-C is for the thread that
// waits for it. A program that blocks it up to the moment of waiting would miss it, were it handled here meanwhile.
class SignalsForOthers {
 public:
  SignalsForOthers() {
    sigset_t all{};
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) sigdelset(&all, fault);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsForOthers() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsForOthers(const SignalsForOthers&) = delete;
  SignalsForOthers& operator=(const SignalsForOthers&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

ThreadPool::ThreadPool(int threads) : job_(std::max(1, threads)), background_(std::max(1, threads)) {
  ETHREED_CHECK(threads >= 1 && threads <= 1024, "ThreadPool: got {} threads, wanted 1 to 1024", threads);
  workers_.reserve(threads - 1);
  const SignalsForOthers signals;
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i, threads] { worker_loop(i, i <= threads / 2); });
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

void ThreadPool::run(std::int64_t chunks, Task task, void* context) {
  job_.start(chunks, task, context);
  wake_workers();
  job_.finish();
}

void ThreadPool::wake_workers() {
  if (sleeping_.load() == 0) return;
  // The lock waits for a worker that has found nothing to do and is about to sleep.
  { std::lock_guard lock(mutex_); }
  wake_.notify_all();
}

void ThreadPool::worker_loop(std::size_t thread, bool background_first) {
  Job& first = background_first ? background_ : job_;
  Job& second = background_first ? job_ : background_;
  const auto has_work = [&] { return first.has_work() || second.has_work() || stop_.load(); };
  while (!stop_.load()) {
    if (first.work_on_one_chunk(thread) || second.work_on_one_chunk(thread)) continue;
    for (int spin = 0; spin < spins && !has_work(); ++spin) relax();
    if (has_work()) continue;
    std::unique_lock lock(mutex_);
    sleeping_.fetch_add(1);
    wake_.wait(lock, has_work);
    sleeping_.fetch_sub(1);
  }
}

Background::Background(ThreadPool& pool, std::int64_t chunks, std::function<void(std::int64_t)> body)
    : pool_(pool), body_(std::move(body)) {
  ETHREED_CHECK(!pool.has_background_, "Background: the pool has work in the background already");
  pool.background_.start(
      chunks, [](void* context, std::int64_t chunk) { static_cast<Background*>(context)->body_(chunk); }, this);
  pool.has_background_ = true;
  pool.wake_workers();
}

Background::~Background() {
  try {
    finish();
  } catch (...) {  // whoever wants to know calls finish()
  }
}

void Background::finish() {
  if (finished_) return;
  finished_ = true;
  pool_.has_background_ = false;
  pool_.background_.finish();
}

}  // namespace ethreed
