#pragma once
// Adam's update of a step in two parts: what the encoder reads at once, the rest beside the encoder of the next step.
// The update waits for memory and the encoder computes, so together they take less time than one after the other.

#include "core/context.h"
#include "kernels/adam/adam.h"
#include "model/ethreed/parameters.h"

#include <algorithm>

namespace ethreed {

/// Belongs to one run of steps of one model, on the CPU. The bits of every parameter are those of one adam_update().
/// Between start() and the end of the next beside() or finish() the parameters behind `at_once` must not be read, and
/// none of the blocks be moved.
template <class T> class DeferredUpdate {
 public:
  /// The first `at_once` elements of the block are updated by start().
  explicit DeferredUpdate(std::int64_t at_once) : at_once_(at_once) {}
  DeferredUpdate(const DeferredUpdate&) = delete;
  DeferredUpdate& operator=(const DeferredUpdate&) = delete;

  /// Updates the first part. The update before must be finished. The loss and the norm are read now, the blocks of
  /// parameters, gradients and moments until the end.
  void start(Context& context, const Adam<T>& update) {
    ETHREED_ASSERT(!waiting_);
    update_ = update;
    loss_ = update.loss != nullptr ? *update.loss : T{0};
    norm_ = update.gradient_norm != nullptr ? *update.gradient_norm : 0.0;
    if (update.loss != nullptr) update_.loss = &loss_;
    if (update.gradient_norm != nullptr) update_.gradient_norm = &norm_;
    adam_update(context, part(0, std::min(at_once_, update.count)));
    waiting_ = true;
  }

  /// Runs work() while other threads of the context do the second part; done when this returns, and also when work()
  /// throws.
  template <class Work> void beside(Context& context, Work&& work) {
    const std::int64_t rest = waiting_ ? std::max(std::int64_t{0}, update_.count - at_once_) : 0;
    waiting_ = false;
    Background update(context.pool, (rest + chunk - 1) / chunk, [this, &context](std::int64_t i) {
      const std::int64_t first = at_once_ + i * chunk;
      adam_update(context, part(first, std::min(chunk, update_.count - first)));
    });
    work();
    update.finish();
  }
  void finish(Context& context) {
    beside(context, [] {});
  }

 private:
  static constexpr std::int64_t chunk = 1 << 16;  // elements: some 40 µs

  Adam<T> part(std::int64_t first, std::int64_t count) const {
    Adam<T> part = update_;
    part.count = count;
    part.parameters += first;
    part.gradients += first;
    part.m += first;
    part.v += first;
    return part;
  }

  std::int64_t at_once_;
  Adam<T> update_{};
  T loss_{};
  double norm_ = 0;
  bool waiting_ = false;
};

}  // namespace ethreed
