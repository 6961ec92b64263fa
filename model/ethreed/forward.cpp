#include "model/ethreed/forward.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"

namespace ethreed {

namespace {

// For every turn row one of another dialogue of the batch: of the next one in its order, the same turn or its last.
std::vector<std::int32_t> other_turns(const DialogueBatch& batch) {
  const Packing turns = batch.turn_packing();
  const int dialogues = batch.dialogues();
  std::vector<std::int32_t> rows(batch.turns());
  for (int t = 0; t < turns.steps(); ++t)
    for (int rank = 0; rank < turns.alive(t); ++rank) {
      const int other = (rank + 1) % dialogues;
      int turn = t;
      while (other >= turns.alive(turn)) --turn;
      rows[turns.row(t, rank)] = turns.row(turn, other);
    }
  return rows;
}

}  // namespace

template <class T>
DialogueState<T> read_dialogues(Tape<T>& tape, const EthreedConfig& config,
                                const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                const StepNoise<T>& noise) {
  DialogueState<T> state;
  {
    const Range range(tape, "word look-up");
    // One look-up of every word for the encoder and, under teacher forcing, the decoder.
    const Variable<T> table = noise.frozen_words ? tape.constant(parameters.embedding.value()) : parameters.embedding;
    state.words = masked(tape, embedding<T>(tape, table, batch.word_ids), noise.words);
  }
  {
    const Range range(tape, "utterance encoder");
    state.utterances = encode_utterances(tape, parameters.encoder, batch, state.words, noise.encoder);
  }
  {
    const Range range(tape, "emotion tracker");
    const Variable<T> all = state.utterances.summary;
    if (batch.situations() > 0) {
      const int n = 2 * batch.turns();
      state.utterances.summary = tape.rows(all, 0, n);
      const Variable<T> e =
          track_first_posts(tape, config, parameters.tracker, tape.rows(all, n, batch.situations()), noise.situations);
      state.situation_logits = linear_layer(tape, parameters.classifier, {e});
    }
    state.tracked = track_emotions(tape, config, parameters.tracker, batch, state.utterances.summary, noise.masks);
  }
  const Range range(tape, "policy and classifiers");
  state.policy = predict_reply_emotion(tape, config, parameters.policy, state.tracked.emotion_post, noise.policy);
  if (noise.shuffle_plans) state.policy.reply = gather_rows<T>(tape, {{state.policy.reply, other_turns(batch)}});
  const Variable<T> logits = linear_layer(tape, parameters.classifier, {state.tracked.emotion_states});
  state.speaker_logits = tape.rows(logits, 0, batch.turns());
  state.listener_logits = tape.rows(logits, batch.turns(), batch.turns());
  state.reply_logits = linear_layer(tape, parameters.classifier, {state.policy.reply});
  return state;
}

template <class T>
DecoderMemory<T> decoder_memory(Tape<T>& tape, const EthreedParameters<Variable<T>>& parameters,
                                const DialogueBatch& batch, const DialogueState<T>& state) {
  const Range range(tape, "decoder memory");
  return prepare_decoder(tape, parameters.decoder, state.utterances.source_states,
                         gather_rows<T>(tape, {{state.tracked.content, batch.turn_of_row}}),
                         gather_rows<T>(tape, {{state.policy.reply, batch.turn_of_row}}));
}

template <class T>
ForwardPass<T> forward_pass(Tape<T>& tape, const EthreedConfig& config,
                            const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                            const StepNoise<T>& noise) {
  ForwardPass<T> pass;
  pass.state = read_dialogues(tape, config, parameters, batch, noise);
  const DecoderMemory<T> memory = decoder_memory(tape, parameters, batch, pass.state);
  Variable<T> state, previous;
  DeepOutputInputs<T> deep;
  {
    const Range range(tape, "decoder GRU");
    // s does not depend on the attention: under teacher forcing it is one ragged sequence.
    const Variable<T> words = tape.rows(pass.state.words, 0, batch.decoder_word_count);
    const Variable<T> s = decoder_states(tape, parameters.decoder, batch.decoder_packing(), words, memory,
                                         batch.decoder_rows, memory.initial, batch.decoder_inputs);
    state = gather_rows<T>(tape, {{s, batch.state_rows}});
    previous = gather_stacked_rows<T>(tape, memory.initial, s, batch.previous_rows);
    if (config.deep_output) {
      const auto of_targets = [&](Variable<T> x, Indices packed) {
        return gather_rows<T>(tape, {{gather_rows<T>(tape, {{x, packed}}), batch.state_rows}});
      };
      deep = {of_targets(words, batch.decoder_inputs), of_targets(memory.initial, batch.decoder_rows)};
    }
  }
  {
    const Range range(tape, "attention, gate and vocabulary");
    pass.decoded =
        decode<T>(tape, parameters.decoder, batch.rows(), memory, state, previous, deep, nullptr, noise.features);
  }
  {
    const Range range(tape, "pointer mixture");
    pass.log_probability = pointer_mixture<T>(tape, batch.rows(), pass.decoded.logits, pass.decoded.gate_logit,
                                              pass.decoded.attention, batch.source_ids, batch.targets);
  }
  const Range range(tape, "losses");
  pass.losses = sum_losses(tape, config, batch,
                           LossInputs<T>{.speaker_logits = pass.state.speaker_logits,
                                         .listener_logits = pass.state.listener_logits,
                                         .reply_logits = pass.state.reply_logits,
                                         .log_probability = pass.log_probability,
                                         .coverage_loss = pass.decoded.coverage_loss,
                                         .situation_logits = pass.state.situation_logits},
                           noise.policy_share);
  return pass;
}

template <class T> DialogueState<T> on_host(const Context& context, DialogueState<T> state) {
  for (Variable<T>* variable :
       {&state.utterances.summary, &state.tracked.global_post, &state.tracked.party, &state.tracked.emotion_post,
        &state.tracked.emotion_response, &state.tracked.content, &state.policy.mean, &state.policy.log_variance,
        &state.policy.reply, &state.speaker_logits, &state.listener_logits, &state.reply_logits})
    *variable = on_host(context, *variable);
  return state;
}

template <class T> ForwardPass<T> on_host(const Context& context, ForwardPass<T> pass) {
  pass.state = on_host(context, std::move(pass.state));
  for (Variable<T>* variable :
       {&pass.decoded.attention, &pass.decoded.coverage_loss, &pass.decoded.gate_logit, &pass.log_probability})
    *variable = on_host(context, *variable);
  pass.losses = on_host(context, pass.losses);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                    \
  template DialogueState<T> read_dialogues(Tape<T>&, const EthreedConfig&, const EthreedParameters<Variable<T>>&, \
                                           const DialogueBatch&, const StepNoise<T>&);                            \
  template DecoderMemory<T> decoder_memory(Tape<T>&, const EthreedParameters<Variable<T>>&, const DialogueBatch&, \
                                           const DialogueState<T>&);                                              \
  template DialogueState<T> on_host(const Context&, DialogueState<T>);                                            \
  template ForwardPass<T> on_host(const Context&, ForwardPass<T>);                                                \
  template ForwardPass<T> forward_pass(Tape<T>&, const EthreedConfig&, const EthreedParameters<Variable<T>>&,     \
                                       const DialogueBatch&, const StepNoise<T>&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
