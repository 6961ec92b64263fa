#pragma once
// A run that answers requests on a thread of its own, with a queue before it: several requests in one batch.

#include "core/context.h"
#include "model/interface/device_model.h"
#include "tools/ethreed/serve/batch_answerer.h"
#include "tools/ethreed/serve/reply_job.h"
#include "tools/ethreed/session.h"

#include <nlohmann/json_fwd.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace ethreed {

/// What may wait, and what is answered together. A batch costs about as much memory as the largest request alone: its
/// bodies are together no larger than one body may be, and its hypotheses no more than one request may have, or one
/// each.
struct QueueLimits {
  std::size_t waiting = 32;      ///< requests
  std::size_t batch = 16;        ///< requests of a batch
  std::size_t bytes = 64 << 10;  ///< of the bodies of a batch of several
  int hypotheses = 32;           ///< of a batch of several
};

class ServedModel {
 public:
  /// Throws Error as load_run and open_runtime do, and if the model writes no replies. `name` is what requests call it.
  ServedModel(std::string name, const RunArguments& arguments, const QueueLimits& limits);
  /// Waits for the batch at work; requests that wait fail.
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
  bool submit(const std::shared_ptr<ReplyJob>& job);
  /// Nobody waits for its answer: takes it out of the queue, or out of the batch before its next word.
  void withdraw(const std::shared_ptr<ReplyJob>& job);
  std::size_t waiting() const;
  const BatchAnswerer& answerer() const { return answerer_; }

 private:
  void work();
  BatchAnswerer::Jobs next_batch();

  const std::string name_, folder_, checkpoint_;
  const QueueLimits limits_;
  const LoadedRun run_;
  const std::unique_ptr<Runtime> runtime_;
  Context context_;
  DeviceModel<float> device_;
  BatchAnswerer answerer_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<ReplyJob>> jobs_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace ethreed
