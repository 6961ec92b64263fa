#include "model/text/corpus.h"
#include "model/text/corpus_emotions.h"
#include "model/text/corpus_folder.h"
#include "model/text/listener_labels.h"
#include "tests/model/corpus_text.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

CorpusSplit read(const TemporaryFolder& folder, const std::string& rows) {
  std::vector<CorpusSplit> splits{read_corpus_split(folder.file("train.csv", corpus_header + rows), "train")};
  resolve_emotions(splits);
  return std::move(splits.front());
}

const std::string two_dialogues =
    "a,1,proud,s,1, I won_comma_ finally ,,\n"
    "a,2,proud,s,0,How \"nice\"!,,\n"
    "a,3,proud,s,1,Yes.,,\n"
    "b,1,sad,s,7,My dog died.,,\n"
    "b,2,sad,s,9,Oh no.,,\n"
    "b,3,sad,s,7,I know.,,\n"
    "b,4,sad,s,9,Sorry.,,\n"
    "c,1,sad,s,1,Hello?,,\n";

std::vector<CorpusSplit> corpus(const TemporaryFolder& folder) {
  std::vector<CorpusSplit> splits;
  splits.push_back(read(folder, two_dialogues));
  return splits;
}

UtteranceEmotions read_labels(const std::filesystem::path& path, const std::vector<CorpusSplit>& splits,
                              OtherLabels other_labels) {
  return read_utterance_emotions(path, splits, EmotionSet(), other_labels, false);
}

}  // namespace

TEST_CASE("rows become dialogues of complete turns, what is left over is dropped and counted") {
  const TemporaryFolder folder;
  const CorpusSplit split = read(folder, two_dialogues);
  CHECK(split.rows == 8);
  REQUIRE(split.dialogues.size() == 2);
  CHECK(split.dialogues[0].conversation_id == "a");
  CHECK(split.dialogues[0].emotion == emotion_id("proud"));
  REQUIRE(split.dialogues[0].turns.size() == 1);
  CHECK(split.dialogues[0].turns[0].post == "I won_comma_ finally");
  CHECK(split.dialogues[0].turns[0].response == "How \"nice\"!");
  REQUIRE(split.dialogues[1].turns.size() == 2);
  CHECK(split.dialogues[1].turns[1].post == "I know.");
  CHECK(split.dialogues[1].turns[1].response == "Sorry.");
  CHECK(split.dropped_posts == 2);
  REQUIRE(split.dropped.size() == 1);
  CHECK(split.dropped[0].conversation_id == "c");
  CHECK(split.repeated_speaker_rows == 0);
}

TEST_CASE("every utterance of the file is kept under its number, the unanswered post too") {
  const TemporaryFolder folder;
  const CorpusSplit split = read(folder, two_dialogues);
  const Dialogue& a = split.dialogues[0];
  REQUIRE(a.rows == 3);
  CHECK(a.utterance(1) == "I won_comma_ finally");
  CHECK(a.utterance(2) == "How \"nice\"!");
  CHECK(a.utterance(3) == "Yes.");
  CHECK(a.trailing_post == "Yes.");
  CHECK_FALSE(split.dialogues[1].trailing_post);
  CHECK(split.dialogues[1].utterance(4) == "Sorry.");
  CHECK(split.dropped[0].utterance(1) == "Hello?");
  CHECK_THROWS_WITH(a.utterance(0), Contains("utterance_idx is 0, but 'a' has 1 to 3"));
  CHECK_THROWS_WITH(a.utterance(4), Contains("utterance_idx is 4"));
}

TEST_CASE("a dialogue's situation is its first row's prompt, dialogues whose rows differ are counted") {
  const TemporaryFolder folder;
  const CorpusSplit split = read(folder,
                                 "a,1,sad,  It rained_comma_ a lot ,1,Hi,,\na,2,sad,It rained_comma_ a lot,0,Yes,,\n"
                                 "b,1,sad,first,1,Hi,,\nb,2,sad,second,0,Yes,,\nb,3,sad,third,1,No,,\n"
                                 "c,1,sad,,1,Hi,,\nc,2,sad,,0,Yes,,\n"
                                 "d,1,sad,alone,1,Hi,,\n");
  REQUIRE(split.dialogues.size() == 3);
  CHECK(split.dialogues[0].situation == "It rained_comma_ a lot");
  CHECK(split.dialogues[1].situation == "first");
  CHECK(split.dialogues[2].situation.empty());
  CHECK(split.dropped.at(0).situation == "alone");
  CHECK(split.differing_situations == 1);
}

TEST_CASE("a corpus file may have CRLF line ends, a byte order mark, no last line end and candidates") {
  const TemporaryFolder folder;
  const auto path = folder.file("valid.csv", "\xEF\xBB\xBF" + corpus_header.substr(0, corpus_header.size() - 1) +
                                                 "\r\na,1,sad,s,1,Hi,,\r\na,2,sad,s,0,Yes,,,one|two\r\n\r\n");
  CHECK(read_corpus_split(path, "valid").dialogues.at(0).turns.at(0).response == "Yes");
  CHECK(read(folder, "a,1,sad,s,1,Hi,,\na,2,sad,s,0,Yes,,").dialogues.size() == 1);
}

TEST_CASE("roles come from utterance_idx, a speaker_idx that contradicts them is counted") {
  const TemporaryFolder folder;
  const CorpusSplit split = read(folder, "a,1,sad,s,5,Hi,,\na,2,sad,s,5,Yes,,\nb,1,sad,s,5,Hi,,\nb,2,sad,s,6,Yes,,\n");
  CHECK(split.dialogues.size() == 2);
  CHECK(split.repeated_speaker_rows == 1);
}

