#pragma once
// The configuration of MIME.

#include "model/blocks/config_fields.h"
#include "model/blocks/transformer.h"
#include "model/interface/data_description.h"

#include <array>
#include <string>
#include <string_view>

namespace ethreed {

/// Whose sample of the latent variables the decoder learns from.
enum class DecoderSample {
  prior,      ///< as the released code does
  posterior,  ///< as the paper says; the prior's without a gold emotion: in generation and in figures
};

/// By which perplexity the best epoch is chosen.
enum class MimeSelection {
  predicted_group,  ///< of what the model knows when it replies
  gold_group,       ///< as the released code does
};

/// The emotions that MIME's authors call positive; every other one of the 32 is negative.
inline constexpr std::string_view mime_positive_emotions =
    "caring confident content excited faithful grateful hopeful impressed joyful prepared proud surprised trusting";

/// Defaults are the sizes of the released command.
struct MimeConfig {
  int vocabulary = 0;            ///< V, from the data
  int embedding = 300;           ///< D_w, from the data's vectors
  TransformerSizes transformer;  ///< width is d: of states, latent variables and emotions alike
  int emotion_classes = 32;      ///< K, from the data
  int max_context = 1000;        ///< positions of a context, CLS included; a longer one loses its first words
  DecoderSample decoder_sample = DecoderSample::prior;
  bool shared_log_variance = false;  ///< λ of the positive group serves the negative one, too: a slip of the release
  bool one_mimicry_encoder = false;  ///< one set of weights for M and M̃, as the paper writes it
  std::string positive_emotions{mime_positive_emotions};  ///< names, blanks between them
  std::string emotion_groups;                             ///< from the data: one '+' or '-' for each class
  double label_smoothing = 0.1;
  MimeSelection selection = MimeSelection::predicted_group;
  bool sample_in_training = true;  ///< false: latent variables are their means in training

  static constexpr std::array<std::string_view, 2> variant_names{"prior", "posterior"};
  static constexpr std::string_view variant_key = "decoder_sample";
  static constexpr std::array<std::string_view, 2> selection_names{"predicted_group", "gold_group"};

  MimeConfig();

  int width() const { return transformer.width; }
  bool is_positive(int emotion) const { return emotion_groups[static_cast<std::size_t>(emotion)] == '+'; }
  /// Classes of the positive or of the negative group.
  int group_size(bool positive) const;

  std::string_view variant() const { return variant_names[static_cast<std::size_t>(decoder_sample)]; }
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says, and which of its emotions are positive.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Throws Error if there is an emotion that nobody has put into a group.
  void check_data(const DataDescription& data) const;
};

}  // namespace ethreed
