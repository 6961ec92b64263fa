// From a data set's file to its splits, everything checked against everything.

#include "core/error.h"
#include "model/text/dataset.h"
#include "model/text/dataset_format.h"
#include "model/text/line_reader.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace ethreed {

namespace {

// Offsets cut [0, end) into pieces: they start at 0, never fall, and end at `end`.
bool cuts(std::span<const std::int64_t> offsets, std::size_t end) {
  return !offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<std::int64_t>(end) &&
         std::is_sorted(offsets.begin(), offsets.end());
}

bool all_within(std::span<const std::int32_t> values, std::int32_t lowest, std::int32_t below) {
  return std::all_of(values.begin(), values.end(),
                     [&](std::int32_t value) { return value >= lowest && value < below; });
}

// Rows of probabilities of so many classes: each sums to 1 where its label is, and is 0 where none is.
bool are_distributions(std::span<const float> rows, std::span<const std::int32_t> labels, std::size_t classes) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (const float p : rows.subspan(i * classes, classes)) {
      if (!(p >= 0 && p <= 1)) return false;
      sum += static_cast<double>(p);
    }
    if (std::abs(sum - (labels[i] >= 0 ? 1.0 : 0.0)) > 1e-4) return false;
  }
  return true;
}

}  // namespace

void Dataset::read_metadata() {
  const auto& metadata = file_.metadata();
  const auto format = metadata.find("format");
  ETHREED_CHECK(format != metadata.end() && format->second == dataset_format_name,
                "{}: is no prepared data set; make one with: ethreed prepare", path().string());
  const std::string& version = file_.metadata("format_version");
  first_format_ = version == first_dataset_format_version;
  without_emotions_ = version == emotions_format_version || version == distributions_format_version ||
                      version == label_distributions_format_version;
  ETHREED_CHECK(first_format_ || version == dataset_format_version || without_emotions_,
                "{}: the data set has format version {}, this program reads {} to {}; prepare the corpus again",
                path().string(), version, first_dataset_format_version, label_distributions_format_version);
  read_token_rules();
  min_frequency_ = number<std::int64_t>("min_frequency", 1);
  max_length_ = number("max_length", 1);
  has_listener_labels_ = file_.metadata("listener_labels") == "yes";
  fingerprint_ = file_.metadata("fingerprint");
  if (first_format_) return;
  max_situation_length_ = number("max_situation_length", 1);
  dialogue_words_ = number<std::int32_t>("dialogue_words", 1);
  texts_fingerprint_ = file_.metadata("texts_fingerprint");
  read_label_columns();
  if (const auto names = metadata.find(std::string(emotions_key)); names != metadata.end())
    emotions_ = EmotionSet(lines_of_metadata(names->second), path().string());
}

void Dataset::read_token_rules() {
  const std::string& version = file_.metadata("tokenizer_version");
  std::vector<std::string> known;
  for (const std::string_view name : token_rule_names) {
    known.push_back(version_of(token_rules_named(name)));
    if (known.back() != version) continue;
    tokens_ = token_rules_named(name);
    return;
  }
  fail("{}: the data set was made with version {} of the tokenizer, this program has {}; prepare the corpus again",
       path().string(), excerpt(version), fmt::join(known, ", "));
}

template <class T> T Dataset::number(std::string_view key, T lowest) const {
  const std::string& text = file_.metadata(key);
  const auto value = parse_number<T>(text);
  ETHREED_CHECK(value && *value >= lowest, "{}: {} is '{}', wanted a number from {}; prepare the corpus again",
                path().string(), key, excerpt(text), lowest);
  return *value;
}

