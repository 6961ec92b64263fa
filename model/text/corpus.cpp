#include "model/text/corpus.h"

#include "model/text/dialogue_builder.h"
#include "model/text/emotions.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"

#include <fmt/ranges.h>

#include <array>
#include <unordered_map>
#include <utility>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view original_header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags";

// "5|5|5_2|2|5": grades that the two people give each other.
bool is_selfeval(std::string_view text) {
  return text.empty() ||
         (text.find('|') != std::string_view::npos && text.find_first_not_of("0123456789|_") == std::string_view::npos);
}
bool is_tags(std::string_view text) { return text.empty() || text.front() == '<'; }

struct Columns {
  std::size_t conversation = 0, utterance = 0;
  std::optional<std::size_t> index, emotion, speaker, situation, selfeval, tags;
};

class SplitReader {
 public:
  SplitReader(const fs::path& path, std::string name, const CorpusOptions& options)
      : table_(path, {.delimiter = options.delimiter, .spare = is_row_with_candidates}), builder_(split_, options) {
    split_.name = std::move(name);
    split_.path = path.string();
    split_.file = path.filename().string();
    columns_.conversation = table_.column("conv_id");
    columns_.utterance = table_.column("utterance");
    columns_.index = table_.find("utterance_idx");
    columns_.emotion = either("context", "emotion");
    columns_.speaker = either("speaker_idx", "speaker");
    columns_.situation = either("prompt", "situation");
    columns_.selfeval = table_.find("selfeval");
    columns_.tags = table_.find("tags");
    split_.has_emotions = columns_.emotion.has_value();
  }

  CorpusSplit read() {
    while (table_.next()) {
      check_scalar();
      add_row();
    }
    builder_.finish();
    split_.rows = table_.rows();
    ETHREED_CHECK(
        !split_.dialogues.empty(),
        "{}: the split is empty: {} rows and no dialogue with a post and an answer; fill the file or remove it",
        table_.path(), split_.rows);
    note_table();
    return std::move(split_);
  }

 private:
  std::optional<std::size_t> either(std::string_view name, std::string_view other) const {
    const std::optional<std::size_t> found = table_.find(name);
    return found ? found : table_.find(other);
  }

  // Lists and objects are possible in JSON only.
  void check_scalar() const {
    for (const std::optional<std::size_t> c : {std::optional(columns_.conversation), std::optional(columns_.utterance),
                                               columns_.index, columns_.emotion, columns_.speaker, columns_.situation})
      ETHREED_CHECK(!c || !table_.is_nested(*c), "{}: the value of '{}' is a list or an object, wanted text",
                    table_.place(), table_.columns()[*c]);
  }

  void add_row() {
    ETHREED_CHECK(!table_.field(columns_.conversation).empty(), "{}: conv_id is empty; give every dialogue a name",
                  table_.place());
    CorpusRow row{.conversation = strip(table_.field(columns_.conversation)),
                  .utterance = strip(table_.field(columns_.utterance)),
                  .line = table_.line()};
    if (columns_.index) {
      const std::string_view text = strip(table_.field(*columns_.index));
      row.number = parse_number<std::int32_t>(text);
      ETHREED_CHECK(row.number && *row.number >= 1, "{}: utterance_idx is '{}', wanted a whole number from 1",
                    table_.place(), excerpt(text));
    }
    if (columns_.situation) row.situation = strip(table_.field(*columns_.situation));
    if (columns_.speaker) row.speaker = strip(table_.field(*columns_.speaker));
    if (columns_.emotion) row.emotion = number_of_emotion(table_.field(*columns_.emotion));
    if ((columns_.selfeval && !is_selfeval(strip(table_.field(*columns_.selfeval)))) ||
        (columns_.tags && columns_.selfeval && !is_tags(strip(table_.field(*columns_.tags)))))
      odd_selfeval_.add(table_.line());
    builder_.add(row);
  }

  std::int32_t number_of_emotion(std::string_view name) {
    const auto [place, added] = emotions_.emplace(std::string(name), static_cast<std::int32_t>(split_.emotions.size()));
    if (added) {
      const std::string key = emotion_key(name);
      if (key.empty()) return place->second = -1;
      ETHREED_CHECK(split_.emotions.size() < 10'000,
                    "{}: the column '{}' has more than 10000 different values, the last is '{}'; it holds no emotions",
                    table_.place(), table_.columns()[*columns_.emotion], excerpt(name));
      const std::int32_t first = emotion_keys_.emplace(key, place->second).first->second;
      split_.emotions.push_back({.name = std::string(name), .first_of_key = first, .first_line = table_.line()});
    }
    if (place->second < 0) return -1;
    ++split_.emotions[static_cast<std::size_t>(place->second)].count;
    return place->second;
  }

