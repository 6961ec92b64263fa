#include "model/emphi/forward.h"

#include "autograd/functions/attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/figure_sums.h"
#include "model/blocks/layers.h"
#include "model/blocks/random_streams.h"
#include "model/emphi/keywords.h"
#include "model/interface/loss_terms.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

template <class T> Variable<T> mean_of(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return scale(tape, add(tape, a, b), 0.5);
}

/// One layer of the encoder over x, side by side, of which row input_rows[i] is read at context row i.
template <class T>
BidirectionalStates<T> encoder_layer(Tape<T>& tape, const GruHandles<Variable<T>>& forward,
                                     const GruHandles<Variable<T>>& reverse, Packing packing,
                                     std::initializer_list<Variable<T>> x, Indices input_rows = {}) {
  const auto lane = [&](const GruHandles<Variable<T>>& cell, bool reversed) {
    return GruLane<T>{.input_gates = linear(tape, x, cell.weight_ih, cell.bias_ih),
                      .weight_hh = cell.weight_hh,
                      .bias_hh = cell.bias_hh,
                      .reverse = reversed};
  };
  const std::array lanes{lane(forward, false), lane(reverse, true)};
  const auto states = gru_sequence<T>(tape, packing, lanes, input_rows);
  return {states[0], states[1]};
}

/// Classes to say and to feel: the logits of a head.
template <class T> Variable<T> hidden_of(Tape<T>& tape, const EmphiHead<Variable<T>>& head, Variable<T> summary) {
  return relu(tape, linear_layer(tape, head.hidden, {summary}));
}

}  // namespace

template <class T>
EmphiContext<T> read_context(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                             const EmphiBatch& batch) {
  EmphiContext<T> out;
  {
    const Range range(tape, "context encoder");
    const Packing packing = batch.context_packing();
    out.words = embedding<T>(tape, parameters.embedding, batch.word_ids);
    const BidirectionalStates<T> first = encoder_layer<T>(tape, parameters.first_forward, parameters.first_reverse,
                                                          packing, {out.words}, batch.context_inputs);
    const BidirectionalStates<T> second = encoder_layer<T>(tape, parameters.second_forward, parameters.second_reverse,
                                                           packing, {first.forward, first.reverse});
    out.states = mean_of(tape, second.forward, second.reverse);
    const auto final_state = [&](Variable<T> x, Indices rows) { return gather_rows<T>(tape, {{x, rows}}); };
    const Variable<T> forward1 = final_state(first.forward, batch.last_rows);
    const Variable<T> reverse1 = final_state(first.reverse, batch.first_rows);
    const Variable<T> forward2 = final_state(second.forward, batch.last_rows);
    const Variable<T> reverse2 = final_state(second.reverse, batch.first_rows);
    const bool released = config.states == EmphiStates::released;
    out.summary = {mean_of(tape, forward1, released ? forward2 : reverse1),
                   mean_of(tape, released ? reverse1 : forward2, reverse2)};
  }
  const Range range(tape, "emotion and intent");
  const Variable<T> emotion = hidden_of(tape, parameters.emotion, out.summary[1]);
  out.emotion_logits = linear(tape, {emotion}, parameters.emotion.output, Variable<T>{});
  out.intent_logits =
      linear(tape, {hidden_of(tape, parameters.intent, out.summary[1])}, parameters.intent.output, Variable<T>{});
  if (!config.has_implicit()) return out;
  // Σ_k p_e(k) A_k is an attention of every row over all emotions, whose keys are W_e2.
  const std::array<std::int32_t, 2> rows{0, emotion.rows()}, classes{0, config.emotion_classes};
  const AttentionSettings settings{
      .query_offsets = rows, .key_offsets = classes, .key_width = config.embedding, .value_width = config.embedding};
  out.emotion =
      attention<T>(tape, settings, {emotion}, {parameters.emotion.output}, {parameters.emotion.embedding}).output;
  return out;
}

template <class T> int likeliest_intent(std::span<const T> logits) { return argmax<T>(logits); }

template <class T> int drawn_intent(std::span<const T> logits, std::uint64_t seed, std::int64_t place) {
  const PhiloxStream random = random_stream(seed, Draw::latent_evaluation, 0);
  std::array<double, emphi_intents.size()> disturbed{};
  for (std::size_t k = 0; k < disturbed.size(); ++k) {
    const auto index = static_cast<std::uint64_t>(place) * disturbed.size() + k;
    disturbed[k] = static_cast<double>(logits[k]) - std::log(-std::log(random.uniform(index)));
  }
  return argmax<double>(disturbed);
}