void Dataset::read_label_columns() {
  for (const auto& [key, text] : file_.metadata()) {
    if (!key.starts_with(label_key_prefix) || !key.ends_with(label_key_suffix)) continue;
    LabelColumn column;
    if (key.size() > label_key_prefix.size() + label_key_suffix.size())
      column.name = key.substr(label_key_prefix.size(), key.size() - label_key_prefix.size() - label_key_suffix.size());
    column.classes = lines_of_metadata(text);
    const auto out_of_order = std::adjacent_find(column.classes.begin(), column.classes.end(), std::greater_equal<>());
    ETHREED_CHECK(
        !column.name.empty() && !column.classes.front().empty() && out_of_order == column.classes.end(),
        "{}: the label column '{}' has no name, or classes that are empty, repeated or out of order; the file is "
        "damaged, prepare the corpus again",
        path().string(), excerpt(column.name));
    label_columns_.push_back(std::move(column));
  }
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
  if (first_format_) dialogue_words_ = words();
  ETHREED_CHECK(dialogue_words_ >= vocabulary_size() && dialogue_words_ <= words(),
                "{}: dialogue_words is {}, wanted {} (the vocabulary) to {} (all words); the file is damaged, prepare "
                "the corpus again",
                path().string(), dialogue_words_, vocabulary_size(), words());
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
  if (file_.contains(prefix + "post_emotion"))
    split.post_emotion_ = file_.tensor<std::int32_t>(prefix + "post_emotion").span();
  split.conversation_bytes_ = file_.tensor<std::uint8_t>(prefix + "conversation_bytes").span();
  split.conversation_offsets_ = file_.tensor<std::int64_t>(prefix + "conversation_offsets").span();
  check_split(split);
  read_distributions(split);
  if (!first_format_) {
    read_situations(split);
    read_labels(split);
  }
  splits_.push_back(std::move(split));
}

void Dataset::read_situations(Split& split) const {
  const std::string tokens = split.name_ + ".situation_tokens", offsets = split.name_ + ".situation_offsets";
  check(file_.contains(tokens) == file_.contains(offsets), split, "situations lack their tokens or their offsets");
  if (!file_.contains(tokens)) return;
  split.situation_tokens_ = file_.tensor<std::int32_t>(tokens).span();
  split.situation_offsets_ = file_.tensor<std::int64_t>(offsets).span();
  check(cuts(split.situation_offsets_, split.situation_tokens_.size()) &&
            split.situation_offsets_.size() == split.emotion_.size() + 1,
        split, "the offsets of the situations do not fit the dialogues");
  check(all_within(split.situation_tokens_, 0, words()), split, "a situation's token is outside the word table");
  for (std::int64_t d = 0; d < split.dialogues(); ++d)
    check_text(split, split.situation(d), max_situation_length_, "a situation");
}

void Dataset::read_distributions(Split& split) const {
  const std::string name = split.name_ + ".listener_distribution";
  if (!file_.contains(name)) return;
  split.listener_distribution_ = file_.tensor<float>(name).span();
  const auto classes = static_cast<std::size_t>(emotions_.size());
  check(split.listener_distribution_.size() == split.listener_label_.size() * classes, split,
        "the distributions of the replies do not fit the turns and the emotions");
  check(are_distributions(split.listener_distribution_, split.listener_label_, classes), split,
        "the distribution of a reply is none, or stands where no label is");
}

void Dataset::read_labels(Split& split) const {
  for (const LabelColumn& column : label_columns_) {
    UtteranceLabels labels;
    labels.name_ = column.name;
    labels.classes_ = column.classes;  // which stay where they are when the data set is moved
    labels.dialogue_offsets_ = split.dialogue_offsets_;
    labels.labels_ = file_.tensor<std::int32_t>(label_tensor_name(split.name_, column.name)).span();
    check(labels.labels_.size() == 2 * split.listener_label_.size(), split,
          fmt::format("the labels '{}' do not fit the utterances", column.name));
    check(all_within(labels.labels_, -1, static_cast<std::int32_t>(column.classes.size())), split,
          fmt::format("a label '{}' is not one of its {} classes", column.name, column.classes.size()));
    read_label_distributions(split, labels);
    split.labels_.push_back(std::move(labels));
  }
  for (const std::string& prefix : {label_tensor_name(split.name_, ""), distribution_tensor_name(split.name_, "")})
    for (const std::string& name : file_.names())
      check(!name.starts_with(prefix) || split.labels(std::string_view(name).substr(prefix.size())), split,
            fmt::format("the labels '{}' have no classes", excerpt(name)));
}

