#include "model/ethreed/pointer_decoder.h"

#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/emotion_gate_function.h"
#include "model/blocks/layers.h"

namespace ethreed {

template <class T>
DecoderMemory<T> prepare_decoder(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, Variable<T> states,
                                 Variable<T> content, Variable<T> reply) {
  DecoderMemory<T> memory;
  memory.states = states;
  memory.keys = linear(tape, {states}, parameters.attention.weight, Variable<T>{});
  memory.initial = linear_layer(tape, parameters.content, {content}, Activation::tanh);
  memory.emotion = linear_layer(tape, parameters.emotion, {reply}, Activation::tanh);
  memory.emotion_keys = linear(tape, {memory.emotion}, parameters.emotion_gate.weight, Variable<T>{});
  return memory;
}

template <class T>
Variable<T> decoder_states(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, Packing packing,
                           std::initializer_list<Variable<T>> y, Variable<T> initial, Indices input_rows) {
  return gru_layer(tape, parameters.gru_d, packing, y, initial, nullptr, input_rows);  // (15)
}

template <class T>
DecoderOutput<T> decode(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, RowLayout rows,
                        const DecoderMemory<T>& memory, Variable<T> state, Variable<T> previous_state,
                        const T* coverage, const T* feature_mask) {
  // (16)–(19); the energy sees s_{i−1}
  const CoverageAttention<T> attention =
      coverage_attention(tape, rows, previous_state, memory.keys, memory.states, parameters.coverage,
                         parameters.attention.bias, coverage, parameters.unbounded_energies);
  const Variable<T> emotion = emotion_gate<T>(tape, rows.target_offsets, state, memory.emotion_keys, memory.emotion,
                                              parameters.emotion_gate.bias);  // (20)
  const Variable<T> features =
      masked(tape, linear_layer(tape, parameters.bottleneck, {state, attention.context, emotion}), feature_mask);
  return {.attention = attention.weights,
          .coverage_loss = attention.coverage_loss,
          .logits = linear_layer(tape, parameters.vocabulary, {features}),                             // (22)
          .gate_logit = linear_layer(tape, parameters.pointer, {attention.context, state, emotion})};  // (23)
}

#define ETHREED_INSTANTIATE(T)                                                                                         \
  template DecoderMemory<T> prepare_decoder(Tape<T>&, const DecoderParameters<Variable<T>>&, Variable<T>, Variable<T>, \
                                            Variable<T>);                                                              \
  template Variable<T> decoder_states(Tape<T>&, const DecoderParameters<Variable<T>>&, Packing,                        \
                                      std::initializer_list<Variable<T>>, Variable<T>, Indices);                       \
  template DecoderOutput<T> decode(Tape<T>&, const DecoderParameters<Variable<T>>&, RowLayout,                         \
                                   const DecoderMemory<T>&, Variable<T>, Variable<T>, const T*, const T*);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