  void note(std::string key, const Tally& tally, std::string text) {
    if (tally.count > 0)
      split_.notes.push_back(
          {std::move(key), tally.count, fmt::format("{}:{}", split_.file, tally.first_line), std::move(text)});
  }

  void note_table() {
    const TableNotes& seen = table_.notes();
    note("blank_rows", seen.blank, fmt::format("{} blank lines passed over", seen.blank.count));
    note("latin1_rows", seen.latin,
         fmt::format("{} rows are no UTF-8 and were read as Latin-1 (Windows-1252)", seen.latin.count));
    note("broken_rows", seen.broken,
         fmt::format("{} rows have bytes that are no UTF-8; each became U+FFFD", seen.broken.count));
    note("nul_rows", seen.nul, fmt::format("{} rows have NUL bytes, read as spaces", seen.nul.count));
    note("candidate_rows", seen.spare,
         fmt::format("{} rows have a ninth field (candidates), which is not read", seen.spare.count));
    note("malformed_quotes", seen.malformed,
         fmt::format("{} rows have a field that begins with a quotation mark and is not quoted; it was read as it is",
                     seen.malformed.count));
    note("joined_lines", seen.joined,
         fmt::format("{} rows are of several lines, each of which would be one; is a quotation mark astray?",
                     seen.joined.count));
    note("lines_apart", seen.apart,
         fmt::format("{} quotation marks open a field in one line and close it in a later one; each line was read as a "
                     "row (if fields have line ends, quote the header, too)",
                     seen.apart.count));
    note("odd_selfeval", odd_selfeval_,
         fmt::format("{} rows have text in selfeval or tags, which are not read; is it part of an utterance with a "
                     "comma?",
                     odd_selfeval_.count));
    if (seen.quoted)
      split_.notes.push_back({"quoted", 1, "", "the file is quoted: quotation marks around fields were taken off"});
    std::vector<std::string> unread;
    for (std::size_t c = 0; c < table_.columns().size(); ++c) {
      const bool read = c == columns_.conversation || c == columns_.utterance || c == columns_.index ||
                        c == columns_.emotion || c == columns_.speaker || c == columns_.situation ||
                        c == columns_.selfeval || c == columns_.tags;
      if (!read) unread.push_back(fmt::format("'{}'", excerpt(table_.columns()[c])));
    }
    if (!unread.empty())
      split_.notes.push_back(
          {"unread_columns", static_cast<std::int64_t>(unread.size()), "",
           fmt::format("columns not read: {}", excerpt(fmt::format("{}", fmt::join(unread, ", "))))});
  }

  TableReader table_;
  CorpusSplit split_;
  DialogueBuilder builder_;
  Columns columns_;
  std::unordered_map<std::string, std::int32_t> emotions_, emotion_keys_;
  Tally odd_selfeval_;
};

struct SplitName {
  std::string_view called;
  std::string_view split;
};
constexpr std::array<SplitName, 5> split_names{
    {{"train", "train"}, {"valid", "valid"}, {"validation", "valid"}, {"dev", "valid"}, {"test", "test"}}};

}  // namespace

bool is_row_with_candidates(std::string_view header, std::span<const RawField> fields) {
  return strip(header) == original_header && is_selfeval(fields[6].text) && is_tags(fields[7].text);
}

const std::string& Dialogue::utterance(std::int32_t utterance_index) const {
  ETHREED_CHECK(utterance_index >= 1 && utterance_index <= rows,
                "Dialogue::utterance: utterance_idx is {}, but '{}' has 1 to {}", utterance_index, conversation_id,
                rows);
  if (const auto other = others.find(utterance_index); other != others.end()) return other->second;
  const std::optional<std::size_t> at = place(utterance_index);
  if (!at) return *trailing_post;
  return *at % 2 == 0 ? turns[*at / 2].post : turns[*at / 2].response;
}

std::optional<std::size_t> Dialogue::place(std::int32_t utterance_index) const {
  const auto row = static_cast<std::size_t>(utterance_index - 1);
  if (places.empty()) return row < 2 * turns.size() ? std::optional(row) : std::nullopt;
  return places[row] < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(places[row]));
}

CorpusSplit read_corpus_split(const fs::path& path, std::string name, const CorpusOptions& options) {
  return SplitReader(path, std::move(name), options).read();
}

std::optional<std::string_view> split_called(std::string_view name) {
  for (const SplitName& known : split_names)
    if (known.called == name) return known.split;
  return std::nullopt;
}

}  // namespace ethreed