TEST_CASE("a damaged corpus is refused with file, line and reason") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& rows, std::string_view reason) {
    INFO(rows);
    CHECK_THROWS_WITH(read(folder, rows), Contains("train.csv:") && Contains(std::string(reason)));
  };
  const std::string good = "a,1,sad,s,1,Hi,,\n";
  refuses(good + "a,2,sad,s,0,Yes, no,,\na,3,sad,s,1,x,y,z,,\n", "train.csv:3: got 9 columns");
  refuses(good + "a,2,sad,s,0\n", "train.csv:3: got 5 columns, wanted 8");
  refuses("a,one,sad,s,1,Hi,,\n", "train.csv:2: utterance_idx is 'one'");
  refuses("a,0,sad,s,1,Hi,,\n", "train.csv:2: utterance_idx is '0'");
  refuses(",1,sad,s,1,Hi,,\n", "train.csv:2: conv_id is empty");
  refuses("a,2,sad,s,0,Hi,,\n", "train.csv:2: the dialogue 'a' starts with utterance_idx 2");
  refuses(good + "a,3,sad,s,1,Yes,,\n", "train.csv:3: utterance_idx 3 follows 1");
  refuses(good + "a,1,sad,s,1,Hi,,\n", "train.csv:3: utterance_idx 1 follows 1");
  refuses(good + "b,1,sad,s,1,Hi,,\na,2,sad,s,0,Yes,,\n", "train.csv:4: the dialogue 'a' was over and appears again");
  refuses(good, "the split is empty: 1 rows");
  refuses("", "the split is empty: 0 rows");
}

TEST_CASE("a corpus file that is absent, empty or has another header is refused") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(read_corpus_split(folder / "absent.csv", "train"), Contains("absent.csv: cannot be opened"));
  CHECK_THROWS_WITH(read_corpus_split(folder.file("x.csv", ""), "train"), Contains("x.csv: the file is empty"));
  CHECK_THROWS_WITH(read_corpus_split(folder.file("x.csv", "conv_id,utterance_idx\n"), "train"),
                    Contains("x.csv:1: no column 'utterance' in the header 'conv_id,utterance_idx'"));
}

TEST_CASE("listener labels reach their turns, turns without one have -1") {
  const TemporaryFolder folder;
  const auto path = folder.file("labels.csv",
                                "role,label,conv_id,x,utterance_idx\nlistener,sad,b,,4\nspeaker,any,b,,1\nlistener,"
                                "caring,a,,2\nspeaker,any,c,,1\nspeaker,any,a,,3\n");
  const UtteranceEmotions labels = read_labels(path, corpus(folder), OtherLabels::error);
  CHECK(labels.of_response == std::vector<std::vector<std::int32_t>>{{*emotion_id("caring"), -1, *emotion_id("sad")}});
  CHECK(labels.rows == 5);
  CHECK(labels.used == 2);
  CHECK(labels.speaker_rows.count == 3);
}

TEST_CASE("labels of splits that are not here are passed over, of unknown splits refused") {
  const TemporaryFolder folder;
  const auto splits = corpus(folder);
  const UtteranceEmotions labels =
      read_labels(folder.file("l.csv", "split,conv_id,utterance_idx,label\ntest,zzz,2,sad\ntrain,a,2,sad\n"), splits,
                  OtherLabels::error);
  CHECK(labels.other_splits.count == 1);
  CHECK(labels.used == 1);
  CHECK_THROWS_WITH(read_labels(folder.file("l.csv", "split,conv_id,utterance_idx,label\nrest,a,2,sad\n"), splits,
                                OtherLabels::error),
                    Contains("l.csv:2: the column split is 'rest'"));
}

TEST_CASE("labels that are no emotion are refused, or passed over where that is asked for") {
  const TemporaryFolder folder;
  const auto path = folder.file("l.csv", "conv_id,utterance_idx,label\na,2,questioning\nb,2,sad\n");
  CHECK_THROWS_WITH(read_labels(path, corpus(folder), OtherLabels::error),
                    Contains("l.csv:2: the label 'questioning'") && Contains("--other-labels ignore"));
  const UtteranceEmotions labels = read_labels(path, corpus(folder), OtherLabels::ignore);
  CHECK(labels.of_response[0] == std::vector<std::int32_t>{-1, *emotion_id("sad"), -1});
  CHECK(labels.other_labels.count == 1);
}

TEST_CASE("a damaged file of labels is refused with its line") {
  const TemporaryFolder folder;
  const auto splits = corpus(folder);
  const auto refuses = [&](std::string_view content, std::string_view reason) {
    INFO(content);
    CHECK_THROWS_WITH(read_labels(folder.file("l.csv", content), splits, OtherLabels::error),
                      Contains(std::string(reason)));
  };
  const std::string columns = "conv_id,utterance_idx,label\n";
  refuses("", "the file is empty");
  refuses("conv_id,label\n", "l.csv:1: no column 'utterance_idx'");
  refuses(columns + "a,2\n", "l.csv:2: got 2 columns");
  refuses(columns + "a,two,sad\n", "l.csv:2: utterance_idx is 'two'");
  refuses(columns + "zzz,2,sad\n", "l.csv:2: the corpus has no utterance 2 of 'zzz'");
  refuses(columns + "a,4,sad\n", "l.csv:2: the corpus has no utterance 4 of 'a'");
  refuses(columns + "c,2,sad\n", "l.csv:2: the corpus has no utterance 2 of 'c'");
  refuses(columns + "a,2,sad\na,2,sad\n", "l.csv:3: utterance 2 of 'a' has a label already, in line 2");
  refuses("split," + columns + "train,zzz,2,sad\n", "l.csv:2: the corpus's split train has no utterance 2 of 'zzz'");
}
