#include "model/text/label_file.h"

#include "model/text/line_reader.h"

#include <algorithm>

namespace ethreed {

namespace {

std::string_view strip(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace

LabelFile::LabelFile(const std::filesystem::path& path, std::span<const CorpusSplit> splits)
    : table_(path), splits_(splits) {
  locate(splits);
  conversation_ = table_.column("conv_id");
  utterance_ = table_.column("utterance_idx");
  label_ = table_.column("label");
  split_ = table_.find("split");
}

void LabelFile::locate(std::span<const CorpusSplit> splits) {
  for (std::size_t s = 0; s < splits.size(); ++s) {
    std::size_t turns = 0, rows = 0;
    for (const std::vector<Dialogue>* list : {&splits[s].dialogues, &splits[s].dropped})
      for (const Dialogue& dialogue : *list) {
        locations_[dialogue.conversation_id] = {s, &dialogue, turns, rows};
        turns += dialogue.turns.size();
        rows += static_cast<std::size_t>(dialogue.rows);
      }
    label_lines_.emplace_back(rows, 0);
  }
}

std::string_view LabelFile::split_of(std::string_view name) const {
  const std::optional<std::string_view> split = split_called(name);
  ETHREED_CHECK(split, "{}: the column split is '{}', wanted train, valid (validation, dev) or test", place(),
                excerpt(name));
  return *split;
}

bool LabelFile::next(LabelRow& row) {
  if (!table_.next()) return false;
  row = {};
  row.label = strip(table_.field(label_));
  std::string_view split;
  if (split_) {
    split = split_of(strip(table_.field(*split_)));
    row.other_split =
        std::none_of(splits_.begin(), splits_.end(), [&](const auto& here) { return here.name == split; });
    if (row.other_split) return true;
  }
  row.conversation = strip(table_.field(conversation_));
  find_utterance(row, split, strip(table_.field(utterance_)));
  return true;
}

// `split` is empty where the file has no such column.
void LabelFile::find_utterance(LabelRow& row, std::string_view split, std::string_view utterance) const {
  const auto index = parse_number<std::int32_t>(utterance);
  ETHREED_CHECK(index && *index >= 1, "{}: utterance_idx is '{}', wanted a whole number from 1", place(),
                excerpt(utterance));
  const auto found = locations_.find(row.conversation);
  const bool exists = found != locations_.end() && *index <= found->second.dialogue->rows &&
                      (split.empty() || splits_[found->second.split].name == split);
  ETHREED_CHECK(exists,
                "{}: the corpus{}{} has no utterance {} of '{}'; take the labels of this corpus, or name the split "
                "in a column 'split' so that "
                "absent splits are passed over",
                place(), split.empty() ? "" : "'s split ", split, *index, excerpt(row.conversation));
  const Location& location = found->second;
  row.utterance = *index;
  row.by_listener = location.dialogue->by_listener(*index);
  row.split = location.split;
  if (const auto at = location.dialogue->place(*index)) row.place = 2 * location.first_turn + *at;
  row.corpus_row = location.first_row + static_cast<std::size_t>(*index - 1);
}

void LabelFile::check_first_label(const LabelRow& row) {
  std::int64_t& earlier = label_lines_[row.split][row.corpus_row];
  ETHREED_CHECK(earlier == 0, "{}: utterance {} of '{}' has a label already, in line {}; remove one", place(),
                row.utterance, row.conversation, earlier);
  earlier = table_.line();
}

}  // namespace ethreed
