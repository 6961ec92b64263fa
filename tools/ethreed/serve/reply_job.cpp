#include "tools/ethreed/serve/reply_job.h"

#include <utility>

namespace ethreed {

void ReplyJob::tell(std::size_t place, nlohmann::ordered_json word) {
  {
    const std::lock_guard lock(mutex_);
    if (place < told_) return;
    told_ = place + 1;
    words_.push_back(std::move(word));
  }
  changed_.notify_all();
}

void ReplyJob::finish(ReplyAnswer answer) {
  {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  changed_.notify_all();
}

void ReplyJob::fail(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  changed_.notify_all();
}

std::vector<nlohmann::ordered_json> ReplyJob::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return !words_.empty() || answer_ || error_; });
  return std::exchange(words_, {});
}

bool ReplyJob::done() const {
  const std::lock_guard lock(mutex_);
  return answer_ || error_;
}

ReplyAnswer ReplyJob::answer() {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  return std::move(answer_.value());
}

}  // namespace ethreed
