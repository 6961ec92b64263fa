#pragma once
// The configuration of DialogueRNN.

#include "model/blocks/config_fields.h"
#include "model/interface/data_description.h"

#include <array>
#include <string_view>

namespace ethreed {

/// Which of its relatives a DialogueRNN is. The last two read the whole dialogue before they label a post of it.
enum class DialogueRnnVariant {
  causal,                   ///< the party that is silent keeps its state
  listener_state,           ///< a cell of its own updates it
  bidirectional,            ///< causal, and a second one from the dialogue's end to its beginning
  bidirectional_attention,  ///< and every emotion state attends to all of its dialogue
};

/// What weighs the global states before an utterance.
enum class GlobalAttention {
  general,  ///< gᵀ W_α u
  simple,   ///< wᵀ g: the same for every utterance
  dot,      ///< gᵀ u, D_g = D_m
};

/// Sizes are ETHREED's, so that a difference in a table is a difference of architecture.
struct DialogueRnnConfig {
  int vocabulary = 0;        ///< V, from the data
  int embedding = 300;       ///< D_w, from the data's vectors
  int encoder = 300;         ///< D_h of each direction; D_m is twice that
  int global_state = 300;    ///< D_g
  int party_state = 300;     ///< D_p
  int emotion_state = 300;   ///< D_e
  int hidden = 300;          ///< width of the head's layer, of each direction
  int emotion_classes = 32;  ///< K, from the data
  DialogueRnnVariant variant_choice = DialogueRnnVariant::causal;
  GlobalAttention attention = GlobalAttention::general;
  bool listener_labels = true;    ///< labels of replies add to the loss
  double dropout = 0.5;           ///< on g, q and e
  double dropout_head = 0.5;      ///< on what both layers of the head read
  double update_gate_bias = 2.0;  ///< initial recurrent bias of every update gate

  static constexpr std::array<std::string_view, 4> variant_names{"causal", "listener_state", "bidirectional",
                                                                 "bidirectional_attention"};
  static constexpr std::string_view variant_key = "variant";
  static constexpr std::array<std::string_view, 3> attention_names{"general", "simple", "dot"};

  bool has_listener_state() const { return variant_choice == DialogueRnnVariant::listener_state; }
  bool has_emotion_attention() const { return variant_choice == DialogueRnnVariant::bidirectional_attention; }
  /// Does a post's label depend on what comes after it.
  bool is_bidirectional() const {
    return variant_choice == DialogueRnnVariant::bidirectional || has_emotion_attention();
  }
  int directions() const { return is_bidirectional() ? 2 : 1; }

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(variant_choice)]; }
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

}  // namespace ethreed
