#pragma once
// The whole model: section by section, one function call an arrow.

#include "model/ethreed/emotion_tracker.h"
#include "model/ethreed/empathetic_policy.h"
#include "model/ethreed/losses.h"
#include "model/ethreed/pointer_decoder.h"
#include "model/ethreed/utterance_encoder.h"

namespace ethreed {

/// Randomness of one step, drawn before it. Null pointers: no dropout; R̂ = μ.
template <class T> struct StepNoise {
  TrackerMasks<T> masks;
  const T* policy = nullptr;  ///< ε [N, D_e] by turn row
};

/// Section 2: what needs only the words and the encoder of the parameters.
template <class T> struct EncodedWords {
  Variable<T> words;  ///< E of batch.word_ids [different words, D_w]
  EncodedUtterances<T> utterances;
};

template <class T>
EncodedWords<T> encode_words(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters, const Batch& batch);

/// Sections 2 to 4: everything before the decoder. Variables by turn row, except the encoder's.
template <class T> struct DialogueState : EncodedWords<T> {
  TrackedEmotions<T> tracked;
  EmpatheticPolicy<T> policy;
  Variable<T> speaker_logits;   ///< W_e e^P + b [N, K]
  Variable<T> listener_logits;  ///< W_e e^R + b [N, K]
  Variable<T> reply_logits;     ///< W_e R̂ + b [N, K]
};

template <class T>
DialogueState<T> read_dialogues(Tape<T>& tape, const ModelConfig& config,
                                const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                                const StepNoise<T>& noise, const EncodedWords<T>& encoded);
/// Encoded words included.
template <class T>
DialogueState<T> read_dialogues(Tape<T>& tape, const ModelConfig& config,
                                const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                                const StepNoise<T>& noise) {
  return read_dialogues(tape, config, parameters, batch, noise, encode_words(tape, parameters, batch));
}

/// The decoder's memory for every turn of the batch, by decoder row.
template <class T>
DecoderMemory<T> decoder_memory(Tape<T>& tape, const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                                const DialogueState<T>& state);

/// One teacher-forced pass over a batch.
template <class T> struct ForwardPass {
  DialogueState<T> state;
  DecoderOutput<T> decoded;     ///< logits are overwritten by their gradient in the backward pass
  Variable<T> log_probability;  ///< of every target, (21) [target tokens]
  Losses<T> losses;
};

/// The same pass with everything that a reader may want where the host can read it: all but the encoder's states and
/// the logits of the vocabulary. On the CPU the pass itself; elsewhere waits for the device.
template <class T> ForwardPass<T> on_host(const Context& context, ForwardPass<T> pass);
/// The same for what is there before the decoder.
template <class T> DialogueState<T> on_host(const Context& context, DialogueState<T> state);

template <class T>
ForwardPass<T> forward_pass(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights,
                            const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                            const StepNoise<T>& noise, const EncodedWords<T>& encoded);
/// Encoded words included.
template <class T>
ForwardPass<T> forward_pass(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights,
                            const ModelParameters<Variable<T>>& parameters, const Batch& batch,
                            const StepNoise<T>& noise) {
  return forward_pass(tape, config, weights, parameters, batch, noise, encode_words(tape, parameters, batch));
}

}  // namespace ethreed
