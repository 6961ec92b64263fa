#include "model/text/prepare_summary.h"

#include "model/text/line_reader.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

void append_note(std::string& out, std::string_view indent, const Note& note) {
  fmt::format_to(std::back_inserter(out), "{}note: {}\n", indent, note.line());
}

Json notes_json(const std::vector<Note>& notes) {
  Json list = Json::array();
  for (const Note& note : notes) {
    Json json{{"key", note.key}, {"count", note.count}, {"text", note.text}};
    if (!note.first.empty()) json["first"] = note.first;
    list.push_back(std::move(json));
  }
  return list;
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
  fmt::format_to(to,
                 "      situations: {} tokens ({:.2f} a dialogue), {:.2f} % outside the vocabulary; cut to length: {} "
                 "({:.2f} %); empty: {}\n",
                 split.situation_tokens, share(split.situation_tokens, split.dialogues),
                 100 * share(split.unknown_situation_tokens, split.situation_tokens), split.truncated_situations,
                 100 * share(split.truncated_situations, split.dialogues), split.empty_situations);
  if (split.differing_situations > 0)
    fmt::format_to(to, "      note: prompt differs between the rows of {} dialogues; the first row's was taken\n",
                   split.differing_situations);
  for (const Note& note : split.notes) append_note(out, "      ", note);
}

// One line an emotion, one column a split.
void append_emotions(std::string& out, const PrepareSummary& summary) {
  const auto to = std::back_inserter(out);
  const std::vector<SplitSummary>& splits = summary.splits;
  const auto each = [&](const EmotionCounts SplitSummary::*counts, auto function) {
    for (const SplitSummary& split : splits)
      if (!(split.*counts).empty()) function(split, split.*counts);
  };
  const auto head = [&](const EmotionCounts SplitSummary::*counts, std::string_view more) {
    each(counts, [&](const SplitSummary& split, const EmotionCounts&) {
      fmt::format_to(to, "{:>16}", split.name + std::string(more));
    });
  };
  std::size_t width = 15;
  for (const std::string& name : summary.emotions) width = std::max(width, name.size() + 1);
  fmt::format_to(to, "{:<{}}", "emotion", width);
  head(&SplitSummary::emotions, "");
  head(&SplitSummary::post_emotions, " posts");
  if (summary.has_listener_labels) head(&SplitSummary::listener_emotions, " listener");
  out += '\n';
  for (std::size_t k = 0; k < summary.emotions.size(); ++k) {
    fmt::format_to(to, "{:<{}}", summary.emotions[k], width);
    const auto row = [&](const EmotionCounts SplitSummary::*counts, const std::int64_t SplitSummary::*whole) {
      each(counts, [&](const SplitSummary& split, const EmotionCounts& values) {
        fmt::format_to(to, "{:>8} {:>5.2f} %", values[k], 100 * share(values[k], split.*whole));
      });
    };
    row(&SplitSummary::emotions, &SplitSummary::dialogues);
    row(&SplitSummary::post_emotions, &SplitSummary::turns);
    if (summary.has_listener_labels) row(&SplitSummary::listener_emotions, &SplitSummary::labelled_turns);
    out += '\n';
  }
}

void append_labels(std::string& out, const PrepareSummary& summary) {
  const auto to = std::back_inserter(out);
  if (summary.labels_source.empty()) {
    if (summary.emotion_per_utterance && summary.has_listener_labels)
      out += "listener labels: from the corpus, which has an emotion for every utterance\n";
    return;
  }
  fmt::format_to(to, "listener labels: {}; {} labels passed over as none of the {} emotions\n", summary.labels_source,
                 summary.other_labels, summary.emotions.size());
}

