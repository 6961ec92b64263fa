#pragma once
// Answers requests of different people in one batch: each with its own history and options, and with the bits that it
// has alone (on the CPU).

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/evaluation/reply_batch.h"
#include "tools/ethreed/answerer.h"
#include "tools/ethreed/reply_record.h"
#include "tools/ethreed/serve/reply_job.h"
#include "tools/ethreed/session.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ethreed {

class BatchAnswerer {
 public:
  using Jobs = std::vector<std::shared_ptr<ReplyJob>>;

  /// `state` is on the device of the context; all must outlive this object.
  BatchAnswerer(const Context& context, const LoadedRun& run, ModelState<float>& state);

  /// Can two requests be answered in one batch? See in_one_batch() of two modes.
  static bool together(const ReplyRequest& a, const ReplyRequest& b);
  /// Answers all, each as soon as its reply has its last word, and tells the words of those that want them as they
  /// come. A request that is abandoned costs nothing more. One that fails does so alone: the others are answered.
  void answer(const Jobs& jobs);

  const ReplyRecords& records() const { return records_; }
  /// Batches so far, and steps of the decoder in them.
  std::int64_t batches() const { return batches_; }
  std::int64_t steps() const { return steps_; }

 private:
  struct Work;
  void answer_together(std::span<const std::shared_ptr<ReplyJob>> jobs);
  AskedDialogue asked(const Work& work) const;
  void tell_newest(int k, Work& work);
  void tell(const Work& work, std::span<const std::int32_t> said, const WordOrigin* origin);
  void finish(Work& work, std::optional<GeneratedTurn> turn);

  const LoadedRun& run_;
  Evaluator<float> evaluator_;
  ReplyBatch<float> batch_;
  const WordTable vocabulary_;
  WordTable words_;  // the vocabulary, and the other words of the requests at work
  const ReplyRecords records_;
  std::atomic<std::int64_t> batches_{0}, steps_{0};
};

}  // namespace ethreed
