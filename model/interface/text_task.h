#pragma once
// What a model of texts learns: which labels of which texts. Shared by the configurations of such models.

#include "model/blocks/config_fields.h"
#include "model/interface/data_description.h"

#include <array>
#include <string>
#include <string_view>

namespace ethreed {

/// Where texts come from.
enum class TextSource {
  situations,  ///< what the speaker was asked to talk about: one text a dialogue
  posts,       ///< P_1 … P_t as one text: one a turn
  utterances,  ///< every utterance of both parties
};
inline constexpr std::array<std::string_view, 3> text_source_names{"situations", "posts", "utterances"};

struct TextTask {
  TextSource texts = TextSource::situations;
  std::string label_set = "emotion";  ///< "emotion" of the dialogue, or a label column of the data
  int classes = 32;                   ///< K, from the data

  std::string_view text_source() const { return text_source_names[static_cast<std::size_t>(texts)]; }
  /// Keys of the section `model`; they point into this object.
  ConfigFields fields();
  void take_data(const DataDescription& data);
  /// Throws Error if the data has no such labels or texts, or the labels are not those of such texts.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