void append_full_vocabulary(std::string& out, const PrepareSummary& summary) {
  std::vector<std::string_view> here, absent;
  for (const std::string_view name : {"valid", "test"}) {
    const auto is_it = [&](const SplitSummary& split) { return split.name == name; };
    (std::any_of(summary.splits.begin(), summary.splits.end(), is_it) ? here : absent).push_back(name);
  }
  const auto to = std::back_inserter(out);
  if (!here.empty())
    fmt::format_to(
        to,
        "\n*** THE VOCABULARY HAS THE WORDS OF {} ***\n"
        "*** No word there is unknown: perplexities do not compare with those of a vocabulary of train. ***\n",
        fmt::join(here, " AND "));
  for (const std::string_view name : absent)
    fmt::format_to(to, "*** There is no {} split: its words are missing from the vocabulary. ***\n", name);
}

void append_warnings(std::string& out, const PrepareSummary& summary) {
  const auto to = std::back_inserter(out);
  if (summary.full_vocabulary) append_full_vocabulary(out, summary);
  if (summary.poor_coverage())
    fmt::format_to(
        to,
        "warning: only {:.2f} % of the training tokens have a vector of {}; is it of another language, or are "
        "its words in another case?\n",
        100 * summary.covered_tokens, summary.vectors_source);
  if (summary.odd_words())
    fmt::format_to(to,
                   "warning: of {} words in the training split {} occur once and {} have more than {} letters (the "
                   "longest has {}): there is little text, or the tokenizer does not find the words of its language\n",
                   summary.words_of_train.tokens, summary.words_of_train.once, summary.words_of_train.long_tokens,
                   longest_usual_word, summary.words_of_train.longest);
  if (!summary.has_emotions)
    out += "warning: the corpus has no emotions (no column context or emotion, or nothing in it)\n";
  if (summary.has_listener_labels) return;
  out +=
      "\n*** NO LISTENER LABELS IN THE TRAINING SPLIT ***\n"
      "*** The listener's part of the emotion loss (equation 6) and the KL term (equation 12) will be OFF. ***\n";
  if (summary.labels_source.empty())
    out += "*** Give --labels FILE: a CSV with the columns conv_id, utterance_idx, label.                      ***\n";
  else
    fmt::format_to(to, "*** {} has {} rows: {} of the speaker's utterances, {} none of the emotions, {} others. ***\n",
                   summary.labels_source, summary.label_rows,
                   summary.speaker_labels == summary.label_rows && summary.label_rows > 0
                       ? fmt::format("all {}", summary.label_rows)
                       : std::to_string(summary.speaker_labels),
                   summary.other_labels, summary.label_rows - summary.speaker_labels - summary.other_labels);
}

void append_label_column(std::string& out, const PrepareSummary& summary, std::size_t column) {
  const LabelColumnSummary& labels = summary.label_columns[column];
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "labels '{}': {}, {} classes;", labels.name, labels.source, labels.classes.size());
  for (const SplitSummary& split : summary.splits) {
    const std::int64_t labelled = split.labelled_utterances(column);
    fmt::format_to(to, " {}: {} of {} utterances ({:.1f} %);", split.name, labelled, 2 * split.turns,
                   100 * share(labelled, 2 * split.turns));
  }
  fmt::format_to(to, " passed over: {} of unanswered posts, {} of splits that are not here\n", labels.dropped_posts,
                 labels.other_splits);
}

Json label_columns_json(const PrepareSummary& summary) {
  Json list = Json::array();
  for (std::size_t column = 0; column < summary.label_columns.size(); ++column) {
    const LabelColumnSummary& labels = summary.label_columns[column];
    Json splits = Json::object();
    for (const SplitSummary& split : summary.splits) {
      Json classes = Json::object();
      for (std::size_t k = 0; k < labels.classes.size(); ++k)
        classes[labels.classes[k]] = split.label_counts[column][k];
      splits[split.name] = {{"labelled_utterances", split.labelled_utterances(column)}, {"classes", classes}};
    }
    list.push_back({{"name", labels.name},
                    {"source", labels.source},
                    {"classes", labels.classes.size()},
                    {"dropped_posts", labels.dropped_posts},
                    {"other_splits", labels.other_splits},
                    {"joined", labels.joined},
                    {"splits", splits}});
  }
  return list;
}

