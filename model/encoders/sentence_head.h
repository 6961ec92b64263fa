#pragma once
// A linear classifier on the sentence vectors of an encoder that is left as it is.

#include "core/context.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// The mean of a text's last hidden states [tokens, d] over all its tokens, special ones included, of length 1: what
/// sentence encoders are trained to compare. Zeros for a text without tokens.
std::vector<float> sentence_vector(std::span<const float> states, int width);

/// logits = W x + b of a sentence vector x.
struct SentenceHead {
  static constexpr const char* file_name = "sentence_head.safetensors";

  int width = 0;                    ///< d
  std::vector<std::string> labels;  ///< K
  std::vector<float> weight;        ///< [K, d]
  std::vector<float> bias;          ///< [K]

  /// Softmax of the logits, [K].
  std::vector<double> probabilities(std::span<const float> vector) const;
  /// Throws Error if the file cannot be written.
  void write(const std::filesystem::path& folder) const;
  /// Throws Error for a file that is damaged, has other shapes than its labels and width say, or holds a number that is
  /// not finite.
  static SentenceHead read(const std::filesystem::path& folder);
};

/// Multinomial logistic regression by AdamW. Vectors are standardised by mean and deviation of the training ones, which
/// then become part of W and b.
struct SentenceHeadRecipe {
  int epochs = 30;
  int batch = 128;
  double learning_rate = 1e-3;
  double weight_decay = 0.01;  ///< of W
  std::uint64_t seed = 1;
};

/// Vectors [texts, d], one behind the other, and their classes.
struct LabelledVectors {
  std::span<const float> vectors;
  Indices labels;
};

/// Trains for all epochs and returns the head of the epoch with the best accuracy on `valid`, the first of equals.
/// `observe(epoch, mean loss, accuracy on valid)` is called after every epoch; false stops the training, and the best
/// so far is returned. Throws Error for sizes that do not fit and labels out of range.
SentenceHead train_sentence_head(Context& context, const std::vector<std::string>& labels, int width,
                                 const LabelledVectors& train, const LabelledVectors& valid,
                                 const SentenceHeadRecipe& recipe,
                                 const std::function<bool(int, double, double)>& observe);

}  // namespace ethreed
