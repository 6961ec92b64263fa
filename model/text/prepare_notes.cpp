#include "model/text/prepare_notes.h"

#include "model/text/line_reader.h"
#include "model/text/listener_labels.h"
#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ethreed {

namespace fs = std::filesystem;

namespace {

// A reply whose label came without probabilities, from the corpus itself: the label has all of it.
void make_certain(SplitContents& split, std::size_t classes) {
  for (std::size_t turn = 0; turn < split.listener_label.size(); ++turn) {
    const std::int32_t label = split.listener_label[turn];
    const std::span<float> row = std::span(split.listener_distribution).subspan(turn * classes, classes);
    if (label >= 0 && std::all_of(row.begin(), row.end(), [](float p) { return p == 0; }))
      row[static_cast<std::size_t>(label)] = 1;
  }
}

}  // namespace

void add_emotions(std::span<const CorpusSplit> corpus, const CorpusEmotions& emotions, const PrepareOptions& options,
                  DatasetContents& contents, PrepareSummary& summary) {
  contents.emotions = emotions.set;
  for (std::size_t s = 0; s < corpus.size(); ++s) {
    if (!emotions.per_utterance) continue;
    SplitContents& split = contents.splits[s];
    std::size_t turn = 0;
    for (const Dialogue& dialogue : corpus[s].dialogues) {
      split.post_emotion.insert(split.post_emotion.end(), dialogue.post_emotions.begin(), dialogue.post_emotions.end());
      for (const std::int32_t emotion : dialogue.response_emotions) split.listener_label[turn++] = emotion;
    }
  }
  if (!options.labels) return;
  const bool of_speaker = options.labels_of == LabelsOf::both ||
                          (options.labels_of == LabelsOf::automatic && (emotions.per_utterance || !emotions.any));
  UtteranceEmotions labels = read_utterance_emotions(*options.labels, corpus, emotions.set, options.other_labels,
                                                     of_speaker, options.label_distributions);
  const auto put = [](const std::vector<std::int32_t>& from, std::vector<std::int32_t>& to) {
    for (std::size_t i = 0; i < from.size(); ++i)
      if (from[i] >= 0) to[i] = from[i];
  };
  for (std::size_t s = 0; s < corpus.size(); ++s) {
    SplitContents& split = contents.splits[s];
    put(labels.of_response[s], split.listener_label);
    if (options.label_distributions) {
      split.listener_distribution = std::move(labels.distribution_of_response[s]);
      make_certain(split, static_cast<std::size_t>(emotions.set.size()));
    }
    if (labels.used_of_speaker == 0) continue;
    if (split.post_emotion.empty())
      for (std::size_t d = 0; d < split.emotion.size(); ++d)
        split.post_emotion.resize(static_cast<std::size_t>(split.dialogue_offsets[d + 1]), split.emotion[d]);
    put(labels.of_post[s], split.post_emotion);
    for (std::size_t d = 0; d < split.emotion.size(); ++d)
      for (auto t = static_cast<std::size_t>(split.dialogue_offsets[d]);
           t < static_cast<std::size_t>(split.dialogue_offsets[d + 1]) && split.emotion[d] < 0; ++t)
        split.emotion[d] = split.post_emotion[t];
  }
  summary.labels_source = options.labels->filename().string();
  summary.other_labels = labels.other_labels.count;
  summary.speaker_labels = labels.speaker_rows.count;
  summary.label_rows = labels.rows;
  summary.used_labels = labels.used + labels.used_of_speaker;
  const auto note = [&](std::string key, const Tally& tally, std::string_view text) {
    if (tally.count > 0)
      summary.notes.push_back({std::move(key), tally.count,
                               fmt::format("{}:{}", summary.labels_source, tally.first_line),
                               fmt::format("{} labels {}", tally.count, text)});
  };
  if (options.label_distributions)
    summary.notes.push_back({"listener_distributions", labels.used, "",
                             fmt::format("{} labels of replies have the probabilities of all emotions", labels.used)});
  note("labels_of_speaker", labels.speaker_rows,
       "are of the speaker's utterances and were passed over (--labels-of both uses them)");
  note("other_labels", labels.other_labels, "are none of the emotions and were passed over");
  note("labels_of_other_splits", labels.other_splits, "are of splits that are not here and were passed over");
  note("labels_without_turn", labels.no_turn, "are of utterances in no turn and were passed over");
  note("forgiven_labels", labels.forgiven, "name an emotion in other case or with other characters that look alike");
  note("joined_labels", labels.joined, "replaced that of another row joined to the same utterance");
  summary.notes.insert(summary.notes.end(), labels.notes.begin(), labels.notes.end());
}

