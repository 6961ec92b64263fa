#include "tools/ethreed/fine_tune/labelled_texts.h"

#include "core/error.h"
#include "model/text/corpus_emotions.h"
#include "model/text/corpus_folder.h"
#include "model/text/label_file.h"
#include "tools/ethreed/table_notes.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace ethreed {

namespace {

void add_note(ClassifierData& data, std::int64_t count, const std::string& text) {
  if (count > 0) data.notes.push_back(fmt::format("{} {}", count, text));
}

// A text that a quotation mark has cut is learned as it is.
void add_notes(ClassifierData& data, const Corpus& corpus) {
  for (const CorpusSplit& split : corpus.splits)
    for (std::string& note : table_notes(split)) data.notes.push_back(std::move(note));
}

void check_training(const ClassifierData& data, const std::filesystem::path& corpus) {
  ETHREED_CHECK(data.classes.size() >= 2, "{}: {} have {} classes in the training split, wanted two at least",
                corpus.string(), data.what, data.classes.size());
  ETHREED_CHECK(data.split("train") != nullptr && data.split("valid") != nullptr,
                "{}: there are no {} of train and valid: one is trained on, the other chooses the epoch",
                corpus.string(), data.what);
}

// Texts of all rows of a split, numbered as LabelRow::corpus_row numbers them.
std::vector<const std::string*> rows_of(const CorpusSplit& split) {
  std::vector<const std::string*> rows;
  for (const auto* dialogues : {&split.dialogues, &split.dropped})
    for (const Dialogue& dialogue : *dialogues)
      for (std::int32_t number = 1; number <= dialogue.rows; ++number) rows.push_back(&dialogue.utterance(number));
  return rows;
}

}  // namespace

const LabelledTexts* ClassifierData::split(std::string_view name) const {
  for (const LabelledTexts& one : splits)
    if (one.split == name && !one.texts.empty()) return &one;
  return nullptr;
}

ClassifierData read_situations(const std::filesystem::path& folder) {
  Corpus corpus = read_corpus(folder);
  const CorpusEmotions emotions = resolve_emotions(corpus.splits);
  ETHREED_CHECK(emotions.any, "{}: has no column of emotions (context); give --labels, or another corpus",
                folder.string());
  ClassifierData data{.what = "situations", .classes = emotions.set.names()};
  add_notes(data, corpus);
  std::int64_t without_emotion = 0, without_situation = 0;
  for (const CorpusSplit& split : corpus.splits) {
    LabelledTexts& texts = data.splits.emplace_back(LabelledTexts{.split = split.name});
    for (const auto* dialogues : {&split.dialogues, &split.dropped})
      for (const Dialogue& dialogue : *dialogues) {
        without_situation += dialogue.situation.empty();
        without_emotion += !dialogue.situation.empty() && dialogue.emotion < 0;
        if (dialogue.situation.empty() || dialogue.emotion < 0) continue;
        texts.texts.push_back(dialogue.situation);
        texts.labels.push_back(dialogue.emotion);
      }
  }
  add_note(data, without_situation, "dialogues without a situation passed over");
  add_note(data, without_emotion, "situations without an emotion passed over");
  check_training(data, folder);
  return data;
}

ClassifierData read_labelled_utterances(const std::filesystem::path& folder, const std::filesystem::path& labels) {
  const Corpus corpus = read_corpus(folder);
  std::vector<std::vector<const std::string*>> rows;
  for (const CorpusSplit& split : corpus.splits) rows.push_back(rows_of(split));
  struct Labelled {
    std::size_t split, row;
    std::string label;
  };
  std::vector<Labelled> all;
  std::map<std::string, std::int32_t> class_of;
  std::int64_t other_splits = 0, unknown = 0, empty = 0;
  LabelFile file(labels, corpus.splits);
  for (LabelRow row; file.next(row);) {
    other_splits += row.other_split;
    if (row.other_split) continue;
    file.check_first_label(row);
    if (row.label.empty()) ++empty;
    if (row.label.empty()) continue;
    all.push_back({.split = row.split, .row = row.corpus_row, .label = std::string(row.label)});
    if (corpus.splits[row.split].name == "train") class_of.emplace(row.label, 0);
  }
  ClassifierData data{.what = "labelled utterances"};
  add_notes(data, corpus);
  for (const Note& note : file.notes()) data.notes.push_back(note.line());
  for (auto& [name, number] : class_of) {
    number = static_cast<std::int32_t>(data.classes.size());
    data.classes.push_back(name);
  }
  for (const CorpusSplit& split : corpus.splits) data.splits.push_back({.split = split.name});
  for (const Labelled& one : all) {
    const auto found = class_of.find(one.label);
    unknown += found == class_of.end();
    if (found == class_of.end()) continue;
    data.splits[one.split].texts.push_back(*rows[one.split][one.row]);
    data.splits[one.split].labels.push_back(found->second);
  }
  add_note(data, other_splits, "labels of splits that are not here passed over");
  add_note(data, empty, "rows without a label passed over");
  add_note(data, unknown, "labels passed over that no utterance of the training split has");
  check_training(data, folder);
  return data;
}

}  // namespace ethreed
