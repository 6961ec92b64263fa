#include "model/text/dataset.h"

#include "core/error.h"
#include "model/text/dataset_fingerprint.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> split_names{"train", "valid", "test"};

std::string_view piece(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> offsets, std::size_t i) {
  return {reinterpret_cast<const char*>(bytes.data()) + offsets[i],
          static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
}

}  // namespace

std::string_view Split::conversation_id(std::int64_t d) const {
  return piece(conversation_bytes_, conversation_offsets_, static_cast<std::size_t>(d));
}

std::span<const float> Split::listener_distribution(std::int64_t d, std::int64_t t) const {
  if (listener_distribution_.empty() || listener_label(d, t) < 0) return {};
  const std::size_t classes = listener_distribution_.size() / listener_label_.size();
  return listener_distribution_.subspan(static_cast<std::size_t>(turn(d, t)) * classes, classes);
}

std::span<const float> UtteranceLabels::distribution(std::int64_t d, std::int64_t t, bool response) const {
  if (distributions_.empty() || label(d, t, response) < 0) return {};
  const std::int64_t turn = dialogue_offsets_[static_cast<std::size_t>(d)] + t;
  return distributions_.subspan(static_cast<std::size_t>(2 * turn + response) * classes_.size(), classes_.size());
}

const UtteranceLabels* Split::labels(std::string_view column) const {
  const auto place = std::find_if(labels_.begin(), labels_.end(),
                                  [&](const UtteranceLabels& labels) { return labels.name() == column; });
  return place == labels_.end() ? nullptr : &*place;
}

Dataset Dataset::open(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / dataset_file_name;
  ETHREED_CHECK(std::filesystem::exists(path),
                "{}: there is no prepared data set here; make one with: ethreed prepare CORPUS_DIR --out {}",
                path.string(), directory.string());
  return Dataset(SafetensorsFile(path));
}

Dataset::Dataset(SafetensorsFile file) : file_(std::move(file)) {
  read_metadata();
  read_words();
  for (const std::string_view name : split_names)
    if (file_.contains(std::string(name) + ".tokens")) read_split(name);
  check_fingerprints();
}

SplitArrays Split::arrays() const {
  SplitArrays arrays{.name = name_,
                     .tokens = tokens_,
                     .utterance_offsets = utterance_offsets_,
                     .dialogue_offsets = dialogue_offsets_,
                     .emotion = emotion_,
                     .listener_label = listener_label_,
                     .post_emotion = post_emotion_,
                     .listener_distribution = listener_distribution_,
                     .conversation_bytes = conversation_bytes_,
                     .conversation_offsets = conversation_offsets_,
                     .situation_tokens = situation_tokens_,
                     .situation_offsets = situation_offsets_,
                     .labels = {},
                     .label_distributions = {}};
  for (const UtteranceLabels& labels : labels_) {
    arrays.labels.push_back(labels.labels_);
    arrays.label_distributions.push_back(labels.distributions_);
  }
  return arrays;
}

DatasetArrays Dataset::arrays() const {
  DatasetArrays arrays{.word_bytes = word_bytes_,
                       .word_offsets = word_offsets_,
                       .dialogue_words = dialogue_words_,
                       .vectors = vectors_,
                       .min_frequency = min_frequency_,
                       .max_length = max_length_,
                       .max_situation_length = max_situation_length_,
                       .has_listener_labels = has_listener_labels_,
                       .label_columns = label_columns_,
                       .emotions = emotions_,
                       .tokens = tokens_,
                       .splits = {}};
  for (const Split& split : splits_) arrays.splits.push_back(split.arrays());
  return arrays;
}

// What is valid may still have been changed: a label, a vector, a word.
void Dataset::check_fingerprints() const {
  const DatasetArrays all = arrays();
  ETHREED_CHECK(dialogues_fingerprint(all) == fingerprint_ &&
                    (first_format_ || ethreed::texts_fingerprint(all) == texts_fingerprint_),
                "{}: was changed after it was prepared; prepare the corpus again", path().string());
}

void Dataset::verify_vocabulary_file() const {
  const std::filesystem::path file = path().parent_path() / "vocabulary.txt";
  ETHREED_CHECK(MappedFile(file).text() == vocabulary_text(vocabulary()),
                "{}: was changed after the corpus was prepared; prepare it again", file.string());
}

std::string Dataset::training_fingerprint(const TrainingPart& part) const {
  return ethreed::training_fingerprint(arrays(), split("train").arrays(), part);
}

const LabelColumn* Dataset::label_column(std::string_view name) const {
  const auto place = std::find_if(label_columns_.begin(), label_columns_.end(),
                                  [&](const LabelColumn& column) { return column.name == name; });
  return place == label_columns_.end() ? nullptr : &*place;
}

bool Dataset::has_label_distributions(std::string_view column) const {
  return !splits_.empty() && std::all_of(splits_.begin(), splits_.end(), [&](const Split& one) {
    const UtteranceLabels* labels = one.labels(column);
    return labels != nullptr && (labels->has_distributions() || one.turns() == 0);
  });
}

bool Dataset::has_listener_distributions() const {
  return !splits_.empty() &&
         std::all_of(splits_.begin(), splits_.end(), [](const Split& one) { return one.has_listener_distributions(); });
}

bool Dataset::has_split(std::string_view name) const {
  return std::any_of(splits_.begin(), splits_.end(), [&](const Split& split) { return split.name() == name; });
}

const Split& Dataset::split(std::string_view name) const {
  const auto place =
      std::find_if(splits_.begin(), splits_.end(), [&](const Split& split) { return split.name() == name; });
  ETHREED_CHECK(
      place != splits_.end(),
      "{}: there is no split '{}' (splits are train, valid and test); put {}.csv into the corpus and prepare it again",
      path().string(), name, name);
  ETHREED_CHECK(place->dialogues() > 0,
                "{}: the split '{}' is empty; put dialogues into {}.csv and prepare the corpus again", path().string(),
                name, name);
  return *place;
}

std::string_view Dataset::word_unchecked(std::size_t id) const { return piece(word_bytes_, word_offsets_, id); }

std::string_view Dataset::word(std::int32_t id) const {
  ETHREED_CHECK(id >= 0 && id < words(), "Dataset::word: id {} is outside the table of {} words", id, words());
  return word_unchecked(static_cast<std::size_t>(id));
}

std::optional<std::int32_t> Dataset::find(std::string_view word) const {
  const auto place = ids_.find(word);
  return place == ids_.end() ? std::nullopt : std::optional(place->second);
}

WordTable Dataset::word_table() const {
  WordTable table(tokens_);
  for (std::int32_t id = 0; id < words(); ++id) table.id(word_unchecked(static_cast<std::size_t>(id)));
  return table;
}

WordTable Dataset::vocabulary() const {
  WordTable table(tokens_);
  for (std::int32_t id = 0; id < vocabulary_size(); ++id) table.id(word_unchecked(static_cast<std::size_t>(id)));
  return table;
}

}  // namespace ethreed
