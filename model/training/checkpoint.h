#pragma once
// A checkpoint is a directory (see the interchange format): model.safetensors, optimizer.safetensors, vocabulary.txt,
// config.json, state.json. It is replaced as a whole or not at all. state.json holds fingerprints of the other files
// and of itself, so that one that was changed later is not taken for what the run learned. It can be passed on: no path
// of the machine is in it, and all that texts are encoded with is.

#include "model/interface/model_state.h"
#include "model/interface/run_config.h"
#include "model/text/word_table.h"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ethreed {

/// What is written where the data's tokens are by the own rules. Formats 1 (one model only, not named) and 2 (with the
/// path of the data, without the classes of the emotions, the lengths, and the fingerprint of state.json) are read.
inline constexpr int checkpoint_format = 3;
/// What is written where they are by others: the same with the name of the rules.
inline constexpr int latest_checkpoint_format = 4;

/// Validation figures that are kept with a checkpoint: those that the model logs.
struct ValidationFigures {
  int epoch = -1;                        ///< the epoch after which they were taken, from 0; −1: none yet
  std::map<std::string, double> values;  ///< those that exist
  /// NaN where there is none.
  double value(const std::string& name) const;
  bool operator==(const ValidationFigures&) const = default;
};

/// Loss terms added up since the last line of the log, so that a resumed run writes the same lines.
struct RunningLosses {
  std::array<double, max_loss_terms> term{};              ///< in the order of the model's losses()
  std::array<std::int64_t, max_loss_terms> steps_with{};  ///< that had the term
  double total = 0, gradient_norm = 0;
  std::int64_t steps = 0, tokens = 0;
  /// Means over the steps; NaN for a term that none of them had.
  double mean(std::size_t k) const;
  double mean_total() const { return total / static_cast<double>(steps); }
  bool operator==(const RunningLosses&) const = default;
};

/// Where a run stands. Random numbers need no state: they are functions of the seed and these counters.
struct TrainingProgress {
  int epoch = 0;                ///< epoch in hand, from 0
  std::int64_t next_batch = 0;  ///< the step of that epoch that comes next
  std::int64_t step = 0;        ///< optimizer steps done
  bool finished = false;        ///< all epochs are done
  ValidationFigures last, best;
  RunningLosses running;
  /// All epochs are done, or the recipe's patience is at its end.
  bool is_over(const Recipe& recipe) const;
  bool operator==(const TrainingProgress&) const = default;
};

/// A key of the recipe that was changed when the run was taken up again.
struct RecipeChange {
  int epoch = 0;          ///< epoch in hand, from 0
  std::int64_t step = 0;  ///< steps done
  std::string text;       ///< "learning_rate: 10 → 0.0001"
  bool operator==(const RecipeChange&) const = default;
};

/// Everything in a checkpoint but the tensors.
struct CheckpointInfo {
  RunConfig config;
  TrainingProgress progress;
  std::string data_name;         ///< the last part of the data's path (format 1 and 2: the path)
  std::string data_fingerprint;  ///< of what was learned from (learned_fingerprint; formats 1 and 2: fingerprint_for)
  std::vector<std::string> vocabulary;
  std::vector<LabelSet> labels;  ///< classes of the label sets that the model speaks of
  std::vector<RecipeChange> changes;
  std::string started_from;        ///< fingerprint of the parameters that the run began with; empty: of a seed
  int format = checkpoint_format;  ///< that it was read from
  /// How texts were cut (see PrepareOptions); old checkpoints do not say, and these were the usual ones.
  int max_length = 40;
  int max_situation_length = 100;
  std::int64_t min_frequency = 1;
  /// By which texts become tokens.
  TokenRules tokens = TokenRules::own;
  /// The vocabulary, with these rules: for texts that the model is to read, and for what it says.
  WordTable word_table() const;
};

/// Writes `directory`, replacing what is there in one step. Parameters are the average, where `model` has one, and its
/// values lie with the moments then. Throws Error (directory not writable, disk full, …); what was there before is then
/// untouched.
void save_checkpoint(const std::filesystem::path& directory, const ModelState<float>& model,
                     const CheckpointInfo& info);

/// Reads everything but the tensors. Throws Error naming the file and what to do if it is missing, damaged, changed
/// since it was saved or of another format version.
CheckpointInfo load_checkpoint_info(const std::filesystem::path& directory);

/// Reads the parameters into `model`, and if it is for training Adam's moments. Where the run has an average of its
/// parameters, that is the model; if it is for training, it becomes model.average, and model.values are the parameters
/// that training goes on from. Throws Error if a tensor is missing, superfluous, of another shape or type, or not
/// finite, or if the file was changed since it was saved.
template <class T> void load_checkpoint_tensors(const std::filesystem::path& directory, ModelState<T>& model);

/// The checkpoint of a run directory to read: RUN itself if it holds a config.json, else RUN/<which>.
/// Throws Error if there is none.
std::filesystem::path checkpoint_in(const std::filesystem::path& run, const std::string& which);

/// True if RUN/<which> is a checkpoint.
bool has_checkpoint(const std::filesystem::path& run, const std::string& which);

/// Compares every file of a checkpoint with its fingerprint, those that its user would not open, too. Throws Error as
/// the functions above, and if state.json has no fingerprints.
void verify_checkpoint(const std::filesystem::path& directory);

/// The fingerprint of a checkpoint's parameters.
std::string parameters_fingerprint(const std::filesystem::path& directory);

/// Puts in order what a process that was killed left of its checkpoints: a half-written one is removed; one that had
/// stepped aside for its successor (<name>.old) is put back where the successor is not there, and removed where it is.
/// For whoever holds the run's lock.
void sweep_leftovers(const std::filesystem::path& run);

}  // namespace ethreed
