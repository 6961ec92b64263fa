#pragma once
// The weights of an encoder in the order in which the CPU's matrix products read them: packed once, not for every
// batch.

#include "core/context.h"
#include "model/encoders/encoder_parameters.h"

#include <vector>

namespace ethreed {

/// Packed in place: the block that the weights are in has them in this order alone, from then on.
class PackedWeights {
 public:
  /// Packs what the layers have in `values`, a block of the layout on the CPU, apart from biases and norms, for
  /// products of the context's precision; on its pool. A weight whose size is no multiple of a packed line stays as it
  /// is. The block must outlive this.
  PackedWeights(Context& context, const EncoderLayout& layout, float* values);

  GemmPrecision precision() const { return precision_; }
  /// Products by these handles, over the same block, read the packed weights: the same bits. Nothing may be recorded.
  /// Throws Error if the context has another precision than the weights were packed for.
  void attach(const Context& context, const EncoderHandles<Variable<float>>& handles) const;

 private:
  GemmPrecision precision_;
  std::vector<PackedMatrix<float>> weights_;  ///< of every layer its four; without data: not packed
};

}  // namespace ethreed
