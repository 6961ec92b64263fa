#pragma once
// A request on its way from a connection to a model, and its words and its answer on their way back.

#include "tools/ethreed/serve/reply_request.h"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <vector>

namespace ethreed {

/// What was answered: the record as `ethreed reply` writes it, and how many words the reply has.
struct ReplyAnswer {
  nlohmann::ordered_json record;
  std::size_t words = 0;
};

class ReplyJob {
 public:
  /// `bytes`: of the body that the request came in.
  ReplyJob(ReplyRequest request, std::size_t bytes) : request_(std::move(request)), bytes_(bytes) {}
  ReplyJob(const ReplyJob&) = delete;
  ReplyJob& operator=(const ReplyJob&) = delete;

  const ReplyRequest& request() const { return request_; }
  std::size_t bytes() const { return bytes_; }

  // The side of the model.
  /// Word number `place` of the reply, from 0. One that was told before is passed over.
  void tell(std::size_t place, nlohmann::ordered_json word);
  void finish(ReplyAnswer answer);
  void fail(std::exception_ptr error);
  /// Nobody waits for the answer.
  bool abandoned() const { return abandoned_; }

  // The side of the connection.
  /// Waits until words have come, the answer is there, or the time is up. Returns the words, which are then taken.
  std::vector<nlohmann::ordered_json> wait(std::chrono::milliseconds most);
  bool done() const;
  /// The answer, once, when done(). Throws what the model failed by.
  ReplyAnswer answer();
  void abandon() { abandoned_ = true; }

 private:
  const ReplyRequest request_;
  const std::size_t bytes_;
  std::atomic<bool> abandoned_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<nlohmann::ordered_json> words_;
  std::size_t told_ = 0;
  std::optional<ReplyAnswer> answer_;
  std::exception_ptr error_;
};

}  // namespace ethreed
