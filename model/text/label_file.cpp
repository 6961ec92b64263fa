#include "model/text/label_file.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

std::optional<std::size_t> find_column(std::span<const std::string_view> header, std::string_view name) {
  const auto place = std::find(header.begin(), header.end(), name);
  if (place == header.end()) return std::nullopt;
  return static_cast<std::size_t>(place - header.begin());
}

}  // namespace

LabelFile::LabelFile(const std::filesystem::path& path, std::span<const CorpusSplit> splits)
    : lines_(path), splits_(splits) {
  locate(splits);
  read_header();
}

void LabelFile::locate(std::span<const CorpusSplit> splits) {
  for (std::size_t s = 0; s < splits.size(); ++s) {
    std::size_t turns = 0, rows = 0;
    for (const std::vector<Dialogue>* list : {&splits[s].dialogues, &splits[s].dropped})
      for (const Dialogue& dialogue : *list) {
        locations_[dialogue.conversation_id] = {s, turns, dialogue.turns.size(), rows, dialogue.rows};
        turns += dialogue.turns.size();
        rows += static_cast<std::size_t>(dialogue.rows);
      }
    label_lines_.emplace_back(rows, 0);
  }
}

void LabelFile::read_header() {
  std::string_view line;
  const bool has_header = lines_.next(line);
  ETHREED_CHECK(has_header, "{}: the file is empty; its first line names the columns conv_id, utterance_idx, label",
                path());
  std::vector<std::string_view> header;
  split_at_commas(line, header);
  const auto wanted = [&](std::string_view name) {
    const auto column = find_column(header, name);
    ETHREED_CHECK(column,
                  "{}: no column '{}' in the header '{}'; the columns conv_id, utterance_idx and label are needed",
                  place(), name, excerpt(line));
    return *column;
  };
  columns_ = {header.size(), wanted("conv_id"), wanted("utterance_idx"), wanted("label"), find_column(header, "split")};
}

bool LabelFile::split_is_absent(std::string_view name) const {
  constexpr std::array<std::string_view, 3> names{"train", "valid", "test"};
  ETHREED_CHECK(std::find(names.begin(), names.end(), name) != names.end(),
                "{}: the column split is '{}', wanted train, valid or test", place(), excerpt(name));
  return std::none_of(splits_.begin(), splits_.end(), [&](const CorpusSplit& split) { return split.name == name; });
}

bool LabelFile::next(LabelRow& row) {
  std::string_view line;
  do {
    if (!lines_.next(line)) return false;
  } while (line.empty());
  ++rows_;
  split_at_commas(line, fields_);
  ETHREED_CHECK(fields_.size() == columns_.count, "{}: got {} columns, the header has {}; fields are not quoted",
                place(), fields_.size(), columns_.count);
  row = {};
  row.label = fields_[columns_.label];
  row.other_split = columns_.split && split_is_absent(fields_[*columns_.split]);
  if (row.other_split) return true;
  row.conversation = fields_[columns_.conversation];
  find_utterance(row, columns_.split ? fields_[*columns_.split] : std::string_view{}, fields_[columns_.utterance]);
  return true;
}

// `split` is empty where the file has no such column.
void LabelFile::find_utterance(LabelRow& row, std::string_view split, std::string_view utterance) const {
  const auto index = parse_number<std::int32_t>(utterance);
  ETHREED_CHECK(index && *index >= 1, "{}: utterance_idx is '{}', wanted a whole number from 1", place(),
                excerpt(utterance));
  const auto found = locations_.find(row.conversation);
  const bool exists = found != locations_.end() && *index <= found->second.rows &&
                      (split.empty() || splits_[found->second.split].name == split);
  ETHREED_CHECK(exists,
                "{}: the corpus{}{} has no utterance {} of '{}'; take the labels of this corpus, or name the split "
                "in a column 'split' so that "
                "absent splits are passed over",
                place(), split.empty() ? "" : "'s split ", split, *index, excerpt(row.conversation));
  const Location& dialogue = found->second;
  const auto before = static_cast<std::size_t>(*index - 1);
  row.utterance = *index;
  row.split = dialogue.split;
  if (before / 2 < dialogue.turns) row.turn = dialogue.first_turn + before / 2;
  row.corpus_row = dialogue.first_row + before;
}

void LabelFile::check_first_label(const LabelRow& row) {
  std::int64_t& earlier = label_lines_[row.split][row.corpus_row];
  ETHREED_CHECK(earlier == 0, "{}: utterance {} of '{}' has a label already, in line {}; remove one", place(),
                row.utterance, row.conversation, earlier);
  earlier = lines_.number();
}

}  // namespace ethreed
