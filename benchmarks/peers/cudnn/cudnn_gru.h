#pragma once
// cuDNN's GRU behind the contract of gru_sequence, for comparison: the same arguments, the same memory, the same
// meaning. Part of this benchmark alone; the library knows nothing of cuDNN.

#include "core/context.h"
#include "kernels/common/gradient.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <array>
#include <memory>

namespace ethreed::peer {

/// What stands before gru_sequence in the encoder and inside cuDNN: input_gates = x·W_ihᵀ + b_ih, a lane each.
/// D = width, H = hidden; gates in the order r, z, n, as in gru_sequence.
template <class T> struct GruInput {
  int width = 0;
  const T* x = nullptr;                             ///< [rows, D] packed
  std::array<const T*, gru_max_lanes> weight_ih{};  ///< [3H, D]
  std::array<const T*, gru_max_lanes> bias_ih{};    ///< [3H]
};
template <class T> struct GruInputGradients {
  GradientSink<T> dx;
  std::array<GradientSink<T>, gru_max_lanes> dweight_ih{};
  std::array<GradientSink<T>, gru_max_lanes> dbias_ih{};
};

struct CudnnOptions {
  bool unpacked = false;    ///< hand sequences over with pads (cuDNN's layout SEQ_MAJOR_UNPACKED), not packed as ours
  bool tf32 = false;        ///< allow tensor cores, which round the inputs of matrix products in float
  bool persistent = false;  ///< CUDNN_RNN_ALGO_PERSIST_STATIC; cuDNN refuses it for some shapes and GPUs
};

/// Descriptors and device memory for one packing. cuDNN wants its weights in one opaque block and both directions of a
/// state next to each other; the copies between that and our arrays are made here and can be left out of a timing.
template <class T> class CudnnGru {
 public:
  /// Throws Error with cuDNN's message if it refuses the shape, and if lane 1 does not run in reverse or lane 0 does.
  CudnnGru(Context& context, const GruInput<T>& input, const GruSequenceForward<T>& shape, CudnnOptions options = {});
  ~CudnnGru();
  CudnnGru(const CudnnGru&) = delete;
  CudnnGru& operator=(const CudnnGru&) = delete;

  /// Weights and inputs into cuDNN's memory; states out of it.
  void load(Context& context, const GruInput<T>& input, const GruSequenceForward<T>& forward);
  void store_states(Context& context, const GruSequenceForward<T>& forward);
  /// Cotangents into it; gradients out of it.
  void load_cotangents(Context& context, const GruSequenceBackward<T>& backward);
  void store_gradients(Context& context, const GruSequenceBackward<T>& backward, const GruInputGradients<T>& gradients);

  /// cuDNN alone, on what was loaded: cudnnRNNForward; cudnnRNNBackwardData_v8 and cudnnRNNBackwardWeights_v8.
  void run_forward(Context& context);
  void run_backward(Context& context);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// gru_sequence by cuDNN, input projections included: fills lane.h of every lane. `saved` and input_gates are not used.
/// Throws Error for a state_mask: cuDNN has none.
template <class T>
void cudnn_gru_sequence(CudnnGru<T>& gru, Context& context, const GruInput<T>& input,
                        const GruSequenceForward<T>& args);

/// Its backward, after the forward of the same arguments. d_input_gates must be absent (cuDNN keeps it to itself); what
/// comes of it goes to `gradients`.
template <class T>
void cudnn_gru_sequence(CudnnGru<T>& gru, Context& context, const GruSequenceBackward<T>& args,
                        const GruInputGradients<T>& gradients);

}  // namespace ethreed::peer
