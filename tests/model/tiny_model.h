#pragma once
// ETHREED in small sizes, and the bridge from the engine's layout to the textbook's.

#include "core/context.h"
#include "model/ethreed/ethreed.h"
#include "model/ethreed/ethreed_textbook.h"
#include "tests/model/tiny_dataset.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ethreed::test {

inline constexpr std::array all_ablations{Ablation::none,     Ablation::no_policy,  Ablation::no_gps,
                                          Ablation::no_party, Ablation::no_emotion, Ablation::no_tracking};
inline std::string_view name_of(Ablation ablation) {
  return EthreedConfig::variant_names[static_cast<std::size_t>(ablation)];
}

/// Every size is another one where the model allows it, so that no two can be mixed up unseen.
inline EthreedConfig tiny_config(Ablation ablation = Ablation::none) {
  EthreedConfig config{.vocabulary = tiny_vocabulary,
                       .embedding = 5,
                       .encoder = 3,
                       .global_state = 4,
                       .party_state = 7,
                       .emotion_state = 8,
                       .content_state = 9,
                       .decoder_state = 11,
                       .bottleneck = 10,
                       .emotion_classes = 12,
                       .ablation = ablation};
  if (!config.has_emotion_cell()) config.emotion_state = config.party_state;
  return config;
}

/// The configuration of a model for a tiny data set.
inline EthreedConfig dataset_config(Ablation ablation = Ablation::none) {
  EthreedConfig config = tiny_config(ablation);
  config.embedding = tiny_vector_width;
  config.emotion_classes = emotion_count;
  return config;
}

inline Dialogues random_dialogues(std::uint64_t seed, int count, const EthreedConfig& config,
                                  int longest_utterance = 7) {
  return random_dialogues(seed, count, config.vocabulary, config.emotion_classes, longest_utterance);
}

inline std::shared_ptr<const Model> make_model(const EthreedConfig& config) {
  return std::make_shared<ModelOf<EthreedModel>>(config);
}

/// A model whose parameters are all zero.
template <class T> ModelState<T> make_state(const EthreedConfig& config, bool for_training) {
  return ModelState<T>(layout_of<EthreedModel>(config), for_training);
}
/// The model at the start of a run.
template <class T>
ModelState<T> initial_model(const Dataset& data, const EthreedConfig& config, std::uint64_t seed = 1) {
  return initial_model<T>(data, *make_model(config), seed);
}
inline CheckpointInfo run_info(const Dataset& data, const EthreedConfig& config, const Recipe& recipe) {
  return run_info(data, RunConfig{.model = make_model(config), .recipe = recipe});
}

/// The parameters of a step by their roles.
template <class T>
EthreedParameters<Variable<T>> bind_named(Tape<T>& tape, const EthreedConfig& config, ModelState<T>& state) {
  return named_parameters<EthreedModel>(config, state.bind(tape));
}

/// Turns stand in a split one after the other, the first at `first_place`.
inline DialogueBatch make_batch(const Dialogues& dialogues, int vocabulary, std::int64_t first_place = 0) {
  DialogueBatch batch;
  batch.build(DialogueExamples(dialogues, first_place).all(), vocabulary);
  return batch;
}

/// Dropout multipliers and ε of one step, in the engine's layout.
template <class T> struct NoiseData {
  std::vector<T> global, party, emotion, content, policy;

  StepNoise<T> step_noise() const {
    const auto pointer = [](const std::vector<T>& values) { return values.empty() ? nullptr : values.data(); };
    return {.masks = {pointer(global), pointer(party), pointer(emotion), pointer(content)}, .policy = pointer(policy)};
  }
};

