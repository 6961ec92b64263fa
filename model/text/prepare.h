#pragma once
// From the corpus's tables to a data set: everything that happens once, before training.

#include "model/text/corpus.h"
#include "model/text/corpus_emotions.h"
#include "model/text/dataset.h"
#include "model/text/listener_labels.h"
#include "model/text/prepare_summary.h"
#include "model/text/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// A column of labels by utterance and where it comes from.
struct LabelColumnFile {
  std::string name;  ///< see is_column_name
  std::filesystem::path path;
  bool distributions = false;  ///< the file has the probabilities of the classes, too, which are kept
};

/// What data must have in common with the data of a trained model to be of use to it.
struct DataLikeness {
  std::vector<std::string> vocabulary;  ///< every word, the special ones first
  std::vector<LabelColumn> labels;      ///< classes of its label columns
  std::vector<std::string> emotions;    ///< the classes of emotions
  std::int64_t min_frequency = 1;       ///< by which its vocabulary came about
  int max_length = 0, max_situation_length = 0;
  int dimension = 0;  ///< of its embedding; 0: it has none
  TokenRules tokens = TokenRules::own;
};
/// Of which words the vocabulary is. train: of those frequent enough in the posts and responses of the training split.
/// full: of every word of every split, in posts, responses and situations, as in the releases of MoEL, MIME, EmpDG and
/// KEMP: no word of the test split is unknown then.
enum class VocabularyOf { train, full };
/// Whose labels are taken from the file of labels. automatic: the listener's, and the speaker's where the corpus does
/// not have one emotion a dialogue.
enum class LabelsOf { automatic, listener, both };

struct PrepareOptions {
  std::filesystem::path
      corpus_directory;  ///< train.csv, and valid.csv and test.csv where present (see find_split_files)
  std::filesystem::path output_directory;        ///< made if it does not exist (its parent must)
  std::optional<std::filesystem::path> vectors;  ///< text form; none: random ones of `dimension`
  CorpusOptions corpus;
  EmotionOptions emotions;
  std::optional<std::filesystem::path> labels;  ///< emotions of utterances
  LabelsOf labels_of = LabelsOf::automatic;
  bool label_distributions = false;  ///< the labels' file has the probabilities of the emotions, which are kept
  OtherLabels other_labels = OtherLabels::error;
  std::vector<LabelColumnFile> label_columns;  ///< of all utterances; no two of one name, in any order
  TokenRules tokens = TokenRules::own;
  VocabularyOf vocabulary = VocabularyOf::train;
  std::int64_t min_frequency = 3;  ///< in the posts and responses of the training split; 1 where the vocabulary is full
  int max_length = 40;             ///< tokens of an utterance, end mark included; 2 to 10,000
  int max_situation_length = default_situation_length;  ///< the same of a situation
  /// For a run that is there: in place of the tokens, the vocabulary, min_frequency, the lengths and dimension.
  /// Labels of its columns are its classes. The corpus needs no training split then.
  std::optional<DataLikeness> like = {};
  int dimension = 300;  ///< of the vectors where no file is given; 1 to 10,000
};

/// Reads and checks everything, then writes dataset.safetensors, vocabulary.txt, summary.txt and summary.json. On an
/// error (thrown as Error: one line) nothing is written and what was there before stays. The same input gives the same
/// bytes.
PrepareSummary prepare(const PrepareOptions& options);

/// The same in memory: nothing is written, output_directory is not looked at. `summary` is filled.
Dataset prepare_in_memory(const PrepareOptions& options, PrepareSummary& summary);

}  // namespace ethreed
