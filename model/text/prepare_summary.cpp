#include "model/text/prepare_summary.h"

#include "model/text/vocabulary.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

void append_split(std::string& out, const SplitSummary& split) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{:<6}{} dialogues, {} turns, {} tokens ({:.2f} an utterance) from {} rows\n", split.name,
                 split.dialogues, split.turns, split.tokens, share(split.tokens, 2 * split.turns), split.rows);
  fmt::format_to(to,
                 "      dropped: {} unanswered posts, {} dialogues without a complete turn; cut to length: {} "
                 "utterances ({:.2f} %)\n",
                 split.dropped_posts, split.dropped_dialogues, split.truncated,
                 100 * share(split.truncated, 2 * split.turns));
  fmt::format_to(to,
                 "      outside the vocabulary: {:.2f} % of all tokens, {:.2f} % of the targets ({:.2f} % cannot be "
                 "copied from the post either)\n",
                 100 * share(split.unknown_tokens, split.tokens),
                 100 * share(split.unknown_targets, split.target_tokens),
                 100 * share(split.unreachable_targets, split.target_tokens));
  fmt::format_to(to, "      listener labels: {} of {} turns ({:.1f} %)\n", split.labelled_turns, split.turns,
                 100 * share(split.labelled_turns, split.turns));
  if (split.repeated_speaker_rows > 0)
    fmt::format_to(
        to, "      note: speaker_idx is that of the row before in {} rows; roles were taken from utterance_idx\n",
        split.repeated_speaker_rows);
}

// One line an emotion, one column a split.
void append_emotions(std::string& out, const std::vector<SplitSummary>& splits, bool with_listener) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{:<15}", "emotion");
  for (const SplitSummary& split : splits) fmt::format_to(to, "{:>16}", split.name);
  if (with_listener)
    for (const SplitSummary& split : splits) fmt::format_to(to, "{:>16}", split.name + " listener");
  out += '\n';
  for (std::size_t k = 0; k < emotion_names.size(); ++k) {
    fmt::format_to(to, "{:<15}", emotion_names[k]);
    for (const SplitSummary& split : splits)
      fmt::format_to(to, "{:>8} {:>5.2f} %", split.emotions[k], 100 * share(split.emotions[k], split.dialogues));
    if (with_listener)
      for (const SplitSummary& split : splits)
        fmt::format_to(to, "{:>8} {:>5.2f} %", split.listener_emotions[k],
                       100 * share(split.listener_emotions[k], split.labelled_turns));
    out += '\n';
  }
}

Json emotion_json(const EmotionCounts& counts) {
  Json json = Json::object();
  for (std::size_t k = 0; k < counts.size(); ++k) json[std::string(emotion_names[k])] = counts[k];
  return json;
}

Json split_json(const SplitSummary& split) {
  return {{"name", split.name},
          {"rows", split.rows},
          {"dialogues", split.dialogues},
          {"turns", split.turns},
          {"dropped_posts", split.dropped_posts},
          {"dropped_dialogues", split.dropped_dialogues},
          {"repeated_speaker_rows", split.repeated_speaker_rows},
          {"tokens", split.tokens},
          {"target_tokens", split.target_tokens},
          {"unknown_tokens", split.unknown_tokens},
          {"unknown_targets", split.unknown_targets},
          {"unreachable_targets", split.unreachable_targets},
          {"unknown_token_share", share(split.unknown_tokens, split.tokens)},
          {"unknown_target_share", share(split.unknown_targets, split.target_tokens)},
          {"unreachable_target_share", share(split.unreachable_targets, split.target_tokens)},
          {"truncated_utterances", split.truncated},
          {"labelled_turns", split.labelled_turns},
          {"emotions", emotion_json(split.emotions)},
          {"listener_emotions", emotion_json(split.listener_emotions)}};
}

}  // namespace

std::string PrepareSummary::text() const {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "data set {}\n", fingerprint);
  for (const SplitSummary& split : splits) append_split(out, split);
  fmt::format_to(
      to,
      "vocabulary: V = {} ({} special words; words that occur {} times or more in train), {} different words in all\n",
      vocabulary_size, special_count, min_frequency, words);
  if (vectors_source == "random")
    fmt::format_to(
        to, "vectors: none given; random, {} dimensions, standard deviation {:.3f} (--vectors FILE reads GloVe)\n",
        dimension, vector_deviation);
  else
    fmt::format_to(to,
                   "vectors: {}, {} dimensions; {} of {} words covered ({:.2f} %, {:.2f} % of the training tokens), "
                   "the rest random with the file's standard deviation {:.4f}\n",
                   vectors_source, dimension, covered_words, vocabulary_size - special_count,
                   100 * share(covered_words, vocabulary_size - special_count), 100 * covered_tokens, vector_deviation);
  if (!labels_source.empty())
    fmt::format_to(to, "listener labels: {}; {} labels passed over as none of the 32 emotions\n", labels_source,
                   other_labels);
  if (!has_listener_labels)
    out +=
        "\n*** NO LISTENER LABELS IN THE TRAINING SPLIT ***\n"
        "*** The listener's part of the emotion loss (equation 6) and the KL term (equation 12) will be OFF. ***\n"
        "*** Give --labels FILE: a CSV with the columns conv_id, utterance_idx, label.                      ***\n";
  out += '\n';
  append_emotions(out, splits, has_listener_labels);
  return out;
}

std::string PrepareSummary::json() const {
  Json list = Json::array();
  for (const SplitSummary& split : splits) list.push_back(split_json(split));
  const Json json = {
      {"fingerprint", fingerprint},
      {"vocabulary_size", vocabulary_size},
      {"words", words},
      {"min_frequency", min_frequency},
      {"max_length", max_length},
      {"vectors",
       {{"source", vectors_source},
        {"dimension", dimension},
        {"covered_words", covered_words},
        {"covered_share", share(covered_words, vocabulary_size - special_count)},
        {"covered_token_share", covered_tokens},
        {"deviation", vector_deviation}}},
      {"listener_labels", {{"source", labels_source}, {"used", has_listener_labels}, {"other_labels", other_labels}}},
      {"splits", list}};
  // A file name may hold bytes that are no UTF-8; that is no reason to fail.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ethreed
