#pragma once
// MIME. A reply's context is x_1 … x_n, CLS first; K emotions in two groups g ∈ {+, −}.
//   H = Encoder(x), c = H_1;  s = E_E W_E c
//   prior: c' = relu(W c + b), μ_g and λ_g = W_g c' + b_g, z_g = μ_g + e^{λ_g/2} ⊙ r_g
//   e_g = Σ_k softmax(W_g z_g + b_g)_k E_E[k] over the emotions k of the group
//   m = e_+ and m̃ = e_− where the emotion is positive, else the other way round
//   M = Enc_1([H_i ; m]_i), M̃ = Enc_2([H_i ; m̃]_i);  F = W_2(σ(W_1 [M ; M̃] + b_1) ⊙ [M ; M̃]) + b_2
//   decoder over SOS, y_1, … with keys and values from F; logits = O·state + b
//   posterior, for the divergence: h_g = relu(W_g [c ; mean over positions of the one built from e_g] + b_g), μ^q_g,
//   λ^q_g
// The emotion is the gold one in the loss and the predicted one in replies; perplexities are of both.

#include "model/blocks/context_batch.h"
#include "model/interface/model.h"
#include "model/mime/parameters.h"

namespace ethreed {

/// Places of the terms in StepLosses. All but the last are sums: over target tokens, and over replies and components.
enum MimeLoss : std::size_t {
  mime_generation,           ///< Σ p*(log p* − log P) with label smoothing
  mime_divergence_positive,  ///< KL(posterior ‖ prior) of z_+
  mime_divergence_negative,  ///< of z_−
  mime_emotion,              ///< mean −log softmax(s)[emotion]
};

/// r of every latent variable [rows, d] each; null: the mean.
template <class T> struct MimeNoise { BothGroups<const T*> prior{}, posterior{}; };

/// A Gaussian's mean and log variance [rows, d].
template <class T> struct MimeGaussian { Variable<T> mean, log_variance; };

/// What is known of some replies before an emotion is chosen; by row of their contexts.
template <class T> struct MimeContext {
  Variable<T> states;  ///< H [positions, d]
  Variable<T> first;   ///< c [rows, d]
  Variable<T> logits;  ///< s [rows, K]
};

/// M and M̃ [positions, d].
template <class T> struct Mimicry { Variable<T> same, other; };

/// `words` is E of the batch's different words.
template <class T>
MimeContext<T> read_mime_contexts(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                  Variable<T> words, const ContextRows& contexts);

template <class T>
BothGroups<MimeGaussian<T>> mime_prior(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                       Variable<T> first);

/// e_+ and e_− [rows, d] from samples of the two Gaussians.
template <class T>
BothGroups<Variable<T>> group_emotions(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                                       const BothGroups<MimeGaussian<T>>& gaussians, const BothGroups<const T*>& noise);

/// `positive` [rows]: is the emotion of a row's speaker positive.
template <class T>
Mimicry<T> mimic(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                 const ContextRows& contexts, Variable<T> states, const BothGroups<Variable<T>>& emotions,
                 Span<const char> positive);

/// F [positions, d].
template <class T> Variable<T> fuse(Tape<T>& tape, const MimeParameters<Variable<T>>& p, const Mimicry<T>& mimicry);

/// Is the likeliest emotion of every row positive [rows], as long as the step lives. Waits for the device.
template <class T>
Span<const char> predicted_groups(const Context& context, const MimeConfig& config, Variable<T> logits);

template <class T> struct MimePass {
  Variable<T> logits;    ///< s by turn row [N, K]
  Variable<T> nll;       ///< of every target with the predicted group [target tokens]; in training that of the loss
  Variable<T> gold_nll;  ///< with the gold group, where there is one; in validation
  BothGroups<Variable<T>> divergence{};  ///< KL of the batch [1], of replies with an emotion
  StepLosses<T> losses;
};

/// Up to the losses. A reply to a post without an emotion has no group to learn from: it adds nothing to the losses.
template <class T>
MimePass<T> mime_forward(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options);

template <class T> MimePass<T> mime_on_host(const Context& context, MimePass<T> pass);

}  // namespace ethreed
