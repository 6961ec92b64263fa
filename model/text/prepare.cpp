#include "model/text/prepare.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "model/text/corpus_folder.h"
#include "model/text/dataset.h"
#include "model/text/label_columns.h"
#include "model/text/line_reader.h"
#include "model/text/prepare_notes.h"
#include "model/text/prepare_words.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "model/text/word_vectors.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr int largest_length = 10'000;

void check_options(const PrepareOptions& options) {
  ETHREED_CHECK(options.min_frequency >= 1, "prepare: min_frequency is {}, wanted at least 1", options.min_frequency);
  ETHREED_CHECK(options.max_length >= 2 && options.max_length <= largest_length,
                "prepare: max_length is {}, wanted 2 to {} (the end mark counts)", options.max_length, largest_length);
  ETHREED_CHECK(options.max_situation_length >= 2 && options.max_situation_length <= largest_length,
                "prepare: max_situation_length is {}, wanted 2 to {} (the end mark counts)",
                options.max_situation_length, largest_length);
  ETHREED_CHECK(!options.label_distributions || options.labels,
                "prepare: distributions are asked for without labels; give their file with --labels");
  std::unordered_set<std::string_view> names;
  for (const LabelColumnFile& column : options.label_columns) {
    ETHREED_CHECK(is_column_name(column.name),
                  "prepare: a label column is called '{}', wanted 1 to 64 letters, digits, '_' and '-'",
                  excerpt(column.name));
    ETHREED_CHECK(names.insert(column.name).second,
                  "prepare: two label columns are called '{}'; give every column a name of its own", column.name);
  }
  ETHREED_CHECK(options.dimension >= 1 && options.dimension <= largest_dimension,
                "prepare: dimension is {}, wanted 1 to {}", options.dimension, largest_dimension);
}

void check_output(const fs::path& out) {
  std::error_code ignored;
  ETHREED_CHECK(!out.empty() && (!fs::exists(out, ignored) || fs::is_directory(out, ignored)),
                "prepare: the output '{}' is not a folder; choose another path", out.string());
}

// Numbers words as the data set does: the vocabulary first, then others in the order they are met.
class Renumbering {
 public:
  Renumbering(const WordTable& seen, WordTable& words)
      : seen_(seen), words_(words), ids_(static_cast<std::size_t>(seen.size()), -1) {}
  std::int32_t operator()(std::int32_t seen_id) {
    std::int32_t& id = ids_[static_cast<std::size_t>(seen_id)];
    if (id < 0) id = words_.id(seen_.word(seen_id));
    return id;
  }

 private:
  const WordTable& seen_;
  WordTable& words_;
  std::vector<std::int32_t> ids_;
};

// Cuts and renumbers a split; counts what was cut.
SplitContents encode_split(const CorpusSplit& split, const TokenizedSplit& tokenized, int max_length,
                           Renumbering& renumber, SplitSummary& summary) {
  SplitContents out;
  out.name = split.name;
  for (std::size_t i = 0; i + 1 < tokenized.offsets.size(); ++i) {
    const std::size_t begin = tokenized.offsets[i], length = tokenized.offsets[i + 1] - begin;
    const std::size_t kept = std::min(length, static_cast<std::size_t>(max_length - 1));
    summary.truncated += kept < length;
    for (std::size_t k = 0; k < kept; ++k) out.tokens.push_back(renumber(tokenized.ids[begin + k]));
    out.tokens.push_back(eos_id);
    out.utterance_offsets.push_back(static_cast<std::int64_t>(out.tokens.size()));
  }
  for (const Dialogue& dialogue : split.dialogues) {
    out.dialogue_offsets.push_back(out.dialogue_offsets.back() + static_cast<std::int64_t>(dialogue.turns.size()));
    out.emotion.push_back(dialogue.emotion);
    out.conversation_bytes += dialogue.conversation_id;
    out.conversation_offsets.push_back(static_cast<std::int64_t>(out.conversation_bytes.size()));
  }
  out.listener_label.assign(static_cast<std::size_t>(out.dialogue_offsets.back()), -1);
  return out;
}

// Encodes the situations of a split; words that are new go to the end of `words`.
void add_situations(const CorpusSplit& corpus, int max_length, WordTable& words, SplitContents& split,
                    SplitSummary& summary) {
  split.situation_offsets.push_back(0);
  for (const Dialogue& dialogue : corpus.dialogues) {
    const std::vector<std::string> tokens = tokenize(dialogue.situation, words.rules());
    summary.truncated_situations += tokens.size() > static_cast<std::size_t>(max_length - 1);
    summary.empty_situations += tokens.empty();
    const std::vector<std::int32_t> ids = encode_tokens(tokens, words, max_length);
    split.situation_tokens.insert(split.situation_tokens.end(), ids.begin(), ids.end());
    split.situation_offsets.push_back(static_cast<std::int64_t>(split.situation_tokens.size()));
  }
}

