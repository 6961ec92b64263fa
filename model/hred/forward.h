#pragma once
// HRED and its variants: utterances, context, decoder. Section numbers are those of the specification in the guide.

#include "model/hred/batch.h"
#include "model/hred/parameters.h"
#include "model/interface/model.h"

namespace ethreed {

/// What is drawn for a pass. Null pointers: no dropout; the mean of the latent variable.
template <class T> struct HredNoise {
  const T* context = nullptr;              ///< multipliers of g [2N, D_g] by chain row
  const T* emotion = nullptr;              ///< multipliers of e [2N, D_e] by chain row
  const T* latent = nullptr;               ///< ε [N, Z] by turn row
  std::span<const std::int32_t> inputs{};  ///< [packed decoder rows] word ids after word dropout; empty: none
};

/// Everything before the decoder.
template <class T> struct HredContext {
  Variable<T> words;            ///< E of batch.word_ids [different words, D_w]
  Variable<T> summary;          ///< u [2N, 2D_h] by chain row
  Variable<T> global;           ///< g [2N, D_g] by chain row
  Variable<T> emotion;          ///< e [2N, D_e] by chain row; Emo-HRED
  Variable<T> speaker_logits;   ///< of e_{2t−1} [N, K] by turn row; Emo-HRED
  Variable<T> listener_logits;  ///< of e_{2t} [N, K] by turn row; Emo-HRED
};

template <class T>
HredContext<T> read_context(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                            const DialogueBatch& batch, const HredNoise<T>& noise);

/// A latent variable of every turn [N, Z] by turn row, and its divergence [N] (absent without the posterior).
template <class T> struct HredLatent { Variable<T> z, divergence; };

/// `reply` is u^R [N, 2D_h] for the posterior, absent for the prior; `context` is g_{2t−1} [N, D_g].
template <class T>
HredLatent<T> draw_latent(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> context,
                          Variable<T> reply, const T* noise);

/// Teacher-forced: log-probability's negative of every target [target tokens], from c [N, D_c] by decoder row.
template <class T>
Variable<T> decode_targets(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, const HredBatch& batch,
                           Variable<T> words, Variable<T> conditioning, std::span<const std::int32_t> inputs);

/// One step's logits [rows, V] from states [rows, D_s], E[y_{i−1}] and c.
template <class T>
Variable<T> output_logits(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> state_and_word,
                          Variable<T> conditioning);

template <class T> struct HredPass {
  HredContext<T> context;
  Variable<T> nll;         ///< of every target [target tokens]; VHRED: z of the posterior
  Variable<T> divergence;  ///< KL of every turn [N]; VHRED
  Variable<T> prior_nll;   ///< of every target with z of the prior; VHRED in validation
  StepLosses<T> losses;
};

/// c_t = g_{2t−1}, [g_{2t−1} ; z_t] or [g_{2t−1} ; e_{2t−1}] by decoder row [N, D_c].
template <class T>
Variable<T> conditioning_of(Tape<T>& tape, const HredConfig& config, const HredBatch& batch,
                            const HredContext<T>& context, Variable<T> z);

template <class T>
HredPass<T> hred_forward(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                         const HredBatch& batch, const PassOptions& options);

/// What a reader may want of a pass, where the host can read it.
template <class T> HredPass<T> hred_on_host(const Context& context, HredPass<T> pass);

}  // namespace ethreed
