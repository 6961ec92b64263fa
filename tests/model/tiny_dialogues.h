#pragma once
// Invented dialogues with every trap that dialogues can hold, and what tests of any model do with small models.

#include "core/error.h"
#include "core/indices.h"
#include "core/philox.h"
#include "model/blocks/example.h"
#include "model/interface/model_state.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ethreed::test {

inline constexpr int tiny_vocabulary = 30;
inline constexpr int tiny_vector_width = 6;

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

/// One turn with its words.
struct TurnData {
  std::vector<std::int32_t> post, response;
  int emotion = -1, listener_label = -1;
};
using DialogueData = std::vector<TurnData>;
using Dialogues = std::vector<DialogueData>;

/// Dialogues as examples, one after the other in a split whose first turn has the place `first_place`.
class DialogueExamples {
 public:
  /// `dialogues` must outlive this object.
  explicit DialogueExamples(const Dialogues& dialogues, std::int64_t first_place = 0) {
    turns_.reserve(dialogues.size());  // examples point into it
    for (const DialogueData& dialogue : dialogues) {
      std::vector<TurnInput>& turns = turns_.emplace_back();
      for (const TurnData& turn : dialogue)
        turns.push_back({turn.post, turn.response, turn.emotion, turn.listener_label});
      examples_.push_back({.turns = turns, .place = first_place});
      first_place += static_cast<std::int64_t>(turns.size());
    }
  }
  DialogueExamples(const DialogueExamples&) = delete;
  DialogueExamples& operator=(const DialogueExamples&) = delete;
  std::span<const Example> all() const { return examples_; }

 private:
  std::vector<std::vector<TurnInput>> turns_;
  std::vector<Example> examples_;
};

/// Words with repetitions, words outside the vocabulary (ids V … V + 4) and now and then UNK, then EOS; `copied` lends
/// some of its words.
inline std::vector<std::int32_t> random_words(Random& random, int vocabulary, int most,
                                              const std::vector<std::int32_t>& copied = {}) {
  std::vector<std::int32_t> words;
  const int count = random.below(most);
  for (int i = 0; i < count; ++i) {
    if (!copied.empty() && random.chance(0.3))
      words.push_back(copied[random.below(count_of(copied))]);
    else if (!words.empty() && random.chance(0.3))
      words.push_back(words[random.below(i)]);
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

/// `count` dialogues of up to four turns, V and the number of emotions given.
inline Dialogues random_dialogues(std::uint64_t seed, int count, int vocabulary, int emotions,
                                  int longest_utterance = 7) {
  Random random(seed);
  Dialogues dialogues(count);
  for (DialogueData& dialogue : dialogues) {
    dialogue.resize(1 + random.below(4));
    const int emotion = random.chance(0.1) ? -1 : random.below(emotions);
    for (TurnData& turn : dialogue) {
      turn.post = random_words(random, vocabulary, longest_utterance);
      turn.response = random_words(random, vocabulary, longest_utterance, turn.post);
      turn.emotion = emotion;
      turn.listener_label = random.chance(0.3) ? -1 : random.below(emotions);
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

/// Fills the parameters of a block with numbers from ±bound; what stands between them stays as it is.
template <class T>
void randomise(Tensor<T>& block, const ParameterLayout& layout, std::uint64_t seed, double bound = 0.7) {
  Random random(seed);
  for (const auto& entry : layout.entries())
    for (std::int64_t i = 0; i < entry.shape.count(); ++i)
      block[entry.offset + i] = static_cast<T>(random.uniform(-bound, bound));
}
template <class T> void randomise(ModelState<T>& model, std::uint64_t seed, double bound = 0.7) {
  randomise(model.values, model.layout, seed, bound);
}

/// The values of one parameter.
template <class T> std::span<T> parameter(ModelState<T>& model, std::string_view name) {
  const ParameterLayout::Entry* entry = model.layout.find(name);
  ETHREED_CHECK(entry != nullptr, "test: the model has no parameter '{}'", name);
  return {model.values.data() + entry->offset, static_cast<std::size_t>(entry->shape.count())};
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.count() == b.count() &&
         std::equal(std::as_bytes(a.span()).begin(), std::as_bytes(a.span()).end(), std::as_bytes(b.span()).begin());
}

/// Parameters, moments and average alike.
template <class T> bool same_bits(const ModelState<T>& a, const ModelState<T>& b) {
  return same_bits(a.values, b.values) && same_bits(a.first_moment, b.first_moment) &&
         same_bits(a.second_moment, b.second_moment) && same_bits(a.average, b.average);
}

}  // namespace ethreed::test
