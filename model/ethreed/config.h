#pragma once
// What a run is made of: the sizes of the model, the ablation, the recipe. Read from JSON, checked, written back.

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ethreed {

/// Section 4.2 of the paper: what is taken out of the model. `none` is the whole model.
enum class Ablation { none, no_policy, no_gps, no_party, no_emotion, no_tracking };

std::string_view name_of(Ablation ablation);
/// Throws Error naming the six names if `name` is none of them.
Ablation ablation_from(std::string_view name);

/// Sizes of the model. Symbols are the paper's.
struct ModelConfig {
  int vocabulary = 0;       ///< V, from the data
  int embedding = 300;      ///< D_w, from the data's vectors
  int encoder = 300;        ///< D_h of each direction
  int global_state = 300;   ///< D_g
  int party_state = 300;    ///< D_p
  int emotion_state = 300;  ///< D_e
  int content_state = 300;  ///< D_c
  int decoder_state = 300;  ///< D_s
  int bottleneck = 300;     ///< width of V₁ in (22)
  int emotions = 32;        ///< K
  Ablation ablation = Ablation::none;
  bool listener_labels = true;       ///< false: no listener term and no KL term, for want of labels
  bool constraint_gradient = false;  ///< true: p of (12) is not detached

  bool has_policy() const { return ablation != Ablation::no_policy; }
  bool has_divergence() const { return has_policy() && ablation != Ablation::no_gps && listener_labels; }
  bool has_party() const { return ablation != Ablation::no_party; }
  bool has_emotion_cell() const { return ablation != Ablation::no_emotion; }
  bool has_two_chains() const { return ablation != Ablation::no_tracking; }
  /// Throws Error naming the key if a size is out of range or sizes contradict each other.
  void check() const;
  bool operator==(const ModelConfig&) const = default;
};

/// Weights of the four losses in (26).
struct LossWeights {
  double emotion = 1.0;     ///< L1
  double policy = 1.0;      ///< L2
  double generation = 1.0;  ///< L3
  double coverage = 1.0;    ///< L4
  bool operator==(const LossWeights&) const = default;
};

/// The recipe of training.
struct TrainingConfig {
  int epochs = 9;
  int batch = 8;  ///< dialogues
  double learning_rate = 5e-4;
  double learning_rate_factor = 0.3;  ///< applied every `learning_rate_epochs`
  int learning_rate_epochs = 3;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double clip_norm = 1.0;
  double dropout = 0.5;           ///< on g, p, e, c
  double update_gate_bias = 2.0;  ///< initial recurrent bias of every update gate
  std::uint64_t seed = 1;
  LossWeights weights;
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Learning rate in epoch `epoch` (from 0).
  double learning_rate_at(int epoch) const;
  bool operator==(const TrainingConfig&) const = default;
};

struct RunConfig {
  ModelConfig model;
  TrainingConfig training;
  bool operator==(const RunConfig&) const = default;
};

/// {"model": {…}, "training": {…}} with every key.
nlohmann::json to_json(const RunConfig& config);
/// Overwrites in `config` the keys that `json` has. Throws Error naming `source` and the key if a key does not exist,
/// has the wrong type or is out of range.
void update_from_json(RunConfig& config, const nlohmann::json& json, const std::string& source);
/// Reads a JSON file and applies update_from_json. Throws Error if the file cannot be read or parsed.
void update_from_file(RunConfig& config, const std::string& path);

}  // namespace ethreed