// Labels of a column that a run knows get its classes. A class that the file lacks has a probability of 0.
void take_classes(const LabelColumnFile& file, const DataLikeness& like, ColumnLabels& labels) {
  const auto known = std::find_if(like.labels.begin(), like.labels.end(),
                                  [&](const LabelColumn& column) { return column.name == file.name; });
  if (known == like.labels.end()) return;
  std::vector<std::int32_t> number;
  for (const std::string& name : labels.classes) {
    const auto place = std::find(known->classes.begin(), known->classes.end(), name);
    ETHREED_CHECK(place != known->classes.end(),
                  "{}: the label '{}' is none of the {} classes that the run has for '{}'; rename it or take its rows "
                  "out",
                  file.path.string(), excerpt(name), known->classes.size(), file.name);
    number.push_back(static_cast<std::int32_t>(place - known->classes.begin()));
  }
  for (std::vector<std::int32_t>& split : labels.of_utterance)
    for (std::int32_t& label : split)
      if (label >= 0) label = number[static_cast<std::size_t>(label)];
  const std::size_t classes = known->classes.size();
  for (std::vector<float>& split : labels.distributions) {
    std::vector<float> rows(split.size() / number.size() * classes, 0.0F);
    for (std::size_t i = 0; i < split.size(); ++i)
      rows[i / number.size() * classes + static_cast<std::size_t>(number[i % number.size()])] = split[i];
    split = std::move(rows);
  }
  labels.classes = known->classes;
}

// Columns by the order of their names, so that the order of the options does not matter.
void add_label_columns(std::vector<LabelColumnFile> files, const std::optional<DataLikeness>& like,
                       std::span<const CorpusSplit> corpus, DatasetContents& contents, PrepareSummary& summary) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const LabelColumnFile& file : files) {
    ColumnLabels labels = read_label_column(file.path, corpus, file.distributions);
    if (like) take_classes(file, *like, labels);
    summary.label_columns.push_back({file.name, file.path.filename().string(), labels.classes, labels.dropped_posts,
                                     labels.other_splits, labels.joined});
    summary.notes.insert(summary.notes.end(), labels.notes.begin(), labels.notes.end());
    for (std::size_t s = 0; s < corpus.size(); ++s) {
      std::vector<std::int64_t> counts(labels.classes.size(), 0);
      for (const std::int32_t label : labels.of_utterance[s])
        if (label >= 0) ++counts[static_cast<std::size_t>(label)];
      summary.splits[s].label_counts.push_back(std::move(counts));
      contents.splits[s].labels.push_back(std::move(labels.of_utterance[s]));
      contents.splits[s].label_distributions.push_back(file.distributions ? std::move(labels.distributions[s])
                                                                          : std::vector<float>());
    }
    if (file.distributions) note_label_distributions(file, labels, summary);
    contents.label_columns.push_back({file.name, std::move(labels.classes)});
  }
}

void count_unknown(const SplitContents& split, std::int32_t vocabulary_size, SplitSummary& summary) {
  const auto utterance = [&](std::size_t i) {
    return std::span(split.tokens)
        .subspan(static_cast<std::size_t>(split.utterance_offsets[i]),
                 static_cast<std::size_t>(split.utterance_offsets[i + 1] - split.utterance_offsets[i]));
  };
  for (std::size_t turn = 0; turn < split.listener_label.size(); ++turn) {
    const auto post = utterance(2 * turn), response = utterance(2 * turn + 1);
    summary.unknown_tokens +=
        std::count_if(post.begin(), post.end(), [&](std::int32_t id) { return id >= vocabulary_size; });
    summary.target_tokens += static_cast<std::int64_t>(response.size());
    for (const std::int32_t id : response) {
      if (id < vocabulary_size) continue;
      ++summary.unknown_targets;
      summary.unreachable_targets += std::find(post.begin(), post.end(), id) == post.end();
    }
  }
  summary.tokens = static_cast<std::int64_t>(split.tokens.size());
  summary.unknown_tokens += summary.unknown_targets;
}