void Dataset::read_label_distributions(const Split& split, UtteranceLabels& labels) const {
  const std::string name = distribution_tensor_name(split.name_, labels.name_);
  if (!file_.contains(name)) return;
  labels.distributions_ = file_.tensor<float>(name).span();
  check(labels.distributions_.size() == labels.labels_.size() * labels.classes_.size(), split,
        fmt::format("the distributions '{}' do not fit the utterances and the classes", labels.name_));
  check(are_distributions(labels.distributions_, labels.labels_, labels.classes_.size()), split,
        fmt::format("a distribution '{}' is none, or stands where no label is", labels.name_));
}

void Dataset::check(bool good, const Split& split, std::string_view what) const {
  ETHREED_CHECK(good, "{}: split {}: {}; the file is damaged, prepare the corpus again", path().string(), split.name_,
                what);
}

void Dataset::check_split(const Split& split) const {
  const auto dialogues = static_cast<std::size_t>(split.dialogues());
  check(cuts(split.utterance_offsets_, split.tokens_.size()) &&
            split.utterance_offsets_.size() == 2 * split.listener_label_.size() + 1,
        split, "the offsets of the utterances do not fit the tokens");
  check(cuts(split.dialogue_offsets_, split.listener_label_.size()) && split.dialogue_offsets_.size() == dialogues + 1,
        split, "the offsets of the dialogues do not fit the turns");
  check(cuts(split.conversation_offsets_, split.conversation_bytes_.size()) &&
            split.conversation_offsets_.size() == dialogues + 1,
        split, "the conversation ids do not fit the dialogues");
  check(all_within(split.tokens_, 0, dialogue_words_), split, "a token is outside the word table");
  const std::int32_t emotions = emotions_.size();
  check(all_within(split.emotion_, without_emotions_ ? -1 : 0, emotions), split,
        fmt::format("an emotion is not one of the {}", emotions));
  check(all_within(split.listener_label_, -1, emotions), split,
        fmt::format("a listener label is not one of the {}", emotions));
  check(split.post_emotion_.empty() || split.post_emotion_.size() == split.listener_label_.size(), split,
        "the emotions of the posts do not fit the turns");
  check(all_within(split.post_emotion_, -1, emotions), split,
        fmt::format("a post's emotion is not one of the {}", emotions));
  for (std::int64_t d = 0; d < split.dialogues(); ++d) check(split.turns(d) >= 1, split, "a dialogue has no turn");
  for (std::int64_t i = 0; i < 2 * split.turns(); ++i)
    check_text(split, split.utterance(i), max_length_, "an utterance");
}

// `kind`: "an utterance", ...
void Dataset::check_text(const Split& split, std::span<const std::int32_t> tokens, int max_length,
                         std::string_view kind) const {
  const auto check_tokens = [&](bool good, std::string_view what) {
    ETHREED_CHECK(good, "{}: split {}: {} {}; the file is damaged, prepare the corpus again", path().string(),
                  split.name_, kind, what);
  };
  check_tokens(!tokens.empty() && tokens.size() <= static_cast<std::size_t>(max_length),
               "is empty or longer than its limit");
  check_tokens(std::find(tokens.begin(), tokens.end(), eos_id) == tokens.end() - 1,
               "does not end with its only end mark");
  check_tokens(std::none_of(tokens.begin(), tokens.end(), [](std::int32_t id) { return id == pad_id || id == sos_id; }),
               "holds a pad or a start mark");
}

}  // namespace ethreed
