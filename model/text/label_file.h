#pragma once
// Files of labels of a corpus's utterances, with the utterance that each row is about.

#include "model/text/corpus.h"
#include "model/text/emotions.h"
#include "model/text/notes.h"
#include "model/text/table_reader.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

/// One row. Views live until the next row is read.
struct LabelRow {
  std::string_view label;    ///< as it stands in the file, without blanks around it
  bool other_split = false;  ///< of a split that is not here; nothing below is set then
  std::string_view conversation;
  std::int32_t utterance = 0;  ///< utterance_idx, from 1
  bool by_listener = false;
  std::size_t split = 0;  ///< place among the splits
  /// The utterance among those of the split's turns: 2t is the post of turn t, counted through the split's dialogues,
  /// and 2t + 1 its response; none for a row that is in no turn (a post that nobody answered).
  std::optional<std::size_t> place;
  std::size_t corpus_row = 0;  ///< the row's number in the split: dialogues, then dropped ones
};

/// Columns of a table that hold the probability of a class each, in the order of the classes' bytes.
struct ProbabilityColumns {
  std::vector<std::string> classes;  ///< all different
  std::vector<std::size_t> places;   ///< [classes] among the table's columns
};

/// Reads a table (TableReader) with the columns conv_id, utterance_idx and label, in any place, and perhaps `split`;
/// other columns are ignored. Needs conversation ids to be unique across splits, which must live as long as this.
class LabelFile {
 public:
  /// Throws Error if the file cannot be read or lacks a column.
  LabelFile(const std::filesystem::path& path, std::span<const CorpusSplit> splits);

  /// False at the end. Throws Error (file:line) for a row of another width, a split that is none of train, valid (or
  /// validation, dev) and test, and an utterance that the corpus does not have.
  bool next(LabelRow& row);
  /// Throws Error (file:line) if it was called with a row of the same utterance before. The row must be the last one
  /// read, and not of another split.
  void check_first_label(const LabelRow& row);

  /// The columns p_NAME, one for each of these emotions. Throws Error naming those that are not there.
  std::vector<std::size_t> probability_columns(const EmotionSet& emotions) const;
  /// All columns p_CLASS that there are. Throws Error if there is none, or if two are of one class.
  ProbabilityColumns probability_columns() const;
  /// Of the row last read: its numbers in these columns, divided by their sum. Throws Error (file:line) for what is no
  /// number from 0 to 1 and for a sum that is 1 by less than a hundredth.
  void read_probabilities(std::span<const std::size_t> columns, std::span<float> out) const;

  std::int64_t rows() const { return table_.rows(); }  ///< read so far, without the header
  /// What the table has that its rows do not tell; complete when next() has returned false.
  std::vector<Note> notes() const;
  const std::string& path() const { return table_.path(); }
  std::int64_t line() const { return table_.line(); }
  std::string place() const { return table_.place(); }  ///< "file:line" of the row last read

 private:
  // Where the utterances of a dialogue are.
  struct Location {
    std::size_t split = 0;
    const Dialogue* dialogue = nullptr;
    std::size_t first_turn = 0;
    std::size_t first_row = 0;
  };

  void locate(std::span<const CorpusSplit> splits);
  std::string_view split_of(std::string_view name) const;
  void find_utterance(LabelRow& row, std::string_view split, std::string_view utterance) const;

  TableReader table_;
  std::span<const CorpusSplit> splits_;
  std::size_t conversation_ = 0, utterance_ = 0, label_ = 0;
  std::optional<std::size_t> split_;
  std::unordered_map<std::string_view, Location> locations_;
  std::vector<std::vector<std::int64_t>> label_lines_;  // [split][corpus row], 0: no label yet
};

}  // namespace ethreed
