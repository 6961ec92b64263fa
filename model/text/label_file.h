#pragma once
// CSV files that give utterances a label: what --labels and --label-column both read.

#include "model/text/corpus.h"
#include "model/text/line_reader.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

/// One row. Views live as long as the LabelFile.
struct LabelRow {
  std::string_view label;    ///< as it stands in the file
  bool other_split = false;  ///< of a split that is not here; nothing below is set then
  std::string_view conversation;
  std::int32_t utterance = 0;  ///< utterance_idx, from 1: odd ones are the speaker's
  std::size_t split = 0;       ///< place among the splits
  /// The turn that the utterance belongs to, counted through the split's dialogues; none for a post that nobody
  /// answered.
  std::optional<std::size_t> turn;
  std::size_t corpus_row = 0;  ///< the utterance's number in the split: dialogues, then dropped ones
};

/// Reads a CSV file (split at ',', no quoting) whose header names the columns conv_id, utterance_idx and label, in any
/// place, and perhaps `split`; other columns are ignored. Needs conversation ids to be unique across splits, which must
/// live as long as this.
class LabelFile {
 public:
  /// Throws Error if the file cannot be read or lacks a column.
  LabelFile(const std::filesystem::path& path, std::span<const CorpusSplit> splits);

  /// False at the end. Throws Error (file:line) for a wrong number of fields, a split that is none of train, valid,
  /// test, and an utterance that the corpus does not have.
  bool next(LabelRow& row);
  /// Throws Error (file:line) if it was called with a row of the same utterance before. The row must be the last one
  /// read, and not of another split.
  void check_first_label(const LabelRow& row);

  std::int64_t rows() const { return rows_; }  ///< read so far, without the header
  const std::string& path() const { return lines_.path(); }
  std::string place() const { return lines_.place(); }  ///< "file:line" of the row last read

 private:
  struct Columns {
    std::size_t count = 0;
    std::size_t conversation = 0;
    std::size_t utterance = 0;
    std::size_t label = 0;
    std::optional<std::size_t> split;
  };
  // Where the utterances of a dialogue are.
  struct Location {
    std::size_t split = 0;
    std::size_t first_turn = 0;
    std::size_t turns = 0;
    std::size_t first_row = 0;
    std::int32_t rows = 0;
  };

  void locate(std::span<const CorpusSplit> splits);
  void read_header();
  bool split_is_absent(std::string_view name) const;
  void find_utterance(LabelRow& row, std::string_view split, std::string_view utterance) const;

  LineReader lines_;
  std::span<const CorpusSplit> splits_;
  Columns columns_;
  std::unordered_map<std::string_view, Location> locations_;
  std::vector<std::vector<std::int64_t>> label_lines_;  // [split][corpus row], 0: no label yet
  std::vector<std::string_view> fields_;
  std::int64_t rows_ = 0;
};

}  // namespace ethreed
