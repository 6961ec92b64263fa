#include "model/text/corpus.h"

#include "model/text/emotions.h"
#include "model/text/line_reader.h"

#include <fmt/ranges.h>

#include <unordered_set>
#include <utility>

namespace ethreed {

namespace {

constexpr std::string_view corpus_header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags";
constexpr std::size_t columns = 8;

// One row, its fields still views into the file.
struct Row {
  std::string_view conversation;
  std::int32_t utterance_index = 0;
  std::int32_t emotion = 0;
  std::string_view situation;
  std::int64_t speaker = 0;
  std::string_view utterance;
};

std::string_view strip(std::string_view text) {
  constexpr std::string_view space = " \t\r\v\f";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

Row parse_row(const LineReader& lines, std::string_view line, std::vector<std::string_view>& fields) {
  split_at_commas(line, fields);
  ETHREED_CHECK(fields.size() == columns || fields.size() == columns + 1,
                "{}: got {} columns, wanted {}; a comma inside a text is written _comma_, and fields are not quoted",
                lines.place(), fields.size(), columns);
  ETHREED_CHECK(!fields[0].empty(), "{}: conv_id is empty; give every dialogue a name", lines.place());
  const auto index = parse_number<std::int32_t>(fields[1]);
  ETHREED_CHECK(index && *index >= 1, "{}: utterance_idx is '{}', wanted a whole number from 1", lines.place(),
                excerpt(fields[1]));
  const auto emotion = emotion_id(fields[2]);
  ETHREED_CHECK(emotion, "{}: unknown emotion '{}' in the column context; wanted one of {}", lines.place(),
                excerpt(fields[2]), fmt::join(emotion_names, ", "));
  const auto speaker = parse_number<std::int64_t>(fields[4]);
  ETHREED_CHECK(speaker, "{}: speaker_idx is '{}', wanted a whole number", lines.place(), excerpt(fields[4]));
  return {fields[0], *index, *emotion, strip(fields[3]), *speaker, strip(fields[5])};
}

// Builds the dialogues of a split row by row.
class SplitBuilder {
 public:
  SplitBuilder(CorpusSplit& split, const LineReader& lines) : split_(split), lines_(lines) {}

  void add(const Row& row) {
    ++split_.rows;
    if (open_ && row.conversation == dialogue_.conversation_id)
      check_continues(row);
    else
      start(row);
    const bool speakers_turn = row.utterance_index % 2 == 1;
    if (speakers_turn)
      post_ = row.utterance;
    else
      dialogue_.turns.push_back({std::move(post_), std::string(row.utterance)});
    if (row.situation != dialogue_.situation) situations_differ_ = true;
    if (dialogue_.rows > 0 && row.speaker == last_speaker_) ++split_.repeated_speaker_rows;
    last_speaker_ = row.speaker;
    dialogue_.rows = row.utterance_index;
  }

  void finish() {
    if (!open_) return;
    if (dialogue_.rows % 2 == 1) {
      dialogue_.trailing_post = std::move(post_);
      ++split_.dropped_posts;
    }
    split_.differing_situations += situations_differ_;
    (dialogue_.turns.empty() ? split_.dropped : split_.dialogues).push_back(std::move(dialogue_));
    dialogue_ = {};
    situations_differ_ = open_ = false;
  }

 private:
  void start(const Row& row) {
    finish();
    ETHREED_CHECK(conversations_.emplace(row.conversation).second,
                  "{}: the dialogue '{}' was over and appears again; put the rows of a dialogue together",
                  lines_.place(), row.conversation);
    ETHREED_CHECK(
        row.utterance_index == 1,
        "{}: the dialogue '{}' starts with utterance_idx {}, wanted 1; the speaker's first utterance is missing",
        lines_.place(), row.conversation, row.utterance_index);
    dialogue_.conversation_id = row.conversation;
    dialogue_.emotion = row.emotion;
    dialogue_.situation = row.situation;
    open_ = true;
  }

  void check_continues(const Row& row) const {
    ETHREED_CHECK(row.utterance_index == dialogue_.rows + 1,
                  "{}: utterance_idx {} follows {} in the dialogue '{}'; wanted {}: sort the rows, leave none out",
                  lines_.place(), row.utterance_index, dialogue_.rows, row.conversation, dialogue_.rows + 1);
    ETHREED_CHECK(row.emotion == dialogue_.emotion,
                  "{}: the dialogue '{}' is {} here and {} before; wanted one emotion a dialogue", lines_.place(),
                  row.conversation, emotion_names[static_cast<std::size_t>(row.emotion)],
                  emotion_names[static_cast<std::size_t>(dialogue_.emotion)]);
  }

  CorpusSplit& split_;
  const LineReader& lines_;
  std::unordered_set<std::string> conversations_;
  Dialogue dialogue_;
  std::string post_;  // waits for its answer
  std::int64_t last_speaker_ = 0;
  bool situations_differ_ = false;
  bool open_ = false;
};

}  // namespace

const std::string& Dialogue::utterance(std::int32_t utterance_index) const {
  ETHREED_CHECK(utterance_index >= 1 && utterance_index <= rows,
                "Dialogue::utterance: utterance_idx is {}, but '{}' has 1 to {}", utterance_index, conversation_id,
                rows);
  const auto turn = static_cast<std::size_t>(utterance_index - 1) / 2;
  if (turn == turns.size()) return *trailing_post;
  return utterance_index % 2 == 1 ? turns[turn].post : turns[turn].response;
}

CorpusSplit read_corpus_split(const std::filesystem::path& path, std::string name) {
  LineReader lines(path);
  std::string_view line;
  const bool has_header = lines.next(line);
  ETHREED_CHECK(has_header, "{}: the file is empty; its first line is {}", path.string(), corpus_header);
  ETHREED_CHECK(line == corpus_header, "{}: the header is '{}', wanted '{}'", lines.place(), excerpt(line),
                corpus_header);
  CorpusSplit split;
  split.name = std::move(name);
  SplitBuilder builder(split, lines);
  std::vector<std::string_view> fields;
  std::int64_t empty_line = 0;
  while (lines.next(line)) {
    if (line.empty()) {
      if (empty_line == 0) empty_line = lines.number();
      continue;
    }
    ETHREED_CHECK(empty_line == 0, "{}:{}: the line is empty, but rows follow; remove it", path.string(), empty_line);
    builder.add(parse_row(lines, line, fields));
  }
  builder.finish();
  ETHREED_CHECK(!split.dialogues.empty(),
                "{}: the split is empty: {} rows and no dialogue with a post and an answer; fill the file or remove it",
                path.string(), split.rows);
  return split;
}

}  // namespace ethreed