void summarise(const CorpusSplit& corpus, const SplitContents& split, std::int32_t vocabulary_size,
               std::int32_t emotions, SplitSummary& summary) {
  summary.name = split.name;
  summary.rows = corpus.rows;
  summary.dialogues = static_cast<std::int64_t>(split.emotion.size());
  summary.turns = static_cast<std::int64_t>(split.listener_label.size());
  summary.dropped_posts = corpus.dropped_posts;
  summary.dropped_dialogues = static_cast<std::int64_t>(corpus.dropped.size());
  summary.repeated_speaker_rows = corpus.repeated_speaker_rows;
  summary.differing_situations = corpus.differing_situations;
  summary.situation_tokens = static_cast<std::int64_t>(split.situation_tokens.size());
  summary.unknown_situation_tokens = std::count_if(split.situation_tokens.begin(), split.situation_tokens.end(),
                                                   [&](std::int32_t id) { return id >= vocabulary_size; });
  summary.notes = corpus.notes;
  summary.emotions.assign(static_cast<std::size_t>(emotions), 0);
  summary.listener_emotions = summary.emotions;
  for (const std::int32_t k : split.emotion)
    if (k >= 0) ++summary.emotions[static_cast<std::size_t>(k)];
  if (!split.post_emotion.empty()) summary.post_emotions.assign(static_cast<std::size_t>(emotions), 0);
  for (const std::int32_t k : split.post_emotion)
    if (k >= 0) ++summary.post_emotions[static_cast<std::size_t>(k)];
  for (const std::int32_t k : split.listener_label) {
    if (k < 0) continue;
    ++summary.labelled_turns;
    ++summary.listener_emotions[static_cast<std::size_t>(k)];
  }
  count_unknown(split, vocabulary_size, summary);
}

// The share of the training split's words, end marks left out, that have a vector of the file.
double covered_share(const SplitContents& train, const WordVectors& vectors) {
  std::int64_t words = 0, covered = 0;
  for (const std::int32_t id : train.tokens) {
    if (id == eos_id) continue;
    ++words;
    covered +=
        static_cast<std::size_t>(id) < vectors.from_file.size() && vectors.from_file[static_cast<std::size_t>(id)];
  }
  return words == 0 ? 0.0 : static_cast<double>(covered) / static_cast<double>(words);
}

// Makes the output folder, and removes it again if the work fails and it was not there before.
class OutputFolder {
 public:
  explicit OutputFolder(const fs::path& path) : path_(path) {
    std::error_code error;
    made_ = fs::create_directory(path, error);
    ETHREED_CHECK(!error, "{}: the folder cannot be made ({}); make its parent first or choose another", path.string(),
                  error.message());
  }
  ~OutputFolder() {
    std::error_code ignored;
    if (made_) fs::remove(path_, ignored);  // removes an empty folder only
  }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  void keep() { made_ = false; }

 private:
  fs::path path_;
  bool made_ = false;
};

void write_all(const fs::path& directory, const DatasetContents& contents, const std::string& vocabulary,
               const PrepareSummary& summary) {
  OutputFolder folder(directory);
  AtomicFile vocabulary_file(directory / "vocabulary.txt");
  AtomicFile text_file(directory / "summary.txt");
  AtomicFile json_file(directory / "summary.json");
  AtomicFile dataset_file(directory / dataset_file_name);
  vocabulary_file.write(vocabulary);
  text_file.write(summary.text());
  json_file.write(summary.json());
  write_dataset(dataset_file, contents);
  const std::array<AtomicFile*, 4> files{&vocabulary_file, &text_file, &json_file, &dataset_file};
  for (AtomicFile* file : files) file->sync();  // a full disk shows here, before anything is replaced
  for (AtomicFile* file : files) file->commit();
  folder.keep();
}

WordTable vocabulary_of(const DataLikeness& like) {
  WordTable vocabulary(like.tokens);
  for (const std::string& word : like.vocabulary) vocabulary.id(word);
  return vocabulary;
}

// What a run says in place of the options.
PrepareOptions completed(PrepareOptions options) {
  if (options.vocabulary == VocabularyOf::full) options.min_frequency = 1;
  if (const std::optional<DataLikeness>& like = options.like) {
    options.tokens = like->tokens;
    options.min_frequency = like->min_frequency;
    options.max_length = like->max_length;
    options.max_situation_length = like->max_situation_length;
    if (like->dimension > 0) options.dimension = like->dimension;
  }
  check_options(options);
  if (options.like) {
    options.emotions.names = options.like->emotions;
    options.corpus.train_may_be_absent = true;
  }
  return options;
}

