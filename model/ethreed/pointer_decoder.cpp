#include "model/ethreed/pointer_decoder.h"

#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/emotion_gate_function.h"
#include "autograd/functions/gather_rows_function.h"
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
                           Variable<T> y, const DecoderMemory<T>& memory, Indices memory_rows, Variable<T> initial,
                           Indices input_rows) {
  const GruHandles<Variable<T>>& cell = parameters.gru_d;
  if (!parameters.emotion_input && !parameters.content_input)
    return gru_layer<T>(tape, cell, packing, {y}, initial, nullptr, input_rows);
  // Where a step reads more than a word, its input is that of no other.
  const auto of_rows = [&](Variable<T> x) { return gather_rows<T>(tape, {{x, memory_rows}}); };
  if (!input_rows.empty()) y = gather_rows<T>(tape, {{y, input_rows}});
  if (!parameters.content_input) return gru_layer<T>(tape, cell, packing, {y, of_rows(memory.emotion)}, initial);
  if (!parameters.emotion_input) return gru_layer<T>(tape, cell, packing, {y, of_rows(memory.initial)}, initial);
  const Variable<T> emotion = of_rows(memory.emotion);
  return gru_layer<T>(tape, cell, packing, {y, emotion, of_rows(memory.initial)}, initial);
}

template <class T>
DecoderOutput<T> decode(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, RowLayout rows,
                        const DecoderMemory<T>& memory, Variable<T> state, Variable<T> previous_state,
                        const DeepOutputInputs<T>& deep, const T* coverage, const T* feature_mask) {
  // (16)–(19); the energy sees s_{i−1}
  const CoverageAttention<T> attention =
      coverage_attention(tape, rows, previous_state, memory.keys, memory.states, parameters.coverage,
                         parameters.attention.bias, coverage, parameters.unbounded_energies);
  const Variable<T> emotion = emotion_gate<T>(tape, rows.target_offsets, state, memory.emotion_keys, memory.emotion,
                                              parameters.emotion_gate.bias);  // (20)
  Variable<T> features = linear_layer(tape, parameters.bottleneck, {state, attention.context, emotion});
  if (parameters.deep_output)
    features = add(tape, features, linear(tape, {deep.word, deep.content}, parameters.deep_output, Variable<T>{}));
  features = masked(tape, features, feature_mask);
  return {.attention = attention.weights,
          .coverage_loss = attention.coverage_loss,
          .logits = linear_layer(tape, parameters.vocabulary, {features}),                             // (22)
          .gate_logit = linear_layer(tape, parameters.pointer, {attention.context, state, emotion})};  // (23)
}

#define ETHREED_INSTANTIATE(T)                                                                                         \
  template DecoderMemory<T> prepare_decoder(Tape<T>&, const DecoderParameters<Variable<T>>&, Variable<T>, Variable<T>, \
                                            Variable<T>);                                                              \
  template Variable<T> decoder_states(Tape<T>&, const DecoderParameters<Variable<T>>&, Packing, Variable<T>,           \
                                      const DecoderMemory<T>&, Indices, Variable<T>, Indices);                         \
  template DecoderOutput<T> decode(Tape<T>&, const DecoderParameters<Variable<T>>&, RowLayout,                         \
                                   const DecoderMemory<T>&, Variable<T>, Variable<T>, const DeepOutputInputs<T>&,      \
                                   const T*, const T*);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
