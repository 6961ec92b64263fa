#include "tools/ethreed/serve/connection_threads.h"

#include "core/indices.h"

#include <csignal>
#include <system_error>
#include <utility>

namespace ethreed {

namespace {

thread_local bool refusing = false;

}  // namespace

bool ConnectionThreads::too_many() { return refusing; }

void ConnectionThreads::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    bool taken = idle_ > count_of(waiting_);
    if (!taken && count_of(threads_) < most_) {
      try {
        threads_.emplace_back([this] { serve(); });
        taken = true;
      } catch (const std::system_error&) {  // the machine has no more threads
      }
    }
    if (taken) {
      waiting_.push_back(std::move(work));
      changed_.notify_one();
      return;
    }
  }
  refusing = true;
  work();
  refusing = false;
}

void ConnectionThreads::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return !waiting_.empty() || ended_; });
    --idle_;
    if (waiting_.empty()) return;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

void ConnectionThreads::finish() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace ethreed
