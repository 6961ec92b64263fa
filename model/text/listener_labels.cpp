#include "model/text/listener_labels.h"

#include "model/text/emotions.h"
#include "model/text/line_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace ethreed {

namespace {

struct Columns {
  std::size_t count = 0;
  std::size_t conversation = 0;
  std::size_t utterance = 0;
  std::size_t label = 0;
  std::optional<std::size_t> split;
};

std::optional<std::size_t> find_column(std::span<const std::string_view> header, std::string_view name) {
  const auto place = std::find(header.begin(), header.end(), name);
  if (place == header.end()) return std::nullopt;
  return static_cast<std::size_t>(place - header.begin());
}

Columns read_header(LineReader& lines) {
  std::string_view line;
  const bool has_header = lines.next(line);
  ETHREED_CHECK(has_header, "{}: the file is empty; its first line names the columns conv_id, utterance_idx, label",
                lines.path());
  std::vector<std::string_view> header;
  split_at_commas(line, header);
  const auto wanted = [&](std::string_view name) {
    const auto column = find_column(header, name);
    ETHREED_CHECK(column,
                  "{}: no column '{}' in the header '{}'; the columns conv_id, utterance_idx and label are needed",
                  lines.place(), name, excerpt(line));
    return *column;
  };
  return {header.size(), wanted("conv_id"), wanted("utterance_idx"), wanted("label"), find_column(header, "split")};
}

// Where the replies of a dialogue are.
struct Location {
  std::size_t split = 0;
  std::size_t first_turn = 0;
  std::int32_t turns = 0;
  std::int32_t rows = 0;
};

class LabelReader {
 public:
  LabelReader(std::span<const CorpusSplit> splits, OtherLabels other_labels) : splits_(splits), policy_(other_labels) {
    for (std::size_t s = 0; s < splits.size(); ++s) {
      std::size_t turns = 0;
      for (const Dialogue& dialogue : splits[s].dialogues) {
        locations_[dialogue.conversation_id] = {s, turns, static_cast<std::int32_t>(dialogue.turns.size()),
                                                dialogue.rows};
        turns += dialogue.turns.size();
      }
      for (const Dialogue& dialogue : splits[s].dropped)
        locations_[dialogue.conversation_id] = {s, 0, 0, dialogue.rows};
      labels_.of_turn.emplace_back(turns, -1);
      label_lines_.emplace_back(turns, 0);
    }
  }

  ListenerLabels read(LineReader& lines) {
    const Columns columns = read_header(lines);
    std::vector<std::string_view> fields;
    for (std::string_view line; lines.next(line);) {
      if (line.empty()) continue;
      ++labels_.rows;
      split_at_commas(line, fields);
      ETHREED_CHECK(fields.size() == columns.count, "{}: got {} columns, the header has {}; fields are not quoted",
                    lines.place(), fields.size(), columns.count);
      if (columns.split && split_is_absent(lines, fields[*columns.split])) {
        ++labels_.other_splits;
        continue;
      }
      const std::string_view split = columns.split ? fields[*columns.split] : std::string_view{};
      add(lines, split, fields[columns.conversation], fields[columns.utterance], fields[columns.label]);
    }
    return std::move(labels_);
  }

 private:
  bool split_is_absent(const LineReader& lines, std::string_view name) const {
    constexpr std::array<std::string_view, 3> names{"train", "valid", "test"};
    ETHREED_CHECK(std::find(names.begin(), names.end(), name) != names.end(),
                  "{}: the column split is '{}', wanted train, valid or test", lines.place(), excerpt(name));
    return std::none_of(splits_.begin(), splits_.end(), [&](const CorpusSplit& split) { return split.name == name; });
  }

  // `split` is empty where the file has no such column.
  void add(const LineReader& lines, std::string_view split, std::string_view conversation, std::string_view utterance,
           std::string_view label) {
    const auto index = parse_number<std::int32_t>(utterance);
    ETHREED_CHECK(index && *index >= 1, "{}: utterance_idx is '{}', wanted a whole number from 1", lines.place(),
                  excerpt(utterance));
    const auto place = locations_.find(conversation);
    const bool exists = place != locations_.end() && *index <= place->second.rows &&
                        (split.empty() || splits_[place->second.split].name == split);
    ETHREED_CHECK(exists,
                  "{}: the corpus{}{} has no utterance {} of '{}'; take the labels of this corpus, or name the split "
                  "in a column 'split' so that "
                  "absent splits are passed over",
                  lines.place(), split.empty() ? "" : "'s split ", split, *index, excerpt(conversation));
    if (*index % 2 == 1) {
      ++labels_.speaker_rows;
      return;
    }
    const Location& dialogue = place->second;
    const std::size_t turn = dialogue.first_turn + static_cast<std::size_t>(*index / 2 - 1);
    std::int64_t& earlier = label_lines_[dialogue.split][turn];
    ETHREED_CHECK(earlier == 0, "{}: utterance {} of '{}' has a label already, in line {}; remove one", lines.place(),
                  *index, conversation, earlier);
    earlier = lines.number();
    const auto emotion = emotion_id(label);
    ETHREED_CHECK(emotion || policy_ == OtherLabels::ignore,
                  "{}: the label '{}' is none of the 32 emotions; correct it, or pass over all such labels with "
                  "--other-labels ignore",
                  lines.place(), excerpt(label));
    labels_.of_turn[dialogue.split][turn] = emotion.value_or(-1);
    ++(emotion ? labels_.used : labels_.other_labels);
  }

  std::span<const CorpusSplit> splits_;
  OtherLabels policy_;
  std::unordered_map<std::string_view, Location> locations_;
  std::vector<std::vector<std::int64_t>> label_lines_;  // 0: no label yet
  ListenerLabels labels_;
};

}  // namespace

ListenerLabels read_listener_labels(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                                    OtherLabels other_labels) {
  LineReader lines(path);
  return LabelReader(splits, other_labels).read(lines);
}

}  // namespace ethreed
