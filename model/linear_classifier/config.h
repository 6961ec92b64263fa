#pragma once
// The configuration of the linear classifier of texts.

#include "model/blocks/config_fields.h"
#include "model/interface/text_task.h"

#include <array>
#include <string_view>

namespace ethreed {

enum class LinearLoss { squared_hinge, cross_entropy };

struct LinearClassifierConfig {
  int vocabulary = 0;    ///< V, from the data: features of single words
  int buckets = 262144;  ///< features that pairs of words share
  int ngrams = 0;        ///< index of variant_names
  LinearLoss loss = LinearLoss::squared_hinge;
  TextTask task;  ///< which labels of which texts; K from the data

  static constexpr std::array<std::string_view, 2> variant_names{"bigrams", "unigrams"};
  static constexpr std::string_view variant_key = "ngrams";

  bool has_bigrams() const { return ngrams == 0; }
  int features() const { return vocabulary + (has_bigrams() ? buckets : 0); }
  std::string_view variant() const { return variant_names[static_cast<std::size_t>(ngrams)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields() { return {}; }
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if the data has no such labels or texts.
  void check_data(const DataDescription& data) const { task.check_data(data); }
};

}  // namespace ethreed
