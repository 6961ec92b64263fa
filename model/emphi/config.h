#pragma once
// The configuration of EmpHi.

#include "model/blocks/config_fields.h"
#include "model/interface/data_description.h"

#include <array>
#include <string_view>

namespace ethreed {

/// Intents of replies in the order of their class numbers. A reply whose label is none of these has no intent.
inline constexpr std::array<std::string_view, 9> emphi_intents{"agreeing",    "acknowledging", "encouraging",
                                                               "consoling",   "sympathizing",  "suggesting",
                                                               "questioning", "wishing",       "neutral"};
inline constexpr int emphi_neutral = 8;
/// The label column that says them.
inline constexpr std::string_view emphi_column = "intent";

enum class EmphiVariant {
  emphi,
  no_implicit,  ///< the decoder's cell reads [E[y_{i−1}] ; ctx] alone
  no_gates,     ///< emotion and intent enter it whole
  no_explicit,  ///< P = P_vocab: no keyword is copied
};

/// What a reply without an intent counts as: nothing of its own (it leaves the losses of intent and copying, and is
/// written by the likeliest intent), or neutral. With classifier a reply has no single label but the probabilities of
/// all intents that the data has for it, and counts as the likeliest; it is missing where it has none.
enum class UnlabelledReplies { missing, neutral, classifier };

/// Which final states of the encoder a layer of the decoder begins with: the mean of its two directions; or, as the
/// released code does, layer 1 with the mean of both forward states, layer 2 with that of both backward ones.
enum class EmphiStates { layers, released };

struct EmphiConfig {
  int vocabulary = 0;        ///< V, from the data
  int embedding = 300;       ///< D, from the data's vectors: also of the encoder's directions and the decoder
  int emotion_classes = 32;  ///< K_e, from the data
  int keywords = 30;         ///< M_k of an intent, by default no more than the data has words
  int context_tokens = 256;  ///< the last ones of all that was said are read
  EmphiVariant variant_choice = EmphiVariant::emphi;
  EmphiStates states = EmphiStates::layers;
  UnlabelledReplies unlabelled = UnlabelledReplies::missing;
  double weight_intent = 0.5;
  double weight_emotion = 0.5;
  double weight_copy = 1.0;
  double update_gate_bias = 0.0;  ///< initial recurrent bias of every update gate

  static constexpr std::array<std::string_view, 4> variant_names{"emphi", "no_implicit", "no_gates", "no_explicit"};
  static constexpr std::string_view variant_key = "variant";
  static constexpr std::array<std::string_view, 2> states_names{"layers", "released"};
  static constexpr std::array<std::string_view, 3> unlabelled_names{"missing", "neutral", "classifier"};

  bool has_implicit() const { return variant_choice != EmphiVariant::no_implicit; }
  bool has_gates() const { return has_implicit() && variant_choice != EmphiVariant::no_gates; }
  /// Are the replies' intents distributions.
  bool has_distributions() const { return unlabelled == UnlabelledReplies::classifier; }
  bool has_explicit() const { return variant_choice != EmphiVariant::no_explicit; }
  /// What the data says of every reply.
  ReplyLabels reply_labels() const { return {emphi_column, emphi_intents, has_distributions()}; }
  /// Elements that a step of the decoder reads.
  int decoder_input() const { return (has_implicit() ? 4 : 2) * embedding; }

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(variant_choice)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if the data has no labels of intents, or lacks their probabilities where these are wanted.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