Json emotion_json(const EmotionCounts& counts, const std::vector<std::string>& names) {
  Json json = Json::object();
  for (std::size_t k = 0; k < counts.size(); ++k) json[names[k]] = counts[k];
  return json;
}

Json split_json(const SplitSummary& split, const std::vector<std::string>& names) {
  Json json = {{"name", split.name},
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
               {"situation_tokens", split.situation_tokens},
               {"unknown_situation_tokens", split.unknown_situation_tokens},
               {"truncated_situations", split.truncated_situations},
               {"empty_situations", split.empty_situations},
               {"differing_situations", split.differing_situations},
               {"emotions", emotion_json(split.emotions, names)},
               {"listener_emotions", emotion_json(split.listener_emotions, names)},
               {"notes", notes_json(split.notes)}};
  if (!split.post_emotions.empty()) json["post_emotions"] = emotion_json(split.post_emotions, names);
  return json;
}

}  // namespace

std::int64_t SplitSummary::labelled_utterances(std::size_t column) const {
  const std::vector<std::int64_t>& counts = label_counts[column];
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::string PrepareSummary::text() const {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "data set {}\nsituations and label columns {}\n", fingerprint, texts_fingerprint);
  for (const SplitSummary& split : splits) append_split(out, split);
  if (tokens != token_rule_names.front()) fmt::format_to(to, "tokens: {}\n", tokens);
  fmt::format_to(to,
                 "vocabulary: V = {} ({} special words; {}), {} different words in the dialogues, {} more in the "
                 "situations\n",
                 vocabulary_size, special_count,
                 full_vocabulary ? "every word of every split and of its situations"
                                 : fmt::format("words that occur {} times or more in train", min_frequency),
                 dialogue_words, words - dialogue_words);
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
  if (emotions_source != "EmpatheticDialogues")
    fmt::format_to(to, "emotions: {} of {}: {}\n", emotions.size(),
                   emotions_source == "train" ? "the training split" : emotions_source,
                   excerpt(fmt::format("{}", fmt::join(emotions, ", "))));
  if (emotion_per_utterance) out += "emotions: one an utterance\n";
  append_labels(out, *this);
  for (std::size_t column = 0; column < label_columns.size(); ++column) append_label_column(out, *this, column);
  for (const Note& note : notes) append_note(out, "", note);
  append_warnings(out, *this);
  out += '\n';
  append_emotions(out, *this);
  return out;
}

std::string PrepareSummary::json() const {
  Json list = Json::array();
  for (const SplitSummary& split : splits) list.push_back(split_json(split, emotions));
  const Json json = {
      {"fingerprint", fingerprint},
      {"texts_fingerprint", texts_fingerprint},
      {"tokens", tokens},
      {"vocabulary", full_vocabulary ? "full" : "train"},
      {"vocabulary_size", vocabulary_size},
      {"words", words},
      {"dialogue_words", dialogue_words},
      {"min_frequency", min_frequency},
      {"max_length", max_length},
      {"max_situation_length", max_situation_length},
      {"vectors",
       {{"source", vectors_source},
        {"dimension", dimension},
        {"covered_words", covered_words},
        {"covered_share", share(covered_words, vocabulary_size - special_count)},
        {"covered_token_share", covered_tokens},
        {"poor_coverage", poor_coverage()},
        {"deviation", vector_deviation}}},
      {"words_of_train",
       {{"tokens", words_of_train.tokens},
        {"once", words_of_train.once},
        {"long", words_of_train.long_tokens},
        {"longest", words_of_train.longest},
        {"odd", odd_words()}}},
      {"emotions", {{"names", emotions}, {"source", emotions_source}, {"per_utterance", emotion_per_utterance}}},
      {"notes", notes_json(notes)},
      {"listener_labels",
       {{"source", labels_source},
        {"used", has_listener_labels},
        {"rows", label_rows},
        {"used_labels", used_labels},
        {"speaker_labels", speaker_labels},
        {"other_labels", other_labels}}},
      {"label_columns", label_columns_json(*this)},
      {"splits", list}};
  // A file name may hold bytes that are no UTF-8; that is no reason to fail.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ethreed
