#pragma once
// A prepared data set of a few invented dialogues, and a run over it that takes milliseconds.

#include "core/atomic_file.h"
#include "model/text/dataset.h"
#include "model/text/emotions.h"
#include "model/training/checkpoint.h"
#include "model/training/initialisation.h"
#include "tests/model/tiny_model.h"
#include "tests/temporary_folder.h"

namespace ethreed::test {

inline constexpr int tiny_vocabulary = 30;
inline constexpr int tiny_vector_width = 6;

/// A dialogue's situation is its first post once more.
inline SplitContents split_contents(const std::string& name, const Dialogues& dialogues) {
  SplitContents split{.name = name};
  split.situation_offsets.push_back(0);
  const auto add = [&](const std::vector<std::int32_t>& words) {
    split.tokens.insert(split.tokens.end(), words.begin(), words.end());
    split.utterance_offsets.push_back(static_cast<std::int64_t>(split.tokens.size()));
  };
  for (const DialogueData& dialogue : dialogues) {
    for (const TurnData& turn : dialogue) {
      add(turn.post);
      add(turn.response);
      split.listener_label.push_back(turn.listener_label);
    }
    split.dialogue_offsets.push_back(static_cast<std::int64_t>(split.listener_label.size()));
    split.emotion.push_back(std::max(0, dialogue.front().emotion));
    split.conversation_bytes += "c" + std::to_string(split.emotion.size());
    split.conversation_offsets.push_back(static_cast<std::int64_t>(split.conversation_bytes.size()));
    const std::vector<std::int32_t>& situation = dialogue.front().post;
    split.situation_tokens.insert(split.situation_tokens.end(), situation.begin(), situation.end());
    split.situation_offsets.push_back(static_cast<std::int64_t>(split.situation_tokens.size()));
  }
  return split;
}

/// Writes a data set to FOLDER/data and opens it: V = 30, five words more, the dialogues of `splits` by split name.
inline Dataset make_dataset(const TemporaryFolder& folder, const std::map<std::string, Dialogues>& splits) {
  DatasetContents contents;
  for (const std::string_view word : special_words) contents.words.id(word);
  for (int i = special_count; i < tiny_vocabulary + 5; ++i) contents.words.id("word" + std::to_string(i));
  contents.vectors = Tensor<float>({tiny_vocabulary, tiny_vector_width});
  Random random(17);
  for (float& value : contents.vectors.span()) value = static_cast<float>(random.normal() * 0.4);
  for (const auto& [name, dialogues] : splits) contents.splits.push_back(split_contents(name, dialogues));
  contents.min_frequency = 1;
  contents.max_length = 12;
  contents.has_listener_labels = true;
  contents.vectors_source = "random";
  std::filesystem::create_directory(folder / "data");
  AtomicFile file(folder / "data" / dataset_file_name);
  write_dataset(file, contents);
  file.commit();
  return Dataset::open(folder / "data");
}

/// The configuration of a model for such a data set.
inline ModelConfig dataset_config(Ablation ablation = Ablation::none) {
  ModelConfig config = tiny_config(ablation);
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.emotions = emotion_count;
  return config;
}

/// 11 dialogues to train on, 5 to validate on.
inline Dataset random_dataset(const TemporaryFolder& folder) {
  const ModelConfig config = dataset_config();
  return make_dataset(folder,
                      {{"train", random_dialogues(41, 11, config)}, {"valid", random_dialogues(42, 5, config)}});
}

inline CheckpointInfo run_info(const Dataset& data, const ModelConfig& model, const TrainingConfig& training) {
  CheckpointInfo info{.config = {model, training}, .data_path = "data", .data_fingerprint = data.fingerprint()};
  for (std::int32_t id = 0; id < data.vocabulary_size(); ++id) info.vocabulary.emplace_back(data.word(id));
  return info;
}

/// The model at the start of a run.
template <class T> ModelState<T> initial_model(const Dataset& data, const ModelConfig& config, std::uint64_t seed = 1) {
  ModelState<T> model(config, true);
  ThreadPool pool(1);
  initialise_parameters(pool, model.layout, data.vectors(), 2.0, seed, model.values.data());
  return model;
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.count() == b.count() &&
         std::equal(std::as_bytes(a.span()).begin(), std::as_bytes(a.span()).end(), std::as_bytes(b.span()).begin());
}

/// Parameters and moments alike.
template <class T> bool same_bits(const ModelState<T>& a, const ModelState<T>& b) {
  return same_bits(a.values, b.values) && same_bits(a.first_moment, b.first_moment) &&
         same_bits(a.second_moment, b.second_moment);
}

}  // namespace ethreed::test
