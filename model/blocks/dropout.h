#pragma once
// The dropout masks of one training step, drawn together.

#include "core/context.h"
#include "kernels/dropout_mask/dropout_mask.h"
#include "model/blocks/random_streams.h"

namespace ethreed {

/// Multipliers are functions of (seed, mask number, step), so that nothing has to be saved. Ask for every mask first,
/// then draw() once; more masks than one launch takes are drawn by several.
template <class T> class StepDropout {
 public:
  StepDropout(Context& context, double probability, std::uint64_t seed, std::int64_t step)
      : context_(context), seed_(seed), step_(static_cast<std::uint64_t>(step)) {
    masks_.probability = probability;
  }

  /// Memory for mask `number` [rows, width] in the arena of the step; null without dropout.
  const T* mask(int number, std::int64_t rows, int width) {
    if (masks_.probability == 0.0) return nullptr;
    const std::int64_t count = rows * width;
    T* values = context_.values.template allocate<T>(count);
    if (masks_.masks == dropout_max_masks) draw();
    masks_.mask[masks_.masks++] = {
        .count = count, .random = random_stream(seed_, dropout_draw(number), step_), .mask = values};
    return values;
  }
  void draw() {
    if (masks_.masks > 0) dropout_masks(context_, masks_);
    masks_.masks = 0;
  }

 private:
  Context& context_;
  std::uint64_t seed_, step_;
  DropoutMasks<T> masks_;
};

}  // namespace ethreed
