#pragma once
// The configuration of EmpDG.

#include "model/blocks/config_fields.h"
#include "model/blocks/transformer.h"
#include "model/interface/data_description.h"

#include <array>
#include <string>
#include <string_view>

namespace ethreed {

/// Which words are emotion words.
enum class EmpdgWords {
  data_lexicon,  ///< those that tell most of the emotions in the situations of the training split
  lexicon,       ///< those of a file
};

/// Where a lexicon is from, and what to do without one: the end of an error's message.
inline constexpr std::string_view lexicon_advice =
    "give the file of the NRC Word-Emotion Association Lexicon (version 0.92, by S. Mohammad and P. Turney, "
    "saifmohammad.com/WebPages/NRC-Emotion-Lexicon.htm: free for research and education, not to be passed on), or any "
    "list of words, one a line, as model key 'lexicon' after --config; without one take --variant data_lexicon";

/// What the emotion's loss is of a batch.
enum class EmpdgEmotionLoss {
  sum,   ///< as in the released code
  mean,  ///< as in the port of CEM's authors
};

/// By what the best epoch is chosen.
enum class EmpdgSelection {
  perplexity,  ///< of the first stage
  accuracy,    ///< of the release's second stage
};

/// Defaults are the sizes of the released command.
struct EmpdgConfig {
  int vocabulary = 0;            ///< V, from the data
  int embedding = 300;           ///< D_w, from the data's vectors
  TransformerSizes transformer;  ///< of both encoders and the decoder; width is d
  int emotion_classes = 32;      ///< K, from the data
  int max_context = 1000;        ///< positions of a context, CLS included; a longer one loses its first words
  EmpdgWords words = EmpdgWords::data_lexicon;
  std::string lexicon;             ///< of `lexicon`: the file, read once, at the start of a training
  int lexicon_count = 5;           ///< of `data_lexicon`: how often a word is in the situations at least
  double lexicon_coverage = 0.23;  ///< of `data_lexicon`: the share of the contexts' tokens that its words reach
  bool copy = false;               ///< may words of the context be copied
  double label_smoothing = 0.1;
  EmpdgEmotionLoss emotion_loss = EmpdgEmotionLoss::sum;
  EmpdgSelection selection = EmpdgSelection::perplexity;

  static constexpr std::array<std::string_view, 2> variant_names{"data_lexicon", "lexicon"};
  static constexpr std::array<std::string_view, 2> loss_names{"sum", "mean"};
  static constexpr std::array<std::string_view, 2> selection_names{"perplexity", "accuracy"};
  static constexpr std::string_view variant_key = "emotion_words";

  int width() const { return transformer.width; }

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(words)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if a lexicon is asked for and none is named.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
