#include "model/encoders/encoder_forward.h"

#include "autograd/functions/attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/layer_norm_function.h"
#include "core/error.h"
#include "kernels/dropout_mask/dropout_mask.h"
#include "model/blocks/layers.h"
#include "model/blocks/random_streams.h"

#include <cmath>
#include <optional>

namespace ethreed {

namespace {

// Which stream a mask is of. A layer has three: of the attention's weights, and after both of its parts.
constexpr int embedding_mask = 0;
constexpr int mask_of(int layer, int which) { return 1 + 3 * layer + which; }

PhiloxStream stream_of(const EncoderDropout& dropout, int mask) {
  return random_stream(dropout.seed, dropout_draw(mask), static_cast<std::uint64_t>(dropout.step));
}

template <class T>
Variable<T> dropped(Tape<T>& tape, Variable<T> x, double rate, const EncoderDropout& dropout, int number) {
  if (!dropout.on || rate == 0) return x;
  const std::int64_t count = x.value().count();
  T* mask = tape.context().values.template allocate<T>(count);
  dropout_mask<T>(tape.context(),
                  {.count = count, .probability = rate, .random = stream_of(dropout, number), .mask = mask});
  return masked(tape, x, mask);
}

// Where nothing is recorded the result takes the place of `into`.
template <class T>
Variable<T> normed(Tape<T>& tape, const EncoderConfig& config, const NormHandles<Variable<T>>& h, Variable<T> x,
                   Variable<T> into) {
  return layer_norm(tape, x, h.gamma, h.beta, LayerNormForm::usual, config.epsilon,
                    tape.recording() ? Variable<T>{} : into);
}

// One layer over all rows. Where nothing is recorded its states take the place of x.
template <class T>
Variable<T> layer_state(Tape<T>& tape, const EncoderConfig& config, const EncoderLayerHandles<Variable<T>>& h,
                        const EncoderBatch& batch, const EncoderDropout& dropout, int layer, Variable<T> x,
                        Variable<T> bias) {
  const int d = config.width, width = d / config.heads;
  const Variable<T> product = linear_layer(tape, h.query_key_value, {x});
  const Variable<T> attended = attention<T>(tape,
                                            {.query_offsets = batch.offsets,
                                             .key_offsets = batch.offsets,
                                             .heads = config.heads,
                                             .key_width = width,
                                             .value_width = width,
                                             .scale = 1 / std::sqrt(static_cast<double>(width)),
                                             .dropout = dropout.on ? config.attention_dropout : 0,
                                             .random = stream_of(dropout, mask_of(layer, 0))},
                                            {product, 0}, {product, d}, {product, 2 * d}, bias)
                                   .output;
  // x + W·(…) + b, with dropout before the sum. Where nothing is recorded the sum takes the place of x.
  const auto added_to = [&](Variable<T> sum, const LinearHandles<Variable<T>>& weights, Variable<T> in, int which) {
    if (!tape.recording() && !dropout.on)
      return linear(tape, {in}, weights.weight, weights.bias, Activation::none, sum);
    return add(tape, sum,
               dropped(tape, linear_layer(tape, weights, {in}), config.dropout, dropout, mask_of(layer, which)));
  };
  const Variable<T> sum = added_to(x, h.output, attended, 1), y = normed(tape, config, h.attention_norm, sum, sum);
  const Variable<T> inner = linear_layer(tape, h.inner, {y}, Activation::gelu);
  return normed(tape, config, h.output_norm, added_to(y, h.outer, inner, 2), x);
}

template <class T>
Variable<T> embedded(Tape<T>& tape, const EncoderConfig& config, const EncoderHandles<Variable<T>>& handles,
                     const EncoderBatch& batch, const EncoderDropout& dropout) {
  Variable<T> sum =
      add(tape, embedding(tape, handles.words, batch.ids), embedding(tape, handles.positions, batch.positions));
  if (handles.types) sum = add(tape, sum, embedding(tape, handles.types, batch.types));
  return dropped(tape, normed(tape, config, handles.norm, sum, sum), config.dropout, dropout, embedding_mask);
}

template <class T> Variable<T> first_tokens(Tape<T>& tape, const EncoderBatch& batch, Variable<T> state) {
  return gather_rows<T>(tape, {{state, batch.first}});
}

}  // namespace

template <class T>
Variable<T> encoder_state(Tape<T>& tape, const EncoderConfig& config, const EncoderHandles<Variable<T>>& handles,
                          const EncoderBatch& batch, int layer, const EncoderDropout& dropout) {
  ETHREED_CHECK(layer >= 0 && layer <= config.layers, "encoder_state: layer {} is wanted of a model with {}", layer,
                config.layers);
  ETHREED_CHECK(batch.texts() > 0, "encoder_state: a batch without texts");
  const Range range(tape, "encoder");
  Variable<T> x = embedded(tape, config, handles, batch, dropout);
  // [pairs, heads], the same for all layers
  const Variable<T> bias = handles.distances ? embedding(tape, handles.distances, batch.distances) : Variable<T>{};
  for (int l = 0; l < layer; ++l) {
    const auto& h = handles.layers[static_cast<std::size_t>(l)];
    std::optional<ArenaScope> memory_of_layer;
    if (!tape.recording()) memory_of_layer.emplace(tape.context().values);
    x = layer_state(tape, config, h, batch, dropout, l, x, bias);
  }
  return x;
}

template <class T>
Variable<T> encoder_pooled(Tape<T>& tape, const EncoderHandles<Variable<T>>& handles, const EncoderBatch& batch,
                           Variable<T> last) {
  ETHREED_CHECK(handles.pooler.weight, "encoder_pooled: the encoder was read without its pooler");
  return linear_layer(tape, handles.pooler, {first_tokens(tape, batch, last)}, Activation::tanh);
}

template <class T>
Variable<T> encoder_logits(Tape<T>& tape, const EncoderConfig& config, const EncoderHandles<Variable<T>>& handles,
                           const EncoderBatch& batch, Variable<T> last, const EncoderDropout& dropout) {
  ETHREED_CHECK(handles.classifier.weight, "encoder_logits: the encoder was read without its head for classification");
  const auto drop = [&](Variable<T> x, int which) {
    return dropped(tape, x, config.head_dropout, dropout, mask_of(config.layers, which));
  };
  Variable<T> features;
  switch (config.family) {
    case EncoderFamily::bert: features = encoder_pooled(tape, handles, batch, last); break;
    case EncoderFamily::roberta:
    case EncoderFamily::mpnet:
      features = linear_layer(tape, handles.dense, {drop(first_tokens(tape, batch, last), 0)}, Activation::tanh);
      break;
    case EncoderFamily::distilbert:
      features = relu(tape, linear_layer(tape, handles.dense, {first_tokens(tape, batch, last)}));
      break;
  }
  return linear_layer(tape, handles.classifier, {drop(features, 1)});
}

template Variable<float> encoder_state(Tape<float>&, const EncoderConfig&, const EncoderHandles<Variable<float>>&,
                                       const EncoderBatch&, int, const EncoderDropout&);
template Variable<double> encoder_state(Tape<double>&, const EncoderConfig&, const EncoderHandles<Variable<double>>&,
                                        const EncoderBatch&, int, const EncoderDropout&);
template Variable<float> encoder_pooled(Tape<float>&, const EncoderHandles<Variable<float>>&, const EncoderBatch&,
                                        Variable<float>);
template Variable<double> encoder_pooled(Tape<double>&, const EncoderHandles<Variable<double>>&, const EncoderBatch&,
                                         Variable<double>);
template Variable<float> encoder_logits(Tape<float>&, const EncoderConfig&, const EncoderHandles<Variable<float>>&,
                                        const EncoderBatch&, Variable<float>, const EncoderDropout&);
template Variable<double> encoder_logits(Tape<double>&, const EncoderConfig&, const EncoderHandles<Variable<double>>&,
                                         const EncoderBatch&, Variable<double>, const EncoderDropout&);

}  // namespace ethreed
