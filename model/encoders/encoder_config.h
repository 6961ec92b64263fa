#pragma once
// What config.json says of a pretrained encoder of BERT's family.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Who made the encoder: names of tensors, positions and the head for classification are the family's.
enum class EncoderFamily {
  bert,        ///< Devlin et al. 2019; MiniLM (Wang et al. 2020), too
  roberta,     ///< Liu et al. 2019
  distilbert,  ///< Sanh et al. 2019
  mpnet        ///< Song et al. 2020
};
/// "bert": what `model_type` says, and the prefix of the names of tensors.
std::string_view name_of(EncoderFamily family);

inline constexpr int most_encoder_layers = 64;

/// Sizes as the papers call them: d = width, d_ff = inner.
struct EncoderConfig {
  EncoderFamily family = EncoderFamily::bert;
  int vocabulary = 0;
  int width = 0;   ///< d, a multiple of heads
  int layers = 0;  ///< 1 to most_encoder_layers
  int heads = 0;
  int inner = 0;      ///< d_ff
  int positions = 0;  ///< rows of the table of positions
  int types = 0;      ///< rows of the table of token types; 0: there is none
  int distances = 0;  ///< rows of MPNet's table of distances between tokens; 0: there is none
  std::int32_t pad = 0;
  double epsilon = 1e-12;                  ///< of every layer norm, added to the variance
  double dropout = 0.1;                    ///< after the embeddings and after both parts of a layer
  double attention_dropout = 0.1;          ///< of the attention's weights
  double head_dropout = 0.1;               ///< in the head for classification
  std::vector<std::string> labels;         ///< classes of that head, by number
  std::vector<std::string> architectures;  ///< what the file was saved as; may be empty

  /// The position of a text's first token: RoBERTa and MPNet count from pad + 1.
  int first_position() const {
    return family == EncoderFamily::roberta || family == EncoderFamily::mpnet ? pad + 1 : 0;
  }
  /// Tokens of the longest text, specials included.
  int longest() const { return positions - first_position(); }
};

/// Throws Error, naming `source` and the key, for a model that is not known here (model_type, hidden_act, a decoder,
/// other embeddings of positions), for sizes that are absent or out of range and for labels that contradict each other.
/// Keys that say nothing of the computation are passed over.
EncoderConfig encoder_config_of(std::string_view json, const std::string& source);

/// The same of config.json in a folder. Throws Error if the folder or the file is not there.
EncoderConfig read_encoder_config(const std::filesystem::path& folder);

}  // namespace ethreed
