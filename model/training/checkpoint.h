#pragma once
// A checkpoint is a directory (see the interchange format): model.safetensors, optimizer.safetensors, vocabulary.txt,
// config.json, state.json. It is replaced as a whole or not at all. state.json holds fingerprints of the other files,
// so that one that was changed later is not taken for what the run learned.

#include "model/interface/model_state.h"
#include "model/interface/run_config.h"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ethreed {

/// Format 2 names its model in config.json; format 1 had one model only, and is read.
inline constexpr int checkpoint_format = 2;

/// Validation figures that are kept with a checkpoint: those that the model logs.
struct ValidationFigures {
  int epoch = -1;  ///< the epoch after which they were taken, from 0; −1: none yet
  std::map<std::string, double> values;
  bool operator==(const ValidationFigures&) const = default;
};

/// Loss terms added up since the last line of the log, so that a resumed run writes the same lines.
struct RunningLosses {
  std::array<double, max_loss_terms> term{};  ///< in the order of the model's losses()
  double total = 0, gradient_norm = 0;
  std::int64_t steps = 0, tokens = 0;
  bool operator==(const RunningLosses&) const = default;
};

/// Where a run stands. Random numbers need no state: they are functions of the seed and these counters.
struct TrainingProgress {
  int epoch = 0;                ///< epoch in hand, from 0
  std::int64_t next_batch = 0;  ///< the batch of that epoch that comes next
  std::int64_t step = 0;        ///< optimizer steps done
  bool finished = false;        ///< all epochs are done
  ValidationFigures last, best;
  RunningLosses running;
  bool operator==(const TrainingProgress&) const = default;
};

/// Everything in a checkpoint but the tensors.
struct CheckpointInfo {
  RunConfig config;
  TrainingProgress progress;
  std::string data_path;         ///< where the prepared data lay, as given
  std::string data_fingerprint;  ///< what it was (fingerprint_for)
  std::vector<std::string> vocabulary;
  std::vector<LabelSet> labels;  ///< classes of the label sets that the model speaks of
};

/// Writes `directory`, replacing what is there in one step. Throws Error (directory not writable, disk full, …); what
/// was there before is then untouched.
void save_checkpoint(const std::filesystem::path& directory, const ModelState<float>& model,
                     const CheckpointInfo& info);

/// Reads everything but the tensors. Throws Error naming the file and what to do if it is missing, damaged, changed
/// since it was saved or of another format version.
CheckpointInfo load_checkpoint_info(const std::filesystem::path& directory);

/// Reads the parameters (and Adam's moments if `model` is for training) into `model`. Throws Error if a tensor is
/// missing, superfluous, of another shape or type, or not finite, or if the file was changed since it was saved.
template <class T> void load_checkpoint_tensors(const std::filesystem::path& directory, ModelState<T>& model);

/// The checkpoint of a run directory to read: RUN itself if it holds a config.json, else RUN/<which>.
/// Throws Error if there is none.
std::filesystem::path checkpoint_in(const std::filesystem::path& run, const std::string& which);

/// True if RUN/<which> is a checkpoint.
bool has_checkpoint(const std::filesystem::path& run, const std::string& which);

}  // namespace ethreed
