#pragma once
// The whole model: section by section, one function call an arrow.

#include "model/ethreed/emotion_tracker.h"
#include "model/ethreed/empathetic_policy.h"
#include "model/ethreed/losses.h"
#include "model/ethreed/noise.h"
#include "model/ethreed/pointer_decoder.h"
#include "model/ethreed/utterance_encoder.h"

namespace ethreed {

/// Sections 2 to 4: everything before the decoder. Variables by turn row, except the encoder's.
template <class T> struct DialogueState {
  Variable<T> words;  ///< E of batch.word_ids [different words, D_w]
  EncodedUtterances<T> utterances;
  TrackedEmotions<T> tracked;
  EmpatheticPolicy<T> policy;
  Variable<T> speaker_logits;    ///< W_e e^P + b [N, K]
  Variable<T> listener_logits;   ///< W_e e^R + b [N, K]
  Variable<T> reply_logits;      ///< W_e R̂ + b [N, K]
  Variable<T> situation_logits;  ///< W_e e + b of situations [S, K]; unset where the batch has none
};

template <class T>
DialogueState<T> read_dialogues(Tape<T>& tape, const EthreedConfig& config,
                                const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                const StepNoise<T>& noise);

/// The decoder's memory for every turn of the batch, by decoder row.
template <class T>
DecoderMemory<T> decoder_memory(Tape<T>& tape, const EthreedParameters<Variable<T>>& parameters,
                                const DialogueBatch& batch, const DialogueState<T>& state);

/// One teacher-forced pass over a batch.
template <class T> struct ForwardPass {
  DialogueState<T> state;
  DecoderOutput<T> decoded;     ///< logits are overwritten by their gradient in the backward pass
  Variable<T> log_probability;  ///< of every target, (21) [target tokens]
  StepLosses<T> losses;
};

/// The same pass with everything that a reader may want where the host can read it: all but the encoder's states and
/// the logits of the vocabulary. On the CPU the pass itself; elsewhere waits for the device.
template <class T> ForwardPass<T> on_host(const Context& context, ForwardPass<T> pass);
/// The same for what is there before the decoder.
template <class T> DialogueState<T> on_host(const Context& context, DialogueState<T> state);

template <class T>
ForwardPass<T> forward_pass(Tape<T>& tape, const EthreedConfig& config,
                            const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                            const StepNoise<T>& noise);

}  // namespace ethreed
