#include "model/text/dataset.h"

#include "core/hash.h"
#include "model/text/emotions.h"
#include "model/text/line_reader.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ethreed {

namespace {

constexpr std::string_view format_name = "ethreed-dataset";
constexpr std::string_view format_version = "1";
constexpr std::array<std::string_view, 3> split_names{"train", "valid", "test"};

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

void add_split(SafetensorsWriter& writer, const SplitContents& split) {
  writer.add(split.name + ".tokens", all(split.tokens));
  writer.add(split.name + ".utterance_offsets", all(split.utterance_offsets));
  writer.add(split.name + ".dialogue_offsets", all(split.dialogue_offsets));
  writer.add(split.name + ".emotion", all(split.emotion));
  writer.add(split.name + ".listener_label", all(split.listener_label));
  writer.add(split.name + ".conversation_bytes", bytes_of(split.conversation_bytes));
  writer.add(split.name + ".conversation_offsets", all(split.conversation_offsets));
}

// Offsets cut [0, end) into pieces: they start at 0, never fall, and end at `end`.
bool cuts(std::span<const std::int64_t> offsets, std::size_t end) {
  return !offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<std::int64_t>(end) &&
         std::is_sorted(offsets.begin(), offsets.end());
}

bool all_within(std::span<const std::int32_t> values, std::int32_t lowest, std::int32_t below) {
  return std::all_of(values.begin(), values.end(),
                     [&](std::int32_t value) { return value >= lowest && value < below; });
}

std::string_view piece(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> offsets, std::size_t i) {
  return {reinterpret_cast<const char*>(bytes.data()) + offsets[i],
          static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
}

}  // namespace

std::string DatasetContents::fingerprint() const {
  const FlatWords flat = flatten(words);
  const std::array<std::int64_t, 3> numbers{min_frequency, max_length, has_listener_labels};
  Fingerprint hash;
  hash.add(format_version).add(tokenizer_version).add(std::span<const std::int64_t>(numbers));
  hash.add(flat.bytes).add(all(flat.offsets)).add(vectors.span());
  for (const SplitContents& split : splits) {
    hash.add(split.name).add(all(split.tokens)).add(all(split.utterance_offsets)).add(all(split.dialogue_offsets));
    hash.add(all(split.emotion)).add(all(split.listener_label));
    hash.add(split.conversation_bytes).add(all(split.conversation_offsets));
  }
  return hash.text();
}

void write_dataset(AtomicFile& file, const DatasetContents& contents) {
  const FlatWords flat = flatten(contents.words);
  SafetensorsWriter writer;
  writer.add("words.bytes", bytes_of(flat.bytes));
  writer.add("words.offsets", all(flat.offsets));
  writer.add("vectors", contents.vectors.view());
  for (const SplitContents& split : contents.splits) add_split(writer, split);
  writer.add_metadata("format", std::string(format_name));
  writer.add_metadata("format_version", std::string(format_version));
  writer.add_metadata("tokenizer_version", std::string(tokenizer_version));
  writer.add_metadata("fingerprint", contents.fingerprint());
  writer.add_metadata("min_frequency", std::to_string(contents.min_frequency));
  writer.add_metadata("max_length", std::to_string(contents.max_length));
  writer.add_metadata("listener_labels", contents.has_listener_labels ? "yes" : "no");
  writer.add_metadata("vectors", contents.vectors_source);
  writer.write(file);
}

std::string_view Split::conversation_id(std::int64_t d) const {
  return piece(conversation_bytes_, conversation_offsets_, static_cast<std::size_t>(d));
}

Dataset Dataset::open(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / dataset_file_name;
  ETHREED_CHECK(std::filesystem::exists(path),
                "{}: there is no prepared data set here; make one with: ethreed prepare CORPUS_DIR --out {}",
                path.string(), directory.string());
  return Dataset(path);
}

Dataset::Dataset(const std::filesystem::path& path) : file_(path) {
  read_metadata();
  read_words();
  for (const std::string_view name : split_names)
    if (file_.contains(std::string(name) + ".tokens")) read_split(name);
}

void Dataset::read_metadata() {
  const auto& metadata = file_.metadata();
  const auto format = metadata.find("format");
  ETHREED_CHECK(format != metadata.end() && format->second == format_name,
                "{}: is no prepared data set; make one with: ethreed prepare", path().string());
  const std::string& version = file_.metadata("format_version");
  ETHREED_CHECK(version == format_version,
                "{}: the data set has format version {}, this program reads {}; prepare the corpus again",
                path().string(), version, format_version);
  const std::string& rules = file_.metadata("tokenizer_version");
  ETHREED_CHECK(
      rules == tokenizer_version,
      "{}: the data set was made with version {} of the tokenizer, this program has {}; prepare the corpus again",
      path().string(), rules, tokenizer_version);
  const auto length = parse_number<int>(file_.metadata("max_length"));
  ETHREED_CHECK(length && *length >= 1, "{}: max_length is '{}', wanted a number from 1; prepare the corpus again",
                path().string(), file_.metadata("max_length"));
  max_length_ = *length;
  has_listener_labels_ = file_.metadata("listener_labels") == "yes";
  fingerprint_ = file_.metadata("fingerprint");
}

void Dataset::read_words() {
  word_bytes_ = file_.tensor<std::uint8_t>("words.bytes").span();
  word_offsets_ = file_.tensor<std::int64_t>("words.offsets").span();
  vectors_ = file_.tensor<float>("vectors");
  ETHREED_CHECK(cuts(word_offsets_, word_bytes_.size()) && vectors_.shape.rank() == 2 &&
                    vectors_.rows() > special_count &&
                    vectors_.rows() <= static_cast<std::int64_t>(word_offsets_.size()) - 1 && vectors_.columns() >= 1,
                "{}: the word table and the vectors do not fit together; the file is damaged, prepare the corpus again",
                path().string());
  ids_.reserve(word_offsets_.size());
  for (std::int32_t id = 0; id < words(); ++id) {
    const std::string_view word = word_unchecked(static_cast<std::size_t>(id));
    const bool special = id >= special_count || word == special_words[static_cast<std::size_t>(id)];
    ETHREED_CHECK(special && !word.empty() && ids_.emplace(word, id).second,
                  "{}: word {} of the table, '{}', is empty, repeated or not the special word; the file is damaged, "
                  "prepare the corpus again",
                  path().string(), id, word);
  }
  const std::span<const float> components = vectors_.span();
  ETHREED_CHECK(std::all_of(components.begin(), components.end(), [](float x) { return std::isfinite(x); }),
                "{}: a word vector is not finite; prepare the corpus again", path().string());
}

void Dataset::read_split(std::string_view name) {
  const std::string prefix = std::string(name) + ".";
  Split split;
  split.name_ = name;
  split.tokens_ = file_.tensor<std::int32_t>(prefix + "tokens").span();
  split.utterance_offsets_ = file_.tensor<std::int64_t>(prefix + "utterance_offsets").span();
  split.dialogue_offsets_ = file_.tensor<std::int64_t>(prefix + "dialogue_offsets").span();
  split.emotion_ = file_.tensor<std::int32_t>(prefix + "emotion").span();
  split.listener_label_ = file_.tensor<std::int32_t>(prefix + "listener_label").span();
  split.conversation_bytes_ = file_.tensor<std::uint8_t>(prefix + "conversation_bytes").span();
  split.conversation_offsets_ = file_.tensor<std::int64_t>(prefix + "conversation_offsets").span();
  check_split(split);
  splits_.push_back(std::move(split));
}

void Dataset::check_split(const Split& split) const {
  const auto check = [&](bool good, std::string_view what) {
    ETHREED_CHECK(good, "{}: split {}: {}; the file is damaged, prepare the corpus again", path().string(), split.name_,
                  what);
  };
  const auto dialogues = static_cast<std::size_t>(split.dialogues());
  check(cuts(split.utterance_offsets_, split.tokens_.size()) &&
            split.utterance_offsets_.size() == 2 * split.listener_label_.size() + 1,
        "the offsets of the utterances do not fit the tokens");
  check(cuts(split.dialogue_offsets_, split.listener_label_.size()) && split.dialogue_offsets_.size() == dialogues + 1,
        "the offsets of the dialogues do not fit the turns");
  check(cuts(split.conversation_offsets_, split.conversation_bytes_.size()) &&
            split.conversation_offsets_.size() == dialogues + 1,
        "the conversation ids do not fit the dialogues");
  check(all_within(split.tokens_, 0, words()), "a token is outside the word table");
  check(all_within(split.emotion_, 0, emotion_count), "an emotion is not one of the 32");
  check(all_within(split.listener_label_, -1, emotion_count), "a listener label is not one of the 32");
  for (std::int64_t d = 0; d < split.dialogues(); ++d) check(split.turns(d) >= 1, "a dialogue has no turn");
  for (std::int64_t i = 0; i < 2 * split.turns(); ++i) {
    const std::span<const std::int32_t> tokens = split.utterance(i);
    check(!tokens.empty() && tokens.size() <= static_cast<std::size_t>(max_length_),
          "an utterance is empty or longer than max_length");
    check(std::find(tokens.begin(), tokens.end(), eos_id) == tokens.end() - 1,
          "an utterance does not end with its only end mark");
    check(std::none_of(tokens.begin(), tokens.end(), [](std::int32_t id) { return id == pad_id || id == sos_id; }),
          "an utterance holds a pad or a start mark");
  }
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
  WordTable table;
  for (std::int32_t id = 0; id < words(); ++id) table.id(word_unchecked(static_cast<std::size_t>(id)));
  return table;
}

WordTable Dataset::vocabulary() const {
  WordTable table;
  for (std::int32_t id = 0; id < vocabulary_size(); ++id) table.id(word_unchecked(static_cast<std::size_t>(id)));
  return table;
}

}  // namespace ethreed
