#pragma once
// HRED and its variants. Utterances of a dialogue in order: U_1 = P_1, U_2 = R_1, …, U_2T = R_T.
//   u_k = [→h_len ; ←h_1] of a BiGRU over U_k;  g_k = GRU_ctx(u_k, g_{k−1}), g_0 = 0
//   c_t = g_{2t−1};  VHRED: [g_{2t−1} ; z_t];  Emo-HRED: [g_{2t−1} ; e_{2t−1}], e_k = GRU_emo(g_k, e_{k−1})
//   s_0 = tanh(W_0 c_t + b_0);  s_i = GRU_d([E[y_{i−1}] ; c_t], s_{i−1}), y_0 = SOS
//   logits_i = V'(V₁ [s_i ; E[y_{i−1}] ; c_t] + b₁) + b;  no attention, no pointer: what the vocabulary lacks is UNK
// VHRED's prior reads g_{2t−1}, its posterior [g_{2t−1} ; u^R_t]: two layers of tanh, then a mean and a variance
// 0.1·softplus(·); its loss adds w·KL(posterior ‖ prior) per token, w rising from 0 to 1 over kl_anneal_steps updates.
// Emo-HRED's adds −log softmax(W_e e + b_e)[emotion].
// With targets `all` P_t, t ≥ 2, is predicted from g_{2t−2} (and e_{2t−2}) likewise: section 3 of the specification.

#include "autograd/functions/gaussian_latent_function.h"
#include "core/indices.h"
#include "model/hred/batch.h"
#include "model/hred/parameters.h"
#include "model/interface/model.h"

namespace ethreed {

/// What is drawn for a pass. Null pointers: no dropout; the mean of the latent variable.
template <class T> struct HredNoise {
  const T* context = nullptr;  ///< multipliers of g [2N, D_g] by chain row
  const T* emotion = nullptr;  ///< multipliers of e [2N, D_e] by chain row
  const T* latent = nullptr;   ///< ε [N, Z] by turn row
  Indices inputs{};            ///< [packed rows of replies] word ids after word dropout; empty: none
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

/// The prior of every turn [N, Z] from g_{2t−1} [N, D_g], and the posterior, which reads u^R [N, 2D_h] too.
template <class T>
LatentDistribution<T> latent_prior(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> context);
template <class T>
LatentDistribution<T> latent_posterior(Tape<T>& tape, const HredParameters<Variable<T>>& parameters,
                                       Variable<T> context, Variable<T> reply);

/// `reply` is u^R [N, 2D_h] for the posterior, absent for the prior; `context` is g_{2t−1} [N, D_g]. The divergence of
/// a turn is at least `least_divergence` (free bits).
template <class T>
HredLatent<T> draw_latent(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> context,
                          Variable<T> reply, const T* noise, double least_divergence = 0);

/// Teacher-forced: log-probability's negative of every target [tokens], from c [rows, D_c] by decoder row.
template <class T>
Variable<T> decode_targets(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, const HredDecoderRows& rows,
                           Variable<T> words, Variable<T> conditioning, Indices inputs = {});

/// One step's logits [rows, V] from states [rows, D_s], E[y_{i−1}] and c.
template <class T>
Variable<T> output_logits(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, Variable<T> state_and_word,
                          Variable<T> conditioning);

template <class T> struct HredPass {
  HredContext<T> context;
  Variable<T> nll;                     ///< of every target [target tokens]; VHRED: z of the posterior
  Variable<T> divergence;              ///< KL of every turn [N]; VHRED
  Variable<T> bag_nll;                 ///< of every target from z alone; VHRED, where wanted
  Variable<T> post_nll;                ///< of every token of P_t, t ≥ 2, where wanted
  std::vector<double> log_likelihood;  ///< of every reply [N], if PassOptions::latent_samples; VHRED in validation
  Variable<T> prior_nll;               ///< of every target with z of the prior; VHRED in validation
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
