#pragma once
// A run that answers requests: one after the other, on a thread of its own, with a queue before it.

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/interface/device_model.h"
#include "tools/ethreed/reply_record.h"
#include "tools/ethreed/serve/reply_request.h"
#include "tools/ethreed/session.h"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace ethreed {

class ServedModel {
 public:
  /// What was answered: the record as `ethreed reply` writes it, and how many words the reply has.
  struct Answer {
    nlohmann::ordered_json record;
    std::size_t words = 0;
  };
  /// One request on its way.
  struct Job {
    ReplyRequest request;
    std::promise<Answer> answer{};
  };

  /// Throws Error as load_run and open_runtime do, and if the model writes no replies. `name` is what requests call it;
  /// `queue` requests may wait.
  ServedModel(std::string name, const RunArguments& arguments, std::size_t queue);
  /// Waits for the request at work; those that wait get a broken promise.
  ~ServedModel();
  ServedModel(const ServedModel&) = delete;
  ServedModel& operator=(const ServedModel&) = delete;

  const std::string& name() const { return name_; }
  const LoadedRun& run() const { return run_; }
  /// How it describes itself to clients (GET /v1/models).
  nlohmann::ordered_json description() const;

  /// Throws Error if the model cannot do what the request asks (an emotion that it does not know, say).
  void check(const ReplyRequest& request) const;
  /// Puts a request into the queue; false where it is full.
  bool submit(const std::shared_ptr<Job>& job);
  /// Takes a request out of the queue, unless it is at work already.
  void withdraw(const std::shared_ptr<Job>& job);
  std::size_t waiting() const;

 private:
  void work();
  Answer answer(const ReplyRequest& request);

  const std::string name_, folder_, checkpoint_;
  const std::size_t queue_;
  const LoadedRun run_;
  const std::unique_ptr<Runtime> runtime_;
  Context context_;
  DeviceModel<float> device_;
  Evaluator<float> evaluator_;
  const WordTable vocabulary_;
  WordTable words_;  // the vocabulary, and the other words of the request at work
  const ReplyRecords records_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> jobs_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace ethreed
