// From the contents of a data set to its file and its fingerprints.

#include "core/error.h"
#include "core/hash.h"
#include "model/text/dataset.h"
#include "model/text/dataset_format.h"
#include "model/text/tokenizer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

// Part of every fingerprint of dialogues, whatever the file's format is: the same dialogues, the same fingerprint.
constexpr std::string_view dialogues_version = "1";
constexpr std::string_view texts_version = "1";

template <class T> std::span<const T> all(const std::vector<T>& values) { return values; }

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct FlatWords {
  std::string bytes;
  std::vector<std::int64_t> offsets{0};
};
FlatWords flatten(const WordTable& words, std::int32_t begin, std::int32_t end) {
  FlatWords flat;
  for (std::int32_t id = begin; id < end; ++id) {
    flat.bytes += words.word(id);
    flat.offsets.push_back(static_cast<std::int64_t>(flat.bytes.size()));
  }
  return flat;
}

std::string class_lines(const LabelColumn& column) { return fmt::format("{}", fmt::join(column.classes, "\n")); }

std::string emotion_lines(const EmotionSet& emotions) { return fmt::format("{}", fmt::join(emotions.names(), "\n")); }

bool needs_emotions_format(const DatasetContents& contents) {
  return !contents.emotions.is_default() ||
         std::any_of(contents.splits.begin(), contents.splits.end(), [](const SplitContents& split) {
           return !split.post_emotion.empty() ||
                  std::find(split.emotion.begin(), split.emotion.end(), -1) != split.emotion.end();
         });
}

void check_contents(const DatasetContents& contents) {
  for (const SplitContents& split : contents.splits)
    ETHREED_CHECK(split.labels.size() == contents.label_columns.size(),
                  "write_dataset: split {} has labels of {} columns, the data set has {} columns", split.name,
                  split.labels.size(), contents.label_columns.size());
}

void add_split(SafetensorsWriter& writer, const SplitContents& split, const DatasetContents& contents) {
  writer.add(split.name + ".tokens", all(split.tokens));
  writer.add(split.name + ".utterance_offsets", all(split.utterance_offsets));
  writer.add(split.name + ".dialogue_offsets", all(split.dialogue_offsets));
  writer.add(split.name + ".emotion", all(split.emotion));
  writer.add(split.name + ".listener_label", all(split.listener_label));
  if (!split.post_emotion.empty()) writer.add(split.name + ".post_emotion", all(split.post_emotion));
  writer.add(split.name + ".conversation_bytes", bytes_of(split.conversation_bytes));
  writer.add(split.name + ".conversation_offsets", all(split.conversation_offsets));
  if (!split.situation_offsets.empty()) {
    writer.add(split.name + ".situation_tokens", all(split.situation_tokens));
    writer.add(split.name + ".situation_offsets", all(split.situation_offsets));
  }
  for (std::size_t c = 0; c < split.labels.size(); ++c)
    writer.add(label_tensor_name(split.name, contents.label_columns[c].name), all(split.labels[c]));
}

}  // namespace

std::string DatasetContents::fingerprint() const {
  const FlatWords flat = flatten(words, 0, dialogue_words());
  const std::array<std::int64_t, 3> numbers{min_frequency, max_length, has_listener_labels};
  Fingerprint hash;
  hash.add(dialogues_version).add(tokenizer_version).add(std::span<const std::int64_t>(numbers));
  hash.add(flat.bytes).add(all(flat.offsets)).add(vectors.span());
  for (const SplitContents& split : splits) {
    hash.add(split.name).add(all(split.tokens)).add(all(split.utterance_offsets)).add(all(split.dialogue_offsets));
    hash.add(all(split.emotion)).add(all(split.listener_label));
    if (!split.post_emotion.empty()) hash.add(std::string_view("post_emotion")).add(all(split.post_emotion));
    hash.add(split.conversation_bytes).add(all(split.conversation_offsets));
  }
  if (!emotions.is_default()) hash.add(emotion_lines(emotions));
  return hash.text();
}

std::string DatasetContents::texts_fingerprint() const {
  const FlatWords flat = flatten(words, dialogue_words(), words.size());
  const std::array<std::int64_t, 2> numbers{max_situation_length, dialogue_words()};
  Fingerprint hash;
  hash.add(texts_version).add(tokenizer_version).add(std::span<const std::int64_t>(numbers));
  hash.add(flat.bytes).add(all(flat.offsets));
  for (const LabelColumn& column : label_columns) hash.add(column.name).add(class_lines(column));
  for (const SplitContents& split : splits) {
    hash.add(split.name).add(all(split.situation_tokens)).add(all(split.situation_offsets));
    for (const std::vector<std::int32_t>& labels : split.labels) hash.add(all(labels));
  }
  return hash.text();
}

void write_dataset(AtomicFile& file, const DatasetContents& contents) {
  check_contents(contents);
  const FlatWords flat = flatten(contents.words, 0, contents.words.size());
  SafetensorsWriter writer;
  writer.add("words.bytes", bytes_of(flat.bytes));
  writer.add("words.offsets", all(flat.offsets));
  writer.add("vectors", contents.vectors.view());
  for (const SplitContents& split : contents.splits) add_split(writer, split, contents);
  writer.add_metadata("format", std::string(dataset_format_name));
  writer.add_metadata("format_version",
                      std::string(needs_emotions_format(contents) ? emotions_format_version : dataset_format_version));
  if (!contents.emotions.is_default()) writer.add_metadata(std::string(emotions_key), emotion_lines(contents.emotions));
  writer.add_metadata("tokenizer_version", std::string(tokenizer_version));
  writer.add_metadata("fingerprint", contents.fingerprint());
  writer.add_metadata("texts_fingerprint", contents.texts_fingerprint());
  writer.add_metadata("min_frequency", std::to_string(contents.min_frequency));
  writer.add_metadata("max_length", std::to_string(contents.max_length));
  writer.add_metadata("max_situation_length", std::to_string(contents.max_situation_length));
  writer.add_metadata("dialogue_words", std::to_string(contents.dialogue_words()));
  writer.add_metadata("listener_labels", contents.has_listener_labels ? "yes" : "no");
  writer.add_metadata("vectors", contents.vectors_source);
  for (const LabelColumn& column : contents.label_columns)
    writer.add_metadata(label_classes_key(column.name), class_lines(column));
  writer.write(file);
}

}  // namespace ethreed
