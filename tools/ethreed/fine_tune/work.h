#pragma once
// What both ways of fine-tuning share: the texts, the folder, the figures.

#include "core/context.h"
#include "model/encoders/encoder_config.h"
#include "model/subwords/tokenizer.h"
#include "tools/ethreed/fine_tune/labelled_texts.h"
#include "tools/ethreed/locked_folder.h"
#include "tools/ethreed/session.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

struct FineTuneArguments {
  std::string encoder, corpus, out, labels, precision = "float32";
  bool frozen = false, resume = false, quiet = false;
  int max_length = 128, patience = 0, threads = default_threads();
  std::optional<int> epochs, batch, accumulate;
  std::optional<double> learning_rate, warm_up, weight_decay, clip_norm, layer_decay;
  std::optional<std::uint64_t> seed;
};

/// The rows of one split.
struct LabelledRows {
  const LabelledTexts* texts = nullptr;
  std::vector<SubwordRow> rows;
  std::int64_t cut = 0;  ///< texts that lost their end
};

class FineTuneWork {
 public:
  /// Reads the texts and takes the folder. Throws Error as read_situations, read_encoder_config and
  /// SubwordTokenizer::open do, and if the folder holds something else.
  explicit FineTuneWork(const FineTuneArguments& arguments);

  /// Throws Error if the corpus has no such split.
  const LabelledRows& split(std::string_view name) const;
  /// The name of the encoder's folder.
  std::string encoder_name() const;
  /// A file that an unfinished training leaves in the folder.
  std::filesystem::path state() const { return out / "training.safetensors"; }
  /// From here on the folder stays, whatever happens: what was begun can be gone on with.
  void keep_folder() const { folder_->keep(); }
  /// Throws Error that says how to go on.
  [[noreturn]] void stop() const;
  /// Throws Error unless --resume was given.
  void check_resumed() const;
  /// Figures of the classifier that lies in the folder now, on every split that was not trained on: printed, and with
  /// `record` in figures.json. Removes the state.
  void finish(Context& context, nlohmann::ordered_json record) const;

  const FineTuneArguments& arguments;
  std::filesystem::path out;
  ClassifierData data;
  EncoderConfig config;
  std::vector<LabelledRows> splits;  ///< those with texts

 private:
  void describe() const;
  std::unique_ptr<LockedFolder> folder_;
};

/// Prints at once, also into a file: an epoch can take half an hour.
void say(const std::string& text);

/// A linear head on the sentence vectors of the encoder as it is.
void train_frozen(const FineTuneWork& work, Context& context);
/// The encoder with its head.
void train_whole(const FineTuneWork& work, Context& context);

}  // namespace ethreed