void note_label_distributions(const LabelColumnFile& file, const ColumnLabels& labels, PrepareSummary& summary) {
  summary.notes.push_back({"column_distributions", labels.used, "",
                           fmt::format("{} labels '{}' have the probabilities of all {} classes", labels.used,
                                       file.name, labels.classes.size())});
}

void note_vectors(const WordVectors& vectors, PrepareSummary& summary) {
  const auto note = [&](std::string key, const Tally& tally, std::string_view text) {
    if (tally.count > 0)
      summary.notes.push_back({std::move(key), tally.count,
                               fmt::format("{}:{}", summary.vectors_source, tally.first_line),
                               fmt::format("{} vectors {}", tally.count, text)});
  };
  note("vectors_with_blanks", vectors.with_blanks, "of words with blanks in them passed over: no token has any");
  note("vectors_without_word", vectors.without_word, "without a word passed over");
  note("vectors_repeated", vectors.repeated, "of words that have one in an earlier line passed over");
  if (!vectors.member.empty())
    summary.notes.push_back(
        {"vectors_member", 1 + vectors.other_members, "",
         fmt::format("of {}, the file {} was read{}", summary.vectors_source, excerpt(vectors.member),
                     vectors.other_members == 0
                         ? ""
                         : fmt::format("; {} more would do: unpack the one you want", vectors.other_members))});
}

void note_unread_files(const Corpus& corpus, const PrepareOptions& options, PrepareSummary& summary) {
  std::vector<std::string> unread;
  const auto is_read = [&](const std::string& name) {
    const fs::path path = options.corpus_directory / name;
    const auto same = [&](const fs::path& other) {
      std::error_code ignored;
      return fs::equivalent(path, other, ignored);
    };
    return (options.labels && same(*options.labels)) || (options.emotions.set && same(*options.emotions.set)) ||
           std::any_of(options.label_columns.begin(), options.label_columns.end(),
                       [&](const LabelColumnFile& column) { return same(column.path); });
  };
  for (const std::string& name : corpus.unread_files)
    if (!is_read(name)) unread.push_back(name);
  if (unread.empty()) return;
  summary.notes.push_back(
      {"unread_files", static_cast<std::int64_t>(unread.size()), "",
       fmt::format("not read, as they are called neither train, valid (validation, dev) nor test: {}",
                   excerpt(fmt::format("{}", fmt::join(unread, ", "))))});
}

WordCensus count_words(const WordTable& words, std::span<const std::int64_t> counts) {
  WordCensus census;
  for (std::int32_t id = 0; id < words.size(); ++id) {
    const std::string_view word = words.word(id);
    const std::int64_t count = counts[static_cast<std::size_t>(id)];
    const char32_t first = decode_utf8(word, 0).code;
    if (count == 0 || kind_of_character(first) != CharacterKind::letter) continue;
    const auto characters = static_cast<std::int64_t>(
        std::count_if(word.begin(), word.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    census.tokens += count;
    census.once += count == 1;
    census.longest = std::max(census.longest, characters);
    if (characters > longest_usual_word) census.long_tokens += count;
  }
  return census;
}

}  // namespace ethreed