template <class T>
NoiseData<T> draw_noise(const EthreedConfig& config, const DialogueBatch& batch, std::uint64_t seed, bool dropout,
                        bool sample) {
  Random random(seed);
  NoiseData<T> noise;
  const auto mask = [&](std::vector<T>& values, int rows, int width) {
    values.resize(dropout ? rows * width : 0);
    for (T& value : values) value = static_cast<T>(random.chance(0.3) ? 0.0 : 1.25);
  };
  mask(noise.global, 2 * batch.turns(), config.global_state);
  if (config.has_party()) mask(noise.party, 2 * batch.turns(), config.party_state);
  if (config.has_emotion_cell()) mask(noise.emotion, 2 * batch.turns(), config.emotion_state);
  mask(noise.content, batch.turns(), config.content_state);
  noise.policy.resize(sample && config.has_policy() ? batch.turns() * config.emotion_state : 0);
  for (T& value : noise.policy) value = static_cast<T>(random.normal());
  return noise;
}

// --- to the reference ------------------------------------------------------------------------------------------------

inline reference::Switches switches_of(const EthreedConfig& config) {
  reference::Switches switches{.listener_labels = config.listener_labels};
  switch (config.ablation) {
    case Ablation::none: break;
    case Ablation::no_policy: switches.policy = false; break;
    case Ablation::no_gps: switches.divergence = false; break;
    case Ablation::no_party: switches.party = false; break;
    case Ablation::no_emotion: switches.emotion_cell = false; break;
    case Ablation::no_tracking: switches.two_chains = false; break;
  }
  return switches;
}

template <class T> reference::Parameters reference_parameters(const ModelState<T>& model) {
  reference::Parameters parameters;
  for (const auto& entry : model.layout.entries()) {
    const T* values = model.values.data() + entry.offset;
    parameters[entry.name] = {{entry.shape.sizes().begin(), entry.shape.sizes().end()},
                              {values, values + entry.shape.count()}};
  }
  return parameters;
}

/// The dialogues in the order given, each turn with its share of the noise.
template <class T>
std::vector<reference::Dialogue> reference_dialogues(const Dialogues& dialogues, const EthreedConfig& config,
                                                     const DialogueBatch& batch, const NoiseData<T>& noise) {
  std::vector<reference::Dialogue> out(dialogues.size());
  for (std::size_t d = 0; d < dialogues.size(); ++d) out[d].resize(dialogues[d].size());
  const auto row = [](const std::vector<T>& values, int index, int width) {
    if (values.empty()) return reference::Vector{};
    return reference::Vector(values.begin() + index * width, values.begin() + (index + 1) * width);
  };
  for (int i = 0; i < batch.turns(); ++i) {
    const int d = batch.turn_dialogue[i], t = batch.turn_time[i];
    const TurnData& turn = dialogues[d][t];
    const int post = batch.post_chain[i], response = batch.response_chain[i];
    const bool pairs = config.has_two_chains();
    out[d][t] = {
        .post = {turn.post.begin(), turn.post.end()},
        .response = {turn.response.begin(), turn.response.end()},
        .emotion = turn.emotion,
        .listener_label = turn.listener_label,
        .noise = row(noise.policy, i, config.emotion_state),
        .post_dropout = {row(noise.global, post, config.global_state), row(noise.party, post, config.party_state),
                         row(noise.emotion, pairs ? batch.post_pair[i] : post, config.emotion_state)},
        .response_dropout = {row(noise.global, response, config.global_state),
                             row(noise.party, response, config.party_state),
                             row(noise.emotion, pairs ? batch.response_pair[i] : response, config.emotion_state)},
        .content_dropout = row(noise.content, i, config.content_state)};
  }
  return out;
}

/// The largest |a − b| / max(1, |b|) per name; NaN counts as infinite.
class Differences {
 public:
  template <class T> void compare(const std::string& name, const T* got, const reference::Vector& wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) compare(name, static_cast<double>(got[i]), wanted[i]);
  }
  void compare(const std::string& name, double got, double wanted) {
    const double difference = std::abs(got - wanted) / std::max(1.0, std::abs(wanted));
    double& worst = worst_[name];
    worst = std::isfinite(difference) ? std::max(worst, difference) : std::numeric_limits<double>::infinity();
  }
  const std::map<std::string, double>& worst() const { return worst_; }

 private:
  std::map<std::string, double> worst_;
};

}  // namespace ethreed::test
