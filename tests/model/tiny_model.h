#pragma once
// Models and dialogues small enough for textbook loops, and the bridge from the engine's layout to the reference's.

#include "core/context.h"
#include "core/philox.h"
#include "model/ethreed/ethreed.h"
#include "model/training/model_state.h"
#include "tests/reference/ethreed_reference.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace ethreed::test {

inline constexpr std::array all_ablations{Ablation::none,     Ablation::no_policy,  Ablation::no_gps,
                                          Ablation::no_party, Ablation::no_emotion, Ablation::no_tracking};

/// Uniform numbers, one after the other, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : stream_(seed, 77) {}
  double uniform(double low, double high) { return low + (high - low) * stream_.uniform(next_++); }
  double normal() {
    next_ += 2;
    return stream_.normal(next_);
  }
  /// 0 … n − 1
  int below(int n) { return static_cast<int>(stream_.below(static_cast<std::uint64_t>(n), next_++)); }
  bool chance(double probability) { return uniform(0, 1) < probability; }

 private:
  PhiloxStream stream_;
  std::uint64_t next_ = 0;
};

/// Every size is another one where the model allows it, so that no two can be mixed up unseen.
inline ModelConfig tiny_config(Ablation ablation = Ablation::none) {
  ModelConfig config{.vocabulary = 30,
                     .embedding = 5,
                     .encoder = 3,
                     .global_state = 4,
                     .party_state = 7,
                     .emotion_state = 8,
                     .content_state = 9,
                     .decoder_state = 11,
                     .bottleneck = 10,
                     .emotions = 12,
                     .ablation = ablation};
  if (!config.has_emotion_cell()) config.emotion_state = config.party_state;
  return config;
}

/// One turn with its words.
struct TurnData {
  std::vector<std::int32_t> post, response;
  int emotion = -1, listener_label = -1;
};
using DialogueData = std::vector<TurnData>;
using Dialogues = std::vector<DialogueData>;

inline Batch make_batch(const Dialogues& dialogues, int vocabulary) {
  std::vector<std::vector<TurnInput>> turns;
  for (const DialogueData& dialogue : dialogues) {
    turns.emplace_back();
    for (const TurnData& turn : dialogue)
      turns.back().push_back({turn.post, turn.response, turn.emotion, turn.listener_label});
  }
  const std::vector<DialogueInput> inputs(turns.begin(), turns.end());
  Batch batch;
  batch.build(inputs, vocabulary);
  return batch;
}

/// Words with repetitions, words outside the vocabulary (ids V … V + 4) and now and then UNK, then EOS; `copied` lends
/// some of its words.
inline std::vector<std::int32_t> random_words(Random& random, int vocabulary, int most,
                                              const std::vector<std::int32_t>& copied = {}) {
  std::vector<std::int32_t> words;
  const int count = random.below(most);
  for (int i = 0; i < count; ++i) {
    if (!copied.empty() && random.chance(0.3))
      words.push_back(copied[static_cast<std::size_t>(random.below(static_cast<int>(copied.size())))]);
    else if (!words.empty() && random.chance(0.3))
      words.push_back(words[static_cast<std::size_t>(random.below(i))]);
    else if (random.chance(0.2))
      words.push_back(vocabulary + random.below(5));
    else if (random.chance(0.05))
      words.push_back(unk_id);
    else
      words.push_back(special_count + random.below(vocabulary - special_count));
    if (words.back() == eos_id) words.back() = special_count;
  }
  words.push_back(eos_id);
  return words;
}

inline Dialogues random_dialogues(std::uint64_t seed, int count, const ModelConfig& config, int longest_utterance = 7) {
  Random random(seed);
  Dialogues dialogues(static_cast<std::size_t>(count));
  for (DialogueData& dialogue : dialogues) {
    dialogue.resize(static_cast<std::size_t>(1 + random.below(4)));
    const int emotion = random.chance(0.1) ? -1 : random.below(config.emotions);
    for (TurnData& turn : dialogue) {
      turn.post = random_words(random, config.vocabulary, longest_utterance);
      turn.response = random_words(random, config.vocabulary, longest_utterance, turn.post);
      turn.emotion = emotion;
      turn.listener_label = random.chance(0.3) ? -1 : random.below(config.emotions);
    }
  }
  return dialogues;
}

