#pragma once
// The configuration of MoEL.

#include "model/blocks/config_fields.h"
#include "model/blocks/transformer.h"
#include "model/interface/data_description.h"

#include <array>
#include <string_view>

namespace ethreed {

/// Over which listeners the gate's softmax goes.
enum class ListenerGate {
  top,      ///< the top_k likeliest emotions', as the released command does
  softmax,  ///< all, as the paper says
};

/// What of a context is asked for its emotion.
enum class ContextQuery {
  cls,   ///< the state of CLS
  mean,  ///< the mean of all states, an option of the released code
};

inline constexpr int most_listeners = 64;

/// Defaults are those of the released command.
struct MoelConfig {
  int vocabulary = 0;            ///< V, from the data
  int embedding = 300;           ///< D_w, from the data's vectors
  TransformerSizes transformer;  ///< width is d; `layers` are those of the encoder and of the meta listener
  int emotion_classes = 32;      ///< K, from the data: as many listeners
  int max_context = 1000;        ///< positions of a context, CLS included; a longer one loses its first words
  ListenerGate gate = ListenerGate::top;
  int top_k = 5;  ///< listeners of a reply where the gate is `top`; K and more: all
  ContextQuery query = ContextQuery::cls;
  double label_smoothing = 0.1;
  bool oracle = true;            ///< does the gold emotion choose the listener in some steps of training
  double oracle_decay = 10'000;  ///< steps in which the share of those falls to 1/e
  double oracle_least = 0.0001;  ///< to which it falls

  static constexpr std::array<std::string_view, 2> variant_names{"top", "softmax"};
  static constexpr std::array<std::string_view, 2> query_names{"cls", "mean"};
  static constexpr std::string_view variant_key = "gate";

  int width() const { return transformer.width; }
  /// Listeners of a reply whose emotion is predicted.
  int listeners_of_reply() const;

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(gate)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  void check_data(const DataDescription&) const {}
};

}  // namespace ethreed
