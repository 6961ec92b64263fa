// From the contents of a data set to its file and its fingerprints.

#include "core/error.h"
#include "model/text/dataset.h"
#include "model/text/dataset_fingerprint.h"
#include "model/text/dataset_format.h"
#include "model/text/tokenizer.h"

#include <algorithm>

namespace ethreed {

namespace {

template <class T> std::span<const T> all(const std::vector<T>& values) { return values; }

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct FlatWords {
  std::string bytes;
  std::vector<std::int64_t> offsets{0};
};
FlatWords flatten(const WordTable& words) {
  FlatWords flat;
  for (std::int32_t id = 0; id < words.size(); ++id) {
    flat.bytes += words.word(id);
    flat.offsets.push_back(static_cast<std::int64_t>(flat.bytes.size()));
  }
  return flat;
}

DatasetArrays arrays_of(const DatasetContents& contents, const FlatWords& words) {
  DatasetArrays arrays{.word_bytes = bytes_of(words.bytes),
                       .word_offsets = words.offsets,
                       .dialogue_words = contents.dialogue_words(),
                       .vectors = contents.vectors.view(),
                       .min_frequency = contents.min_frequency,
                       .max_length = contents.max_length,
                       .max_situation_length = contents.max_situation_length,
                       .has_listener_labels = contents.has_listener_labels,
                       .label_columns = contents.label_columns,
                       .emotions = contents.emotions,
                       .tokens = contents.words.rules(),
                       .splits = {}};
  for (const SplitContents& split : contents.splits) {
    SplitArrays& to = arrays.splits.emplace_back();
    to.name = split.name;
    to.tokens = split.tokens;
    to.utterance_offsets = split.utterance_offsets;
    to.dialogue_offsets = split.dialogue_offsets;
    to.emotion = split.emotion;
    to.listener_label = split.listener_label;
    to.post_emotion = split.post_emotion;
    to.listener_distribution = split.listener_distribution;
    to.conversation_bytes = bytes_of(split.conversation_bytes);
    to.conversation_offsets = split.conversation_offsets;
    to.situation_tokens = split.situation_tokens;
    to.situation_offsets = split.situation_offsets;
    for (const std::vector<std::int32_t>& labels : split.labels) to.labels.emplace_back(labels);
    for (const std::vector<float>& rows : split.label_distributions) to.label_distributions.emplace_back(rows);
    to.label_distributions.resize(to.labels.size());
  }
  return arrays;
}

std::string_view format_of(const DatasetContents& contents) {
  const auto any_split = [&](auto test) { return std::any_of(contents.splits.begin(), contents.splits.end(), test); };
  if (any_split([](const SplitContents& split) {
        return std::any_of(split.label_distributions.begin(), split.label_distributions.end(),
                           [](const std::vector<float>& rows) { return !rows.empty(); });
      }))
    return label_distributions_format_version;
  if (any_split([](const SplitContents& split) { return !split.listener_distribution.empty(); }))
    return distributions_format_version;
  const bool other_emotions = any_split([](const SplitContents& split) {
    return !split.post_emotion.empty() ||
           std::find(split.emotion.begin(), split.emotion.end(), -1) != split.emotion.end();
  });
  return other_emotions || !contents.emotions.is_default() ? emotions_format_version : dataset_format_version;
}

void check_contents(const DatasetContents& contents) {
  for (const SplitContents& split : contents.splits) {
    ETHREED_CHECK(split.labels.size() == contents.label_columns.size(),
                  "write_dataset: split {} has labels of {} columns, the data set has {} columns", split.name,
                  split.labels.size(), contents.label_columns.size());
    ETHREED_CHECK(split.label_distributions.empty() || split.label_distributions.size() == split.labels.size(),
                  "write_dataset: split {} has distributions of {} columns, the data set has {} columns", split.name,
                  split.label_distributions.size(), contents.label_columns.size());
  }
}

void add_split(SafetensorsWriter& writer, const SplitContents& split, const DatasetContents& contents) {
  writer.add(split.name + ".tokens", all(split.tokens));
  writer.add(split.name + ".utterance_offsets", all(split.utterance_offsets));
  writer.add(split.name + ".dialogue_offsets", all(split.dialogue_offsets));
  writer.add(split.name + ".emotion", all(split.emotion));
  writer.add(split.name + ".listener_label", all(split.listener_label));
  if (!split.post_emotion.empty()) writer.add(split.name + ".post_emotion", all(split.post_emotion));
  if (!split.listener_distribution.empty())
    writer.add(split.name + ".listener_distribution",
               View<const float>(split.listener_distribution.data(),
                                 {static_cast<std::int64_t>(split.listener_label.size()), contents.emotions.size()}));
  writer.add(split.name + ".conversation_bytes", bytes_of(split.conversation_bytes));
  writer.add(split.name + ".conversation_offsets", all(split.conversation_offsets));
  if (!split.situation_offsets.empty()) {
    writer.add(split.name + ".situation_tokens", all(split.situation_tokens));
    writer.add(split.name + ".situation_offsets", all(split.situation_offsets));
  }
  for (std::size_t c = 0; c < split.labels.size(); ++c)
    writer.add(label_tensor_name(split.name, contents.label_columns[c].name), all(split.labels[c]));
  for (std::size_t c = 0; c < split.label_distributions.size(); ++c) {
    const std::vector<float>& rows = split.label_distributions[c];
    const LabelColumn& column = contents.label_columns[c];
    if (!rows.empty())
      writer.add(distribution_tensor_name(split.name, column.name),
                 View<const float>(rows.data(), {static_cast<std::int64_t>(split.labels[c].size()),
                                                 static_cast<std::int64_t>(column.classes.size())}));
  }
}

}  // namespace

std::string DatasetContents::fingerprint() const {
  const FlatWords flat = flatten(words);
  return dialogues_fingerprint(arrays_of(*this, flat));
}

std::string DatasetContents::texts_fingerprint() const {
  const FlatWords flat = flatten(words);
  return ethreed::texts_fingerprint(arrays_of(*this, flat));
}

namespace {

// `sink` is given the writer when all is in it: what it borrows is gone afterwards.
template <class Sink> auto with_writer(const DatasetContents& contents, Sink sink) {
  check_contents(contents);
  const FlatWords flat = flatten(contents.words);
  SafetensorsWriter writer;
  writer.add("words.bytes", bytes_of(flat.bytes));
  writer.add("words.offsets", all(flat.offsets));
  writer.add("vectors", contents.vectors.view());
  for (const SplitContents& split : contents.splits) add_split(writer, split, contents);
  writer.add_metadata("format", std::string(dataset_format_name));
  writer.add_metadata("format_version", std::string(format_of(contents)));
  if (!contents.emotions.is_default()) writer.add_metadata(std::string(emotions_key), emotion_lines(contents.emotions));
  writer.add_metadata("tokenizer_version", version_of(contents.words.rules()));
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
  return sink(writer);
}

}  // namespace

void write_dataset(AtomicFile& file, const DatasetContents& contents) {
  with_writer(contents, [&](const SafetensorsWriter& writer) { writer.write(file); });
}

Dataset open_in_memory(const DatasetContents& contents, const std::string& name) {
  return Dataset(
      SafetensorsFile(name, with_writer(contents, [](const SafetensorsWriter& writer) { return writer.bytes(); })));
}

}  // namespace ethreed