/// The traps of this family of models in one batch (V = 30): T = 1 beside T = 4, utterances of one token, a target that
/// is only EOS, repeated source words, a source all outside the vocabulary, targets outside the vocabulary that the
/// source has and has not, missing labels.
inline Dialogues awkward_dialogues() {
  return {
      {{{3}, {3}, 5, 2}},
      {{{9, 9, 4, 9, 3}, {9, 4, 9, 9, 3}, 1, -1},
       {{30, 8, 30, 31, 3}, {30, 32, 8, 31, 3}, 1, 7},
       {{7, 3}, {3}, 1, -1},
       {{1, 33, 6, 3}, {33, 34, 1, 6, 29, 3}, 1, 0}},
      {{{40, 41, 40, 42, 3}, {40, 43, 42, 42, 5, 3}, -1, 11}},
      {{{4, 5, 6, 7, 8, 29, 3}, {10, 3}, 0, 4}, {{11, 3}, {12, 13, 14, 15, 16, 17, 18, 3}, 0, -1}},
  };
}

template <class T> void randomise(ModelState<T>& model, std::uint64_t seed, double bound = 0.7) {
  Random random(seed);
  for (const auto& entry : model.layout.entries())
    for (std::int64_t i = 0; i < entry.shape.count(); ++i)
      model.values[entry.offset + i] = static_cast<T>(random.uniform(-bound, bound));
}

/// The values of one parameter.
template <class T> std::span<T> parameter(ModelState<T>& model, std::string_view name) {
  const ParameterLayout::Entry* entry = model.layout.find(name);
  ETHREED_CHECK(entry != nullptr, "test: the model has no parameter '{}'", name);
  return {model.values.data() + entry->offset, static_cast<std::size_t>(entry->shape.count())};
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
NoiseData<T> draw_noise(const ModelConfig& config, const Batch& batch, std::uint64_t seed, bool dropout, bool sample) {
  Random random(seed);
  NoiseData<T> noise;
  const auto mask = [&](std::vector<T>& values, int rows, int width) {
    values.resize(dropout ? static_cast<std::size_t>(rows) * static_cast<std::size_t>(width) : 0);
    for (T& value : values) value = static_cast<T>(random.chance(0.3) ? 0.0 : 1.25);
  };
  mask(noise.global, 2 * batch.turns(), config.global_state);
  if (config.has_party()) mask(noise.party, 2 * batch.turns(), config.party_state);
  if (config.has_emotion_cell()) mask(noise.emotion, 2 * batch.turns(), config.emotion_state);
  mask(noise.content, batch.turns(), config.content_state);
  noise.policy.resize(sample && config.has_policy() ? static_cast<std::size_t>(batch.turns() * config.emotion_state)
                                                    : 0);
  for (T& value : noise.policy) value = static_cast<T>(random.normal());
  return noise;
}

// --- to the reference ------------------------------------------------------------------------------------------------

inline reference::Switches switches_of(const ModelConfig& config) {
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
std::vector<reference::Dialogue> reference_dialogues(const Dialogues& dialogues, const ModelConfig& config,
                                                     const Batch& batch, const NoiseData<T>& noise) {
  std::vector<reference::Dialogue> out(dialogues.size());
  for (std::size_t d = 0; d < dialogues.size(); ++d) out[d].resize(dialogues[d].size());
  const auto row = [](const std::vector<T>& values, int index, int width) {
    if (values.empty()) return reference::Vector{};
    return reference::Vector(values.begin() + index * width, values.begin() + (index + 1) * width);
  };
  for (int i = 0; i < batch.turns(); ++i) {
    const auto n = static_cast<std::size_t>(i);
    const auto d = static_cast<std::size_t>(batch.turn_dialogue[n]), t = static_cast<std::size_t>(batch.turn_time[n]);
    const TurnData& turn = dialogues[d][t];
    const int post = batch.post_chain[n], response = batch.response_chain[n];
    const bool pairs = config.has_two_chains();
    out[d][t] = {
        .post = {turn.post.begin(), turn.post.end()},
        .response = {turn.response.begin(), turn.response.end()},
        .emotion = turn.emotion,
        .listener_label = turn.listener_label,
        .noise = row(noise.policy, i, config.emotion_state),
        .post_dropout = {row(noise.global, post, config.global_state), row(noise.party, post, config.party_state),
                         row(noise.emotion, pairs ? batch.post_pair[n] : post, config.emotion_state)},
        .response_dropout = {row(noise.global, response, config.global_state),
                             row(noise.party, response, config.party_state),
                             row(noise.emotion, pairs ? batch.response_pair[n] : response, config.emotion_state)},
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
