#include "model/emphi/decoder.h"

#include "autograd/functions/attention_function.h"
#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/layers.h"

#include <span>

namespace ethreed {

namespace {

/// Those of the replies that go on: the longest come first.
template <class T> Variable<T> first_rows(Tape<T>& tape, Variable<T> x, int rows) {
  return x.rows() == rows ? x : tape.rows(x, 0, rows);
}

/// One above the other, pair by pair: a row is copied once for each doubling.
template <class T> Variable<T> stacked(Tape<T>& tape, std::span<Variable<T>> parts, const EmphiBatch& batch) {
  while (parts.size() > 1) {
    std::size_t count = 0;
    for (std::size_t k = 0; k < parts.size(); k += 2, ++count)
      parts[count] = k + 1 == parts.size() ? parts[k]
                                           : gather_stacked_rows(tape, parts[k], parts[k + 1],
                                                                 batch.first(parts[k].rows() + parts[k + 1].rows()));
    parts = parts.first(count);
  }
  return parts.front();
}

}  // namespace

template <class T>
std::array<Variable<T>, 2> decoder_step(Tape<T>& tape, const EmphiConfig& config,
                                        const EmphiDecoder<Variable<T>>& parameters, Packing step,
                                        const EmphiMemory<T>& memory, Variable<T> y,
                                        std::array<Variable<T>, 2> previous, Indices numbers) {
  const int rows = y.rows(), width = config.embedding;
  const Variable<T> keys = first_rows(tape, memory.keys, memory.key_offsets[rows]);
  const AttentionSettings settings{.query_offsets = numbers.first(rows + 1),
                                   .key_offsets = memory.key_offsets.first(rows + 1),
                                   .key_width = width,
                                   .value_width = width};
  const Variable<T> context = attention<T>(tape, settings, {previous[1]}, {keys}, {keys, width}).output;
  const auto layer1 = [&] {
    if (!config.has_implicit()) return gru_layer(tape, parameters.first, step, {y, context}, previous[0]);
    const auto through = [&](Variable<T> gate, Variable<T> x) {
      const Variable<T> whole = first_rows(tape, x, rows);
      if (!config.has_gates()) return whole;
      return multiply(tape, sigmoid(tape, linear(tape, {previous[1], y, context}, gate, Variable<T>{})), whole);
    };
    const Variable<T> emotion = through(parameters.emotion_gate, memory.emotion);
    const Variable<T> intent = through(parameters.intent_gate, memory.intent);
    const Variable<T> both = gather_rows<T>(tape, {{emotion, numbers.first(rows)}, {intent, numbers.first(rows)}});
    return gru_layer(tape, parameters.first, step, {y, context, both}, previous[0]);
  };
  const Variable<T> first = layer1();
  return {first, gru_layer(tape, parameters.second, step, {first}, previous[1])};
}

template <class T>
EmphiOutput<T> decoder_output(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const RowLayout& rows, Variable<T> o, Indices keywords) {
  EmphiOutput<T> out{.logits = linear(tape, {o}, parameters.embedding, Variable<T>{})};
  if (!config.has_explicit()) return out;
  out.copy_logit = linear(tape, {o}, parameters.decoder.copy_gate, Variable<T>{});
  out.vocabulary = scale(tape, out.copy_logit, -1.0);
  // The weights of an attention over the keywords without coverage; nothing is made of what it would fetch.
  const Variable<T> keys = embedding<T>(tape, parameters.embedding, keywords), none = zeros(tape, 1, 1);
  out.keywords =
      coverage_attention<T>(tape, rows, o, keys, zeros(tape, keys.rows(), 1), none, none, nullptr, true).weights;
  return out;
}

template <class T>
EmphiTargets<T> decode_targets(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                               const EmphiBatch& batch, Variable<T> words, const EmphiMemory<T>& memory) {
  const Packing packing = batch.dialogues.decoder_packing();
  const Variable<T> y = gather_rows<T>(tape, {{words, batch.inputs}});
  const auto steps = static_cast<std::size_t>(packing.steps());
  Variable<T>* tops = tape.context().arena.template allocate<Variable<T>>(packing.steps());
  std::array<Variable<T>, 2> states = memory.initial;
  for (int i = 0; i < packing.steps(); ++i) {
    const int alive = packing.alive(i);
    for (Variable<T>& state : states) state = first_rows(tape, state, alive);
    states = decoder_step(tape, config, parameters.decoder, batch.step(i), memory,
                          tape.rows(y, packing.offset(i), alive), states, batch.numbers);
    tops[i] = states[1];
  }
  const Variable<T> top = stacked(tape, std::span(tops, steps), batch);
  const Variable<T> o = gather_rows<T>(tape, {{top, batch.dialogues.state_rows}});
  const EmphiOutput<T> out = decoder_output(tape, config, parameters, batch.rows(), o, memory.keywords);
  if (!config.has_explicit())
    return {.log_probability = scale(tape, softmax_cross_entropy<T>(tape, out.logits, batch.targets), -1.0)};
  return {.log_probability = pointer_mixture<T>(tape, batch.rows(), out.logits, out.vocabulary, out.keywords,
                                                memory.keywords, batch.targets),
          .copy_logit = out.copy_logit};
}

#define ETHREED_INSTANTIATE(T)                                                                                     \
  template std::array<Variable<T>, 2> decoder_step(Tape<T>&, const EmphiConfig&, const EmphiDecoder<Variable<T>>&, \
                                                   Packing, const EmphiMemory<T>&, Variable<T>,                    \
                                                   std::array<Variable<T>, 2>, Indices);                           \
  template EmphiOutput<T> decoder_output(Tape<T>&, const EmphiConfig&, const EmphiParameters<Variable<T>>&,        \
                                         const RowLayout&, Variable<T>, Indices);                                  \
  template EmphiTargets<T> decode_targets(Tape<T>&, const EmphiConfig&, const EmphiParameters<Variable<T>>&,       \
                                          const EmphiBatch&, Variable<T>, const EmphiMemory<T>&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