template <class T>
EmphiMemory<T> decoder_memory(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const EmphiBatch& batch, const EmphiContext<T>& read, Indices intents) {
  const Context& context = tape.context();
  const Indices turns(batch.dialogues.turn_of_row);
  EmphiMemory<T> memory{
      .keys = gather_rows<T>(tape, {{read.states, batch.key_rows}, {read.states, batch.key_rows}}),
      .key_offsets = batch.key_offsets,
      .initial = {gather_rows<T>(tape, {{read.summary[0], turns}}), gather_rows<T>(tape, {{read.summary[1], turns}})}};
  std::int32_t* by_row = context.arena.template allocate<std::int32_t>(turns.size());
  for (int r = 0; r < turns.size(); ++r) by_row[r] = intents[turns[r]];
  if (config.has_implicit()) {
    memory.emotion = gather_rows<T>(tape, {{read.emotion, turns}});
    memory.intent = embedding<T>(tape, parameters.intent.embedding, Indices(by_row, turns.size()));
  }
  if (config.has_explicit()) {
    const Indices table = keyword_table<T>(context, config, parameters.keywords.value());
    const int count = turns.size() * config.keywords;
    std::int32_t* words = context.arena.template allocate<std::int32_t>(count);
    for (int r = 0; r < turns.size(); ++r)
      std::copy_n(table.data() + std::ptrdiff_t{by_row[r]} * config.keywords, config.keywords,
                  words + std::ptrdiff_t{r} * config.keywords);
    memory.keywords = {words, count};
  }
  return memory;
}

namespace {

/// An intent for every turn row, in the arena of the step: that of `choose(row)`.
template <class Choose> Indices choose_intents(const Context& context, int rows, Choose choose) {
  std::int32_t* intents = context.arena.template allocate<std::int32_t>(rows);
  for (int i = 0; i < rows; ++i) intents[i] = choose(i);
  return {intents, rows};
}

/// KL(q ‖ p_z) of every reply is minus the sum of its row [N, 9] of q_k (log p_z(k) − log q_k), 0 where q_k is.
template <class T> Variable<T> intent_divergence(Tape<T>& tape, const EmphiBatch& batch, Variable<T> logits) {
  const Context& context = tape.context();
  const auto count = static_cast<std::int64_t>(batch.intent_distribution.size());
  T* q = context.arena.template allocate<T>(count);
  T* information = context.arena.template allocate<T>(count);  // −log q
  for (std::int64_t i = 0; i < count; ++i) {
    const auto p = static_cast<double>(batch.intent_distribution[static_cast<std::size_t>(i)]);
    q[i] = static_cast<T>(p);
    information[i] = p == 0 ? T{0} : static_cast<T>(-std::log(p));
  }
  const auto constant = [&](const T* values) {
    return tape.constant(View<const T>(context.to_device(values, count), logits.shape()));
  };
  const Variable<T> difference = add(tape, log_softmax(tape, logits), constant(information));
  return multiply(tape, difference, constant(q));
}

/// How badly τ tells the keywords among the targets [target tokens, 1]: 0 for a reply without an intent.
template <class T>
Variable<T> copy_losses(Tape<T>& tape, const EmphiConfig& config, const EmphiBatch& batch, Variable<T> copy_logit,
                        Indices keywords, int& tokens) {
  const Context& context = tape.context();
  const RowLayout rows = batch.rows();
  const auto count = static_cast<std::int64_t>(rows.targets());
  T* labels = context.arena.template allocate<T>(count);
  T* mask = context.arena.template allocate<T>(count);
  tokens = 0;
  for (int r = 0; r < rows.rows(); ++r) {
    const bool counts = batch.intent[batch.dialogues.turn_of_row[r]] >= 0;
    const Indices words = keywords.subspan(r * config.keywords, config.keywords);
    for (int token = rows.target(r); token < rows.target(r + 1); ++token) {
      labels[token] = std::find(words.begin(), words.end(), batch.targets[token]) != words.end() ? T{1} : T{0};
      mask[token] = counts ? T{1} : T{0};
      tokens += counts;
    }
  }
  const Variable<T> label = tape.constant(View<const T>(context.to_device(labels, count), copy_logit.shape()));
  return masked(tape, binary_cross_entropy(tape, copy_logit, label), context.to_device(mask, count));
}

template <class T>
void read_every_intent(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                       const EmphiBatch& batch, const EmphiContext<T>& read, EmphiPass<T>& pass) {
  Context& context = tape.context();
  const int turns = batch.dialogues.turns();
  for (int z = 0; z < count_of(emphi_intents); ++z) {
    const ArenaScope scope(context.values);  // an intent's values are of no use to the next one
    const Indices intents = choose_intents(context, turns, [&](int) { return z; });
    const Variable<T> log_probability = decode_targets(tape, config, parameters, batch, read.words,
                                                       decoder_memory(tape, config, parameters, batch, read, intents))
                                            .log_probability;
    const std::int64_t count = log_probability.value().count();
    const T* values = context.to_host(log_probability.data(), count);
    pass.by_intent.emplace_back(values, values + count);
  }
}

}  // namespace

