#pragma once
// A forward and a backward pass of an encoder over some texts, for tests.

#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "core/context.h"
#include "kernels/device/open_device.h"
#include "model/encoders/encoder_file.h"
#include "model/encoders/encoder_forward.h"
#include "model/encoders/packed_weights.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace ethreed {

using TokenRows = std::vector<std::vector<std::int32_t>>;

template <class T> class EncoderBench {
 public:
  explicit EncoderBench(PretrainedEncoder<T> encoder, Device device = Device::cpu, int threads = 1)
      : runtime_(threads), layout(std::move(encoder.layout)), batch(layout.config) {
    if (device != Device::cpu) runtime_.use(open_device(device, runtime_.pool()));
    MemorySource& memory = device == Device::cpu ? host_memory() : runtime_.device()->managed();
    values = encoder.values.clone(memory);
    gradients = Tensor<T>({layout.block.size()}, memory);
  }

  void set(const TokenRows& rows, const TokenRows& types = {}) {
    batch.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) batch.add(rows[i], types.empty() ? Indices{} : Indices(types[i]));
  }

  /// Hidden state `layer`, [tokens, d].
  std::vector<T> state(int layer) {
    return pass(
        [&](Tape<T>& tape, const auto& handles) { return encoder_state(tape, layout.config, handles, batch, layer); });
  }
  std::vector<T> pooled() {
    return pass([&](Tape<T>& tape, const auto& handles) {
      return encoder_pooled(tape, handles, batch,
                            encoder_state(tape, layout.config, handles, batch, layout.config.layers));
    });
  }
  std::vector<T> logits() {
    return pass([&](Tape<T>& tape, const auto& handles) {
      return encoder_logits(tape, layout.config, handles, batch,
                            encoder_state(tape, layout.config, handles, batch, layout.config.layers));
    });
  }

  void set_precision(GemmPrecision precision) { runtime_.set_gemm_precision(precision); }
  /// From now on products read packed weights, in place of `values`. In float.
  void pack() {
    Context context = runtime_.context();
    packed_.emplace(context, layout, values.data());
  }

  /// The mean cross-entropy, with its gradients if asked.
  T loss(const std::vector<std::int32_t>& labels, bool backward, const EncoderDropout& dropout = {}) {
    Context context = begin();
    Tape<T> tape(context, backward);
    const auto handles = bound(tape, gradients.data());
    const Variable<T> last = encoder_state(tape, layout.config, handles, batch, layout.config.layers, dropout);
    const Variable<T> errors = softmax_cross_entropy(
        tape, encoder_logits(tape, layout.config, handles, batch, last, dropout), Indices(labels));
    const LossSum<T> sum = loss_sum<T>(tape, {{.x = errors, .scale = 1.0 / batch.texts()}});
    if (backward) tape.backward(sum.total);
    return kept(context, sum.total)[0];
  }

  /// Of the tensor that the file calls so, without the prefix.
  const EncoderTensor& tensor(const std::string& name) const {
    return *std::find_if(layout.tensors.begin(), layout.tensors.end(),
                         [&](const EncoderTensor& t) { return t.name == name; });
  }
  double gradient_norm(const std::string& name) const {
    const EncoderTensor& t = tensor(name);
    double squares = 0;
    for (std::int64_t i = 0; i < t.shape.count(); ++i)
      squares += static_cast<double>(gradients[t.offset + i]) * static_cast<double>(gradients[t.offset + i]);
    return std::sqrt(squares);
  }

 private:
  Runtime runtime_;  // before the tensors, whose memory it owns
  std::optional<PackedWeights> packed_;

  Context begin() {
    Context context = runtime_.context();
    context.begin_step();
    context.stage(batch.arrays());
    return context;
  }
  std::vector<T> kept(Context& context, Variable<T> x) {
    const T* host = context.to_host(x.data(), x.value().count());
    if (!context.on_host()) runtime_.device()->synchronize();
    return {host, host + x.value().count()};
  }
  template <class Pass> std::vector<T> pass(Pass run) {
    Context context = begin();
    Tape<T> tape(context, false);
    return kept(context, run(tape, bound(tape, nullptr)));
  }
  EncoderHandles<Variable<T>> bound(Tape<T>& tape, T* to) {
    const EncoderHandles<Variable<T>> handles = bind_encoder(tape, layout, values.data(), to);
    if constexpr (std::is_same_v<T, float>)
      if (packed_) packed_->attach(tape.context(), handles);
    return handles;
  }

 public:
  EncoderLayout layout;
  EncoderBatch batch;
  Tensor<T> values, gradients;
};

}  // namespace ethreed
