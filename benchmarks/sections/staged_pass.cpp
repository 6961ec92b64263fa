#include "benchmarks/sections/staged_pass.h"

#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/emotion_gate_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "benchmarks/harness/measure.h"
#include "model/ethreed/layers.h"

namespace ethreed::bench {

template <class T>
ForwardPass<T> staged_pass(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights,
                           const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                           const StepNoise<T>& noise, StageClock& clock) {
  std::size_t next = 0;
  const auto mark = [&] {
    clock.forward[next] = now_in_milliseconds();
    tape.record([place = &clock.backward[next]](Tape<T>&) { *place = now_in_milliseconds(); });
    ++next;
  };
  ForwardPass<T> pass;
  DialogueState<T>& seen = pass.state;
  mark();  // word look-up
  seen.words = embedding<T>(tape, parameters.embedding, batch.word_ids);
  mark();  // encoder
  seen.utterances = encode_utterances(tape, parameters, batch, seen.words);
  mark();  // tracker
  seen.tracked = track_emotions(tape, config, parameters, batch, seen.utterances.summary, noise.masks);
  mark();  // policy and classifiers
  seen.policy = predict_reply_emotion(tape, config, parameters, seen.tracked.emotion_post, noise.policy);
  const Variable<T> classes = apply(tape, parameters.classifier, {seen.tracked.emotions});
  seen.speaker_logits = tape.rows(classes, 0, batch.turns());
  seen.listener_logits = tape.rows(classes, batch.turns(), batch.turns());
  seen.reply_logits = apply(tape, parameters.classifier, {seen.policy.reply});
  mark();  // decoder memory
  const DecoderMemory<T> memory = decoder_memory(tape, parameters, batch, seen);
  mark();  // decoder GRU
  const Variable<T> words = tape.rows(seen.words, 0, batch.decoder_word_count);
  const Variable<T> s =
      decoder_states<T>(tape, parameters, batch.decoder_packing(), words, memory.initial, batch.decoder_inputs);
  const Variable<T> state = gather_rows<T>(tape, {{s, batch.state_rows}});
  const Variable<T> previous = gather_stacked_rows<T>(tape, memory.initial, s, batch.previous_rows);
  mark();  // coverage attention: from here to the next to last mark, decode()
  const CoverageAttention<T> attention =
      coverage_attention(tape, batch.rows(), previous, memory.keys, memory.states, parameters.coverage,
                         parameters.attention.bias, static_cast<const T*>(nullptr));
  mark();  // gate and bottleneck
  const Variable<T> emotion = emotion_gate<T>(tape, batch.rows().target_offsets, state, memory.emotion_keys,
                                              memory.emotion, parameters.emotion_gate.bias);
  const Variable<T> features = apply(tape, parameters.bottleneck, {state, attention.context, emotion});
  mark();  // vocabulary product
  pass.decoded.logits = apply(tape, parameters.vocabulary, {features});
  mark();  // pointer and mixture
  pass.decoded.gate_logit = apply(tape, parameters.pointer, {attention.context, state, emotion});
  pass.decoded.attention = attention.weights;
  pass.decoded.coverage_loss = attention.coverage_loss;
  pass.log_probability = pointer_mixture<T>(tape, batch.rows(), pass.decoded.logits, pass.decoded.gate_logit,
                                            pass.decoded.attention, batch.source_ids, batch.targets);
  mark();  // losses
  pass.losses = sum_losses(tape, config, weights, batch,
                           LossInputs<T>{.speaker_logits = seen.speaker_logits,
                                         .listener_logits = seen.listener_logits,
                                         .reply_logits = seen.reply_logits,
                                         .log_probability = pass.log_probability,
                                         .coverage_loss = pass.decoded.coverage_loss});
  mark();
  return pass;
}

template ForwardPass<float> staged_pass(Tape<float>&, const ModelConfig&, const LossWeights&,
                                        const ModelParameters<Variable<float>>&, const Batch&, const StepNoise<float>&,
                                        StageClock&);

}  // namespace ethreed::bench