template <class T>
EmphiPass<T> emphi_forward(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                           const EmphiBatch& batch, const PassOptions& options) {
  Context& context = tape.context();
  const DialogueBatch& d = batch.dialogues;
  const EmphiContext<T> read = read_context(tape, config, parameters, batch);
  EmphiPass<T> pass{.emotion_logits = read.emotion_logits, .intent_logits = read.intent_logits};
  const T* logits = context.to_host(read.intent_logits.data(), read.intent_logits.value().count());
  const auto row = [&](int i) {
    return std::span<const T>(logits + std::ptrdiff_t{i} * count_of(emphi_intents), emphi_intents.size());
  };
  const Range range(tape, "decoder and losses");
  if (options.purpose == Purpose::validate) {
    for (int i = 0; i < d.turns(); ++i)
      pass.reply_intent.push_back(options.sample_latent ? drawn_intent<T>(row(i), options.seed, d.place(i))
                                                        : likeliest_intent<T>(row(i)));
    read_every_intent(tape, config, parameters, batch, read, pass);
  }
  const Indices intents = choose_intents(
      context, d.turns(), [&](int i) { return batch.intent[i] >= 0 ? batch.intent[i] : likeliest_intent<T>(row(i)); });
  const EmphiMemory<T> memory = decoder_memory(tape, config, parameters, batch, read, intents);
  const EmphiTargets<T> decoded = decode_targets(tape, config, parameters, batch, read.words, memory);
  pass.log_probability = decoded.log_probability;

  LossTerms<T> terms;
  terms.add(emphi_generation, decoded.log_probability, -1.0 / d.target_tokens(), 1.0);
  if (batch.intents > 0 && config.has_distributions())
    terms.add(emphi_intent, intent_divergence(tape, batch, read.intent_logits), -1.0 / batch.intents,
              config.weight_intent);
  else if (batch.intents > 0)
    terms.add(emphi_intent, softmax_cross_entropy<T>(tape, read.intent_logits, batch.intent), 1.0 / batch.intents,
              config.weight_intent);
  if (d.emotion_labels > 0)
    terms.add(emphi_emotion, softmax_cross_entropy<T>(tape, read.emotion_logits, d.emotion), 1.0 / d.emotion_labels,
              config.weight_emotion);
  if (config.has_explicit() && batch.intents > 0) {
    int tokens = 0;
    const Variable<T> copy = copy_losses(tape, config, batch, decoded.copy_logit, memory.keywords, tokens);
    terms.add(emphi_copy, copy, 1.0 / tokens, config.weight_copy);
  }
  pass.losses = terms.sum(tape);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                              \
  template EmphiContext<T> read_context(Tape<T>&, const EmphiConfig&, const EmphiParameters<Variable<T>>&,  \
                                        const EmphiBatch&);                                                 \
  template int likeliest_intent(std::span<const T>);                                                        \
  template int drawn_intent(std::span<const T>, std::uint64_t, std::int64_t);                               \
  template EmphiMemory<T> decoder_memory(Tape<T>&, const EmphiConfig&, const EmphiParameters<Variable<T>>&, \
                                         const EmphiBatch&, const EmphiContext<T>&, Indices);               \
  template EmphiPass<T> emphi_forward(Tape<T>&, const EmphiConfig&, const EmphiParameters<Variable<T>>&,    \
                                      const EmphiBatch&, const PassOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
