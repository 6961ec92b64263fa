#pragma once
// A prepared data set of a few invented dialogues with everything that a model may learn from: labels of dialogues, of
// replies and of utterances, and situations.

#include "core/atomic_file.h"
#include "model/interface/initial_state.h"
#include "model/interface/model.h"
#include "model/text/dataset.h"
#include "model/text/emotions.h"
#include "model/training/checkpoint.h"
#include "tests/model/tiny_dialogues.h"
#include "tests/temporary_folder.h"

namespace ethreed::test {

/// The label column of every tiny data set: intents, and an emotion among them.
inline const LabelColumn tiny_column{.name = "intent",
                                     .classes = {"agreeing", "consoling", "joyful", "questioning", "wishing"}};

/// The probabilities of the emotions in a reply with this label: three have some, the label the most.
inline void add_distribution(Random& random, int label, std::vector<float>& to) {
  std::vector<float> p(emotion_count, 0.0F);
  if (label >= 0) {
    p[static_cast<std::size_t>(label)] = 0.5F;
    for (int i = 0; i < 2; ++i) p[static_cast<std::size_t>(random.below(emotion_count))] += 0.25F;
  }
  to.insert(to.end(), p.begin(), p.end());
}

/// The probabilities of the column's classes in an utterance of this class: another has some, every third time none.
inline void add_column_distribution(int label, std::size_t utterance, std::vector<float>& to) {
  std::vector<float> p(tiny_column.classes.size(), 0.0F);
  if (label >= 0) {
    p[static_cast<std::size_t>(label)] += 0.625F;
    p[utterance % 3 == 0 ? static_cast<std::size_t>(label) : (utterance * 7) % p.size()] += 0.375F;
  }
  to.insert(to.end(), p.begin(), p.end());
}

/// A dialogue's situation is its first post once more. Every sixth utterance has no label in the column.
inline SplitContents split_contents(const std::string& name, const Dialogues& dialogues) {
  SplitContents split{.name = name};
  split.situation_offsets.push_back(0);
  const auto add = [&](const std::vector<std::int32_t>& words) {
    split.tokens.insert(split.tokens.end(), words.begin(), words.end());
    split.utterance_offsets.push_back(static_cast<std::int64_t>(split.tokens.size()));
  };
  std::vector<std::int32_t>& column = split.labels.emplace_back();
  std::vector<float>& distributions = split.label_distributions.emplace_back();
  Random random(19);
  for (const DialogueData& dialogue : dialogues) {
    for (const TurnData& turn : dialogue) {
      add(turn.post);
      add(turn.response);
      split.listener_label.push_back(turn.listener_label);
      add_distribution(random, turn.listener_label, split.listener_distribution);
      for (int i = 0; i < 2; ++i) {
        column.push_back(static_cast<std::int32_t>(column.size() * 5 % 6) - 1);
        add_column_distribution(column.back(), column.size(), distributions);
      }
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

/// Writes a data set to FOLDER/data and opens it: V as given, then the words that the dialogues have beside (five at
/// least), the dialogues of `splits` by split name.
inline Dataset make_dataset(const TemporaryFolder& folder, const std::map<std::string, Dialogues>& splits,
                            int vocabulary = tiny_vocabulary) {
  DatasetContents contents;
  int words = vocabulary + 5;
  for (const char* name : {"train", "valid", "test"}) {  // the order in which a data set is opened
    const auto place = splits.find(name);
    if (place == splits.end()) continue;
    const SplitContents& split = contents.splits.emplace_back(split_contents(name, place->second));
    words = std::max(words, 1 + *std::max_element(split.tokens.begin(), split.tokens.end()));
  }
  for (const std::string_view word : special_words) contents.words.id(word);
  for (int i = special_count; i < words; ++i) contents.words.id("word" + std::to_string(i));
  contents.vectors = Tensor<float>({vocabulary, tiny_vector_width});
  Random random(17);
  for (float& value : contents.vectors.span()) value = static_cast<float>(random.normal() * 0.4);
  contents.label_columns = {tiny_column};
  contents.min_frequency = 1;
  contents.max_length = 12;
  contents.has_listener_labels = true;
  contents.vectors_source = "random";
  std::filesystem::create_directories(folder / "data");
  AtomicFile file(folder / "data" / dataset_file_name);
  write_dataset(file, contents);
  file.commit();
  return Dataset::open(folder / "data");
}

/// 11 dialogues to train on, 5 to validate on.
inline Dataset random_dataset(const TemporaryFolder& folder) {
  return make_dataset(folder, {{"train", random_dialogues(41, 11, tiny_vocabulary, emotion_count)},
                               {"valid", random_dialogues(42, 5, tiny_vocabulary, emotion_count)}});
}

/// What a checkpoint of such a run says.
inline CheckpointInfo run_info(const Dataset& data, const RunConfig& config) {
  CheckpointInfo info{
      .config = config, .data_name = "data", .data_fingerprint = learned_fingerprint(*config.model, data)};
  for (std::int32_t id = 0; id < data.vocabulary_size(); ++id) info.vocabulary.emplace_back(data.word(id));
  return info;
}

/// A model at the start of a run.
template <class T> ModelState<T> initial_model(const Dataset& data, const Model& model, std::uint64_t seed = 1) {
  ModelState<T> state(model.layout(), true);
  ThreadPool pool(1);
  initialise_state(pool, model, data, seed, state);
  return state;
}

}  // namespace ethreed::test
