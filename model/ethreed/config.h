#pragma once
// The configuration of ETHREED: sizes, the ablation, and what its recipe has beyond that of every model.

#include "model/blocks/config_fields.h"
#include "model/interface/data_description.h"

#include <array>
#include <string_view>

namespace ethreed {

/// Section 4.2 of the paper: what is taken out of the model. `none` is the whole model.
enum class Ablation { none, no_policy, no_gps, no_party, no_emotion, no_tracking };

/// How an utterance becomes one vector: u = [→h_len ; ←h_1], or, an extension, attention over its tokens:
/// u = Σ_j α_j h_j, α = softmax_j v·tanh(W h_j + b).
enum class UtterancePooling { last, attention };

/// Which of the two distributions of (12) is weighed by the other: KL(q‖p) as the paper has it, or KL(p‖q), an
/// extension. q is the policy's, p the constraint.
enum class PolicyDirection { q_to_p, p_to_q };

/// By what a run's best checkpoint is chosen on validation: the perplexity of the words, the speaker's accuracy, or the
/// accuracy divided by the perplexity, so that one per cent of either weighs the same. The last two are extensions.
enum class SelectedBy { perplexity, accuracy, both };

/// Weights of the four losses in (26).
struct LossWeights {
  double emotion = 1.0;     ///< L1
  double policy = 1.0;      ///< L2
  double generation = 1.0;  ///< L3
  double coverage = 1.0;    ///< L4
  double copy = 0.0;        ///< of the mean −log P over targets that only the pointer can say: an extension
  double situation = 0.0;   ///< of the mean −log of the emotion's probability after a situation: an extension
};

/// Symbols are the paper's.
struct EthreedConfig {
  int vocabulary = 0;        ///< V, from the data
  int embedding = 300;       ///< D_w, from the data's vectors
  int encoder = 300;         ///< D_h of each direction
  int global_state = 300;    ///< D_g
  int party_state = 300;     ///< D_p
  int emotion_state = 300;   ///< D_e
  int content_state = 300;   ///< D_c
  int decoder_state = 300;   ///< D_s
  int bottleneck = 300;      ///< width of V₁ in (22)
  int emotion_classes = 32;  ///< K, from the data
  Ablation ablation = Ablation::none;
  bool listener_labels = true;       ///< false: no listener term and no KL term, for want of labels
  bool constraint_gradient = false;  ///< true: p of (12) is not detached
  bool unbounded_energies = false;   ///< true: (18) without its tanh, an extension
  UtterancePooling pooling = UtterancePooling::last;
  bool listener_distributions = false;  ///< true: L1 of the replies against the probabilities that came with their
                                        ///< labels, an extension
  double emotion_smoothing = 0.0;       ///< ε of L1: 1 − ε on the label and ε/K on every class, an extension
  double noise_scale = 1.0;             ///< R̂ = μ + scale·σ ⊙ ε in (11), an extension where it is not 1
  bool emotion_input = false;           ///< true: the decoder's cell reads [E[y_{i−1}] ; emo], an extension of (15)
  bool content_input = false;           ///< true: it reads con = s_0 at every step, too, behind emo: an extension
  bool deep_output = false;             ///< true: V₁ of (22) reads E[y_{i−1}] and con, too: an extension
  PolicyDirection policy_direction = PolicyDirection::q_to_p;
  SelectedBy selection = SelectedBy::perplexity;
  int policy_anneal_steps = 0;     ///< the weight of L2 rises from 0 to its own over so many updates
  int frozen_vector_steps = 0;     ///< E stays as it came over so many updates: an extension
  double dropout = 0.5;            ///< on g, p, e, c
  double dropout_words = 0.0;      ///< on the word vectors; a word that occurs twice in a batch is dropped alike
  double dropout_encoder = 0.0;    ///< on u and the token states h_j
  double dropout_output = 0.0;     ///< on the features of V₁ in (22)
  bool sample_in_training = true;  ///< false: R̂ = μ in training
  double update_gate_bias = 2.0;   ///< initial recurrent bias of every update gate
  LossWeights weights;
  double generation_gate_bias = 0.0;  ///< added to b_ptr of (23) at the start: below 0, p_gen starts lower
  double mask_words = 0.0;            ///< share of a dialogue's words that training takes for unknown (WordMask)
  int mask_words_from = 200;          ///< the commonest words, ids below this, are never masked

  static constexpr std::array<std::string_view, 6> variant_names{"none",     "no_policy",  "no_gps",
                                                                 "no_party", "no_emotion", "no_tracking"};
  static constexpr std::array<std::string_view, 2> pooling_names{"last", "attention"};
  static constexpr std::array<std::string_view, 2> direction_names{"q_to_p", "p_to_q"};
  static constexpr std::array<std::string_view, 3> selection_names{"perplexity", "accuracy", "both"};
  static constexpr std::string_view variant_key = "ablation";

  /// Is every situation read as a dialogue's first post, whose emotion is known.
  bool has_situations() const { return weights.situation > 0; }
  bool has_policy() const { return ablation != Ablation::no_policy; }
  bool has_divergence() const { return has_policy() && ablation != Ablation::no_gps && listener_labels; }
  bool has_party() const { return ablation != Ablation::no_party; }
  bool has_emotion_cell() const { return ablation != Ablation::no_emotion; }
  bool has_two_chains() const { return ablation != Ablation::no_tracking; }

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(ablation)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range or sizes contradict each other.
  void check() const;
  /// Throws Error if the configuration asks for what the data does not have.
  void check_data(const DataDescription& data) const;
};

/// Throws Error naming the six names if `name` is none of them.
Ablation ablation_from(std::string_view name);

}  // namespace ethreed
