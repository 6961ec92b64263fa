#pragma once
// The configuration of HRED and its variants.

#include "model/blocks/config_fields.h"
#include "model/interface/data_description.h"

#include <array>
#include <string_view>

namespace ethreed {

/// What the decoder predicts: replies, or every utterance but the first.
enum class HredTargets { listener, all };

enum class HredVariant {
  hred,      ///< c_t = g_{2t−1}
  vhred,     ///< [g_{2t−1} ; z_t] with a latent variable
  emo_hred,  ///< [g_{2t−1} ; e_{2t−1}] with a chain of emotion states, and a classifier
};

/// Sizes are ETHREED's, so that a difference in a table is a difference of architecture.
struct HredConfig {
  int vocabulary = 0;        ///< V, from the data
  int embedding = 300;       ///< D_w, from the data's vectors
  int encoder = 300;         ///< D_h of each direction
  int context_state = 300;   ///< D_g
  int emotion_state = 300;   ///< D_e of Emo-HRED
  int latent = 100;          ///< Z of VHRED
  int decoder_state = 300;   ///< D_s
  int bottleneck = 300;      ///< width of V₁
  int emotion_classes = 32;  ///< K, from the data
  HredVariant variant_choice = HredVariant::hred;
  bool listener_labels = true;                  ///< Emo-HRED: labels of replies add to its loss
  HredTargets targets = HredTargets::listener;  ///< all: P_t from g_{2t−2} for t ≥ 2, too, in training
  bool bag_of_words = false;      ///< VHRED: a linear layer on z predicts the words of the reply, whatever their order
  double dropout = 0.5;           ///< on g and e
  double update_gate_bias = 2.0;  ///< initial recurrent bias of every update gate
  double weight_emotion = 1.0;    ///< of Emo-HRED's classifier
  int kl_anneal_steps = 10000;    ///< VHRED: the weight of KL rises from 0 to 1 over so many updates
  double free_bits = 0.0;         ///< VHRED: KL of a reply counts as at least this in training
  double weight_bag_of_words = 1.0;  ///< of its loss
  double word_dropout = 0.25;        ///< VHRED: share of the decoder's inputs that become UNK in training

  static constexpr std::array<std::string_view, 3> variant_names{"hred", "vhred", "emo_hred"};
  static constexpr std::string_view variant_key = "variant";
  static constexpr std::array<std::string_view, 2> target_names{"listener", "all"};

  bool has_latent() const { return variant_choice == HredVariant::vhred; }
  bool has_bag_of_words() const { return has_latent() && bag_of_words; }
  bool has_post_targets() const { return targets == HredTargets::all; }
  bool has_emotion() const { return variant_choice == HredVariant::emo_hred; }
  /// D_c
  int conditioning() const { return context_state + (has_latent() ? latent : has_emotion() ? emotion_state : 0); }

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(variant_choice)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if the configuration asks for what the data does not have.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
