#pragma once
// The configuration of the emotion classifier of texts.

#include "model/blocks/config_fields.h"
#include "model/interface/text_task.h"

#include <array>
#include <string_view>

namespace ethreed {

/// How the states of a text become one vector.
enum class Pooling {
  attention,  ///< weighted by softmax_j v·tanh(W h_j + b)
  mean,       ///< the mean of all states
  last,       ///< [→h_len ; ←h_1], as ETHREED's encoder does
};

struct EmotionClassifierConfig {
  int vocabulary = 0;   ///< V, from the data
  int embedding = 300;  ///< D_w, from the data's vectors
  int encoder = 300;    ///< D_h of each direction
  int attention = 300;  ///< width of W
  TextTask task;        ///< which labels of which texts; K from the data
  Pooling pooling = Pooling::attention;
  double dropout = 0.5;           ///< on word vectors and on the pooled vector
  double update_gate_bias = 2.0;  ///< initial recurrent bias of every update gate

  static constexpr std::array<std::string_view, 3> variant_names{"attention", "mean", "last"};
  static constexpr std::string_view variant_key = "pooling";

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(pooling)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if the data has no such labels or texts.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
