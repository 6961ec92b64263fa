#include "model/text/label_file.h"

#include "model/text/line_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ethreed {

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

std::vector<Note> LabelFile::notes() const {
  std::vector<Note> notes;
  const std::string name = std::filesystem::path(path()).filename().string();
  const auto note = [&](std::string_view key, const Tally& tally, std::string_view text) {
    if (tally.count > 0)
      notes.push_back({fmt::format("label_file_{}", key), tally.count, fmt::format("{}:{}", name, tally.first_line),
                       fmt::format("{} {}", tally.count, text)});
  };
  const TableNotes& seen = table_.notes();
  note("latin1_rows", seen.latin, "rows of labels are no UTF-8 and were read as Latin-1 (Windows-1252)");
  note("broken_rows", seen.broken, "rows of labels have bytes that are no UTF-8; each became U+FFFD");
  note("nul_rows", seen.nul, "rows of labels have NUL bytes, read as spaces");
  note("malformed_quotes", seen.malformed,
       "rows of labels have a field that begins with a quotation mark and is not quoted; it was read as it is");
  note("joined_lines", seen.joined,
       "rows of labels are of several lines, each of which would be one; is a quotation mark astray?");
  note(
      "lines_apart", seen.apart,
      "quotation marks in a file of labels open a field in one line and close it in a later one; each line was read as "
      "a row (if fields have line ends, quote the header, too)");
  return notes;
}

std::vector<std::size_t> LabelFile::probability_columns(const EmotionSet& emotions) const {
  std::vector<std::size_t> columns;
  std::vector<std::string> missing;
  for (const std::string& name : emotions.names()) {
    if (const auto column = table_.find("p_" + name))
      columns.push_back(*column);
    else
      missing.push_back("p_" + name);
  }
  ETHREED_CHECK(
      missing.empty(),
      "{}: lacks {} of the columns p_EMOTION that distributions come from ({}); write them with: ethreed label "
      "--distribution",
      path(), missing.size(), excerpt(fmt::format("{}", fmt::join(missing, ", "))));
  return columns;
}

ProbabilityColumns LabelFile::probability_columns() const {
  constexpr std::string_view prefix = "p_";
  std::map<std::string_view, std::size_t> places;
  for (std::size_t c = 0; c < table_.columns().size(); ++c) {
    const std::string_view name = strip(table_.columns()[c]);
    if (name.size() <= prefix.size() || !name.starts_with(prefix)) continue;
    ETHREED_CHECK(places.emplace(name.substr(prefix.size()), c).second, "{}: two columns are called '{}'; rename one",
                  path(), excerpt(name));
  }
  ETHREED_CHECK(!places.empty(),
                "{}: has no columns p_CLASS, which the probabilities of its classes come from; write them with: "
                "ethreed label --distribution",
                path());
  ProbabilityColumns found;
  for (const auto& [name, place] : places) {
    found.classes.emplace_back(name);
    found.places.push_back(place);
  }
  return found;
}

void LabelFile::read_probabilities(std::span<const std::size_t> columns, std::span<float> out) const {
  double sum = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::string_view text = strip(table_.field(columns[k]));
    const auto p = parse_number<double>(text);
    ETHREED_CHECK(p && *p >= 0 && *p <= 1, "{}: {} is '{}', wanted a probability from 0 to 1", place(),
                  table_.columns()[columns[k]], excerpt(text));
    out[k] = static_cast<float>(*p);
    sum += *p;
  }
  ETHREED_CHECK(std::abs(sum - 1) <= 0.01, "{}: the probabilities sum to {:.4g}, wanted 1", place(), sum);
  for (float& p : out) p = static_cast<float>(static_cast<double>(p) / sum);
}

void LabelFile::check_first_label(const LabelRow& row) {
  std::int64_t& earlier = label_lines_[row.split][row.corpus_row];
  ETHREED_CHECK(earlier == 0, "{}: utterance {} of '{}' has a label already, in line {}; remove one", place(),
                row.utterance, row.conversation, earlier);
  earlier = table_.line();
}

}  // namespace ethreed
