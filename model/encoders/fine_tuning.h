#pragma once
// Trains a pretrained encoder and its head for classification further, on texts with labels.

#include "core/context.h"
#include "model/encoders/encoder_file.h"
#include "model/subwords/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// AdamW (β .9 and .999, ε 1e-8); the rate rises over the first updates, then falls to 0 with the last one. Dropout is
/// that of the encoder's configuration. Devlin et al. 2019, appendix A.3; Mosbach et al., "On the Stability of
/// Fine-tuning BERT", ICLR 2021.
struct FineTuneRecipe {
  int epochs = 5;
  int batch = 32;      ///< texts of an update; the last batch of an epoch may have fewer
  int accumulate = 1;  ///< parts that a batch is computed in, one after the other: memory falls, the update stays
  double learning_rate = 2e-5;  ///< the highest
  double warm_up = 0.1;         ///< share of all updates over which the rate rises
  double weight_decay = 0.01;   ///< of all but biases and layer norms
  double clip_norm = 1.0;
  double layer_decay = 1.0;  ///< × the rate for each layer below the head (Howard, Ruder 2018; Clark et al. 2020)
  std::uint64_t seed = 1;

  /// Throws Error naming the value that is out of range.
  void check() const;
  /// Of update `step` (from 0) of `steps`.
  double learning_rate_at(std::int64_t step, std::int64_t steps) const;
  /// All values as JSON: whether two recipes are the same.
  std::string text() const;
};

/// What a person usually takes for an encoder of this size: 1e-5 for 1,024 wide and more, 3e-5 for DistilBERT and
/// MPNet, 1e-4 over 8 epochs for 384 and less, else 2e-5; five epochs.
FineTuneRecipe usual_recipe(const EncoderConfig& config);

/// One training. Bits depend on the encoder, the texts, the recipe and the number of parts, not on the threads.
class FineTuning {
 public:
  /// `encoder` with a head for classification; `rows` and `labels` (of each row, 0 to K − 1) must outlive this. Throws
  /// Error for a recipe or labels out of range and rows without tokens.
  FineTuning(PretrainedEncoder<float> encoder, std::span<const SubwordRow> rows, Indices labels,
             const FineTuneRecipe& recipe);

  const EncoderLayout& layout() const { return encoder_.layout; }
  float* values() { return encoder_.values.data(); }
  int epoch() const { return epoch_; }
  std::int64_t step() const { return step_; }
  std::int64_t steps_per_epoch() const;
  /// Texts of this epoch that were trained on.
  std::int64_t texts_done() const { return next_; }
  bool finished() const { return epoch_ >= recipe_.epochs; }
  /// The mean loss of the epoch's texts so far.
  double mean_loss() const { return next_ == 0 ? 0 : loss_ / static_cast<double>(next_); }

  /// The next update. Throws Error if the loss or the gradient's norm is not finite; nothing has changed then.
  void update(Context& context);
  /// Has every text of this epoch been trained on? Then next_epoch() goes on.
  bool epoch_is_done() const { return next_ >= static_cast<std::int64_t>(rows_.size()); }
  void next_epoch();

  /// Everything that going on needs, in one file. `notes`: texts of the caller, given back by load().
  void save(const std::filesystem::path& path, const std::string& notes) const;
  /// Throws Error for a file that is damaged or of another recipe, other texts or another encoder.
  std::string load(const std::filesystem::path& path);

 private:
  struct Group {
    std::int64_t offset, count;
    bool decays;
    double rate;  // × the learning rate
  };
  float gradients_of(Context& context, std::span<const std::int32_t> texts, std::int64_t of, int part);
  std::string fingerprint() const;
  void shuffle();

  PretrainedEncoder<float> encoder_;
  std::span<const SubwordRow> rows_;
  Indices labels_;
  FineTuneRecipe recipe_;
  std::vector<Group> groups_;
  Tensor<float> gradients_, part_, m_, v_;
  std::vector<std::int32_t> order_;
  std::uint32_t start_ = 0;  // CRC of the values that it began with
  int epoch_ = 0;
  std::int64_t step_ = 0, next_ = 0;
  double loss_ = 0;
};

}  // namespace ethreed