DatasetContents read_all(const PrepareOptions& given, PrepareSummary& summary) {
  const PrepareOptions options = completed(given);
  Corpus folder = read_corpus(options.corpus_directory, options.corpus);
  const CorpusEmotions emotions = resolve_emotions(folder.splits, options.emotions);
  const std::vector<CorpusSplit>& corpus = folder.splits;
  summary.notes = emotions.notes;
  note_unread_files(folder, options, summary);
  summary.emotions = emotions.set.names();
  summary.emotions_source = emotions.source;
  summary.emotion_per_utterance = emotions.per_utterance;
  summary.has_emotions = emotions.any;
  summary.tokens = name_of(options.tokens);
  summary.full_vocabulary = options.vocabulary == VocabularyOf::full && !options.like;
  summary.min_frequency = options.min_frequency;
  summary.max_length = options.max_length;
  summary.max_situation_length = options.max_situation_length;
  summary.splits.resize(corpus.size());

  WordTable seen(options.tokens);
  std::vector<TokenizedSplit> tokenized;
  tokenized.reserve(corpus.size());
  for (const CorpusSplit& split : corpus) tokenized.push_back(tokenize_split(split, seen));
  // [0] is train, if it must be there
  std::vector<std::int64_t> counts(static_cast<std::size_t>(seen.size()), 0);
  for (const std::int32_t id : tokenized[0].ids) ++counts[static_cast<std::size_t>(id)];
  summary.words_of_train = count_words(seen, counts);
  const WordTable vocabulary = options.like              ? vocabulary_of(*options.like)
                               : summary.full_vocabulary ? full_vocabulary(corpus, tokenized, seen)
                                                         : vocabulary_from_counts(seen, counts, options.min_frequency);

  DatasetContents contents;
  contents.words = vocabulary;
  contents.min_frequency = options.min_frequency;
  contents.max_length = options.max_length;
  contents.max_situation_length = options.max_situation_length;
  Renumbering renumber(seen, contents.words);
  for (std::size_t s = 0; s < corpus.size(); ++s)
    contents.splits.push_back(encode_split(corpus[s], tokenized[s], options.max_length, renumber, summary.splits[s]));
  summary.dialogue_words = contents.words.size();
  for (std::size_t s = 0; s < corpus.size(); ++s)
    add_situations(corpus[s], options.max_situation_length, contents.words, contents.splits[s], summary.splits[s]);
  contents.situation_words = contents.words.size() - static_cast<std::int32_t>(summary.dialogue_words);

  add_emotions(corpus, emotions, options, contents, summary);
  add_label_columns(options.label_columns, options.like, corpus, contents, summary);
  WordVectors vectors = options.vectors ? read_word_vectors(*options.vectors, vocabulary)
                                        : random_word_vectors(vocabulary, options.dimension);
  for (std::size_t s = 0; s < corpus.size(); ++s)
    summarise(corpus[s], contents.splits[s], vocabulary.size(), contents.emotions.size(), summary.splits[s]);

  summary.vocabulary_size = vocabulary.size();
  summary.words = contents.words.size();
  summary.dimension = vectors.rows.columns();
  summary.vectors_source = options.vectors ? options.vectors->filename().string() : "random";
  summary.covered_words = vectors.covered;
  summary.covered_tokens = covered_share(contents.splits[0], vectors);
  summary.vector_deviation = vectors.deviation;
  note_vectors(vectors, summary);
  summary.has_listener_labels = summary.splits[0].labelled_turns > 0;
  contents.has_listener_labels = summary.has_listener_labels;
  contents.vectors_source = summary.vectors_source;
  contents.vectors = std::move(vectors.rows);
  summary.fingerprint = contents.fingerprint();
  summary.texts_fingerprint = contents.texts_fingerprint();
  return contents;
}

// The first words of the table, one a line.
std::string vocabulary_text_of(const DatasetContents& contents) {
  WordTable vocabulary;
  for (std::int32_t id = 0; id < contents.vocabulary_size(); ++id) vocabulary.id(contents.words.word(id));
  return vocabulary_text(vocabulary);
}

}  // namespace

PrepareSummary prepare(const PrepareOptions& options) {
  check_output(options.output_directory);
  PrepareSummary summary;
  const DatasetContents contents = read_all(options, summary);
  write_all(options.output_directory, contents, vocabulary_text_of(contents), summary);
  return summary;
}

Dataset prepare_in_memory(const PrepareOptions& options, PrepareSummary& summary) {
  return open_in_memory(read_all(options, summary), options.corpus_directory.string());
}

}  // namespace ethreed
