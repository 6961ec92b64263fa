// Corpora that are not laid out as EmpatheticDialogues is: other columns, orders, formats, parties and emotions.

#include "model/text/corpus_emotions.h"
#include "model/text/corpus_folder.h"
#include "model/text/listener_labels.h"
#include "tests/model/corpus_text.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace ethreed;
using Catch::Contains;

namespace {

CorpusSplit read(const std::string& content, const CorpusOptions& options = {}, const std::string& name = "train.csv") {
  const TemporaryFolder folder;
  return read_corpus_split(folder.file(name, content), "train", options);
}

// The note of this key; fails where there is none.
Note note_of(const std::vector<Note>& notes, const std::string& key) {
  const auto place = std::find_if(notes.begin(), notes.end(), [&](const Note& note) { return note.key == key; });
  INFO(key);
  REQUIRE(place != notes.end());
  return *place;
}

bool has_note(const std::vector<Note>& notes, const std::string& key) {
  return std::any_of(notes.begin(), notes.end(), [&](const Note& note) { return note.key == key; });
}

void check_turn(const CorpusSplit& split, const std::string& post, const std::string& response) {
  REQUIRE(split.dialogues.size() == 1);
  REQUIRE(split.dialogues[0].turns.size() == 1);
  CHECK(split.dialogues[0].turns[0].post == post);
  CHECK(split.dialogues[0].turns[0].response == response);
}

CorpusEmotions resolve(std::vector<CorpusSplit>& splits, const EmotionOptions& options = {}) {
  return resolve_emotions(splits, options);
}

}  // namespace

TEST_CASE("corpora: columns stand in any order, unused ones may be absent, others are named") {
  check_turn(read("utterance,conv_id,utterance_idx\nHi,a,1\nYes,a,2\n"), "Hi", "Yes");
  check_turn(read("conv_id\tutterance\nc\tHi, you\nc\tYes\n"), "Hi, you", "Yes");
  const CorpusSplit split = read(",Conv_ID,utterance_idx,utterance,emotion,extra\n0,a,1,Hi,sad,x\n1,a,2,Yes,sad,y\n");
  check_turn(split, "Hi", "Yes");
  CHECK(split.has_emotions);
  CHECK_THAT(note_of(split.notes, "unread_columns").text, Contains("columns not read: '', 'extra'"));
  CHECK_THROWS_WITH(read("conv_id,text\na,Hi\n"), Contains("train.csv:1: no column 'utterance'"));
}

TEST_CASE("corpora: JSON Lines are read") {
  check_turn(read("{\"conv_id\": \"a\", \"speaker\": \"x\", \"utterance\": \"Hi, \\\"you\\\"\", \"emotion\": \"sad\"}\n"
                  "{\"utterance\": \"Yes\", \"speaker\": \"y\", \"conv_id\": \"a\"}\n",
                  {}, "train.jsonl"),
             "Hi, \"you\"", "Yes");
  CHECK_THROWS_WITH(read("{\"conv_id\": \"a\", \"utterance\": [\"Hi\"]}\n", {}, "train.jsonl"),
                    Contains("train.jsonl:1: the value of 'utterance' is a list or an object"));
}

TEST_CASE("corpora: a comma in an utterance is kept, or its row refused, no word is lost") {
  check_turn(read(corpus_header + "a,1,sad,s,1,\"Hi, you\",,\na,2,sad,s,0,\"No, \"\"you\"\"\",,\n"), "Hi, you",
             "No, \"you\"");
  CHECK_THROWS_WITH(read(corpus_header + "a,1,sad,s,1,Hi, you,,\na,2,sad,s,0,Yes,,\n"),
                    Contains("train.csv:2: got 9 columns"));
  CHECK_THROWS_WITH(read(corpus_header + "a,1,sad,s,1,I paid 2,000,,\na,2,sad,s,0,Yes,,\n"), Contains("got 9 columns"));
  CHECK_THROWS_WITH(read(corpus_header + "a,1,sad,s, too,1,Hi,,\na,2,sad,s,0,Yes,,\n"), Contains("got 9 columns"));
  const CorpusSplit candidates =
      read(corpus_header + "a,1,sad,s,1,Hi,,\na,2,sad,s,0,Yes,5|5|5_2|2|5,<HI>,say \"no\"|yes\n");
  check_turn(candidates, "Hi", "Yes");
  CHECK(note_of(candidates.notes, "candidate_rows").first == "train.csv:3");
  const CorpusSplit odd =
      read(corpus_header + "a,1,sad,s,1,Hi, you,\na,2,sad,s,0,Yes,,\n");  // eight fields all the same
  CHECK(note_of(odd.notes, "odd_selfeval").first == "train.csv:2");
}

TEST_CASE("corpora: quotation marks of a file without quoting stay words") {
  const CorpusSplit split = read(
      corpus_header + "a,1,sad,s,1,\"Hi\" she said,,\na,2,sad,s,0,\"No.\",,\na,3,sad,s,1,\"I,,\na,4,sad,s,0,see\",,\n");
  REQUIRE(split.dialogues.at(0).turns.size() == 2);
  CHECK(split.dialogues[0].turns[0].post == "\"Hi\" she said");
  CHECK(split.dialogues[0].turns[0].response == "\"No.\"");
  CHECK(split.dialogues[0].turns[1].post == "\"I");
  CHECK(split.dialogues[0].turns[1].response == "see\"");
}

TEST_CASE("corpora: blank lines between rows are passed over and counted") {
  const CorpusSplit split = read(corpus_header + "a,1,sad,s,1,Hi,,\n\n,,,,,,,\na,2,sad,s,0,Yes,,\n\n");
  check_turn(split, "Hi", "Yes");
  CHECK(note_of(split.notes, "blank_rows").count == 2);
  CHECK(note_of(split.notes, "blank_rows").first == "train.csv:3");
}

TEST_CASE("corpora: turns without a word are dropped, kept or refused, and counted with the first line") {
  const std::string rows = corpus_header +
                           "a,1,sad,s,1, ,,\na,2,sad,s,0,Yes,,\na,3,sad,s,1,Why?,,\na,4,sad,s,0,\xE2\x80\x8B,,\n"
                           "a,5,sad,s,1,Well,,\na,6,sad,s,0,Good,,\n";
  const CorpusSplit dropped = read(rows);
  check_turn(dropped, "Well", "Good");
  CHECK(note_of(dropped.notes, "empty_utterances").count == 2);
  CHECK(note_of(dropped.notes, "empty_utterances").first == "train.csv:2");
  const Dialogue& dialogue = dropped.dialogues[0];
  CHECK(dialogue.rows == 6);
  CHECK_FALSE(dialogue.place(2));
  CHECK(dialogue.utterance(2) == "Yes");
  CHECK(dialogue.utterance(3) == "Why?");
  CHECK(dialogue.place(5) == 0U);
  CHECK(dialogue.utterance(6) == "Good");
  CHECK(dialogue.by_listener(2));
  const CorpusSplit kept = read(rows, {.empty = EmptyUtterances::keep});
  CHECK(kept.dialogues.at(0).turns.size() == 3);
  CHECK(has_note(kept.notes, "empty_utterances"));
  CHECK_THROWS_WITH(read(rows, {.empty = EmptyUtterances::refuse}), Contains("train.csv:2: the utterance is empty"));
}

TEST_CASE("corpora: rows of one party that follow each other are counted, or joined where that is asked for") {
  const std::string rows = corpus_header +
                           "a,1,sad,s,ann,Hi,,\na,2,sad,s,ann,You there?,,\na,3,sad,s,bob,Yes,,\na,4,sad,s,bob,,,\n"
                           "a,5,sad,s,ann,Bye,,\n";
  const CorpusSplit apart = read(rows, {.empty = EmptyUtterances::keep});
  CHECK(apart.repeated_speaker_rows == 2);
  CHECK(note_of(apart.notes, "repeated_speaker_rows").first == "train.csv:3");
  CHECK(apart.dialogues.at(0).turns.size() == 2);
  const CorpusSplit joined = read(rows, {.join_consecutive = true});
  check_turn(joined, "Hi You there?", "Yes");
  const Note note = note_of(joined.notes, "joined_rows");
  CHECK(note.count == 2);
  CHECK(note.first == "train.csv:3");
  const Dialogue& dialogue = joined.dialogues[0];
  CHECK(dialogue.place(1) == 0U);
  CHECK(dialogue.place(2) == 0U);
  CHECK(dialogue.place(3) == 1U);
  CHECK_FALSE(dialogue.by_listener(2));
  CHECK(dialogue.trailing_post == "Bye");
  CHECK(dialogue.utterance(5) == "Bye");
}

TEST_CASE("corpora: a listener who opens dialogues is told, and dropped where that is asked for") {
  const auto rows = [&](const std::string& speaker, const std::string& listener) {
    return corpus_header + "a,1,sad,s," + listener + ",How are you?,,\na,2,sad,s," + speaker + ",Bad,,\na,3,sad,s," +
           listener + ",Oh,,\n";
  };
  const CorpusSplit kept = read(rows("1", "0"));
  CHECK(note_of(kept.notes, "listener_first").first == "train.csv:2");
  check_turn(kept, "How are you?", "Bad");
  const CorpusSplit dropped = read(rows("Speaker", "Listener"), {.listener_first = ListenerFirst::drop});
  check_turn(dropped, "Bad", "Oh");
  CHECK(dropped.dialogues[0].utterance(1) == "How are you?");
  CHECK_FALSE(dropped.dialogues[0].by_listener(2));
  CHECK_FALSE(has_note(read(rows("0", "1")).notes, "listener_first"));
  // Names that say nothing: the one who opens fewer dialogues.
  const CorpusSplit named =
      read(corpus_header +
           "a,1,,s,x,Hi,,\na,2,,s,y,Yes,,\nb,1,,s,y,Hi,,\nb,2,,s,x,Yes,,\nc,1,,s,x,Hi,,\nc,2,,s,y,"
           "Yes,,\n");
  CHECK(note_of(named.notes, "listener_first").first == "train.csv:4");
}

TEST_CASE("corpora: where it is asked for, the last reply of every dialogue is left out with its post, and said") {
  const std::string rows =
      corpus_header +
      "a,1,sad,s,0,Hi,,\na,2,sad,s,1,Yes,,\na,3,sad,s,0,Oh,,\na,4,sad,s,1,No,,\na,5,sad,s,0,Bye,,\n"
      "b,1,sad,s,0,B1,,\nb,2,sad,s,1,B2,,\nb,3,sad,s,0,B3,,\n";  // nothing is left of it
  const CorpusSplit all = read(rows);
  CHECK(all.dialogues.size() == 2);
  CHECK_FALSE(has_note(all.notes, "last_replies"));
  const CorpusSplit kept = read(rows, {.replies = Replies::but_last});
  check_turn(kept, "Hi", "Yes");
  CHECK(kept.dialogues[0].utterance(4) == "No");  // a label of it has its place
  CHECK(kept.dialogues[0].trailing_post == "Bye");
  REQUIRE(kept.dropped.size() == 1);
  CHECK(kept.dropped[0].conversation_id == "b");
  const Note note = note_of(kept.notes, "last_replies");
  CHECK(note.count == 2);
  CHECK(note.first == "train.csv:5");
}

TEST_CASE("corpora: Latin-1 is read as such and said") {
  const CorpusSplit split = read(corpus_header + "a,1,sad,s,1,a caf\xE9,,\na,2,sad,s,0,Yes,,\n");
  check_turn(split, "a café", "Yes");
  CHECK(note_of(split.notes, "latin1_rows").first == "train.csv:2");
}

TEST_CASE("corpora: splits are found under their names and endings, other tables are named") {
  const TemporaryFolder folder;
  for (const char* name : {"train.tsv", "dev.jsonl", "test.json", "other.csv", "readme.txt"}) folder.file(name, "");
  std::vector<std::string> unread;
  const std::vector<SplitFile> files = find_split_files(folder.path(), &unread);
  REQUIRE(files.size() == 3);
  CHECK(files[0].path == folder / "train.tsv");
  CHECK(files[1].split == "valid");
  CHECK(files[1].path == folder / "dev.jsonl");
  CHECK(unread == std::vector<std::string>{"other.csv"});
  folder.file("validation.csv", "");
  CHECK_THROWS_WITH(find_split_files(folder.path()),
                    Contains("dev.jsonl and validation.csv are both of the split valid"));
}

TEST_CASE("corpora: emotions are the 32 where the data has no others, else those of the training split") {
  std::vector<CorpusSplit> splits{read("conv_id,utterance,emotion\na,Hi,sad\na,Yes,sad\n")};
  CorpusEmotions emotions = resolve(splits);
  CHECK(emotions.set.is_default());
  CHECK(splits[0].dialogues[0].emotion == emotion_id("sad"));
  splits = {read("conv_id,utterance,emotion\na,Hi,sadness\na,Yes, Sadness\nb,Hi,joy\nb,Yes,joy\n")};
  emotions = resolve(splits);
  CHECK(emotions.set.names() == std::vector<std::string>{"joy", "sadness"});
  CHECK(splits[0].dialogues[0].emotion == 1);
  CHECK_FALSE(emotions.per_utterance);
  CHECK(note_of(emotions.notes, "forgiven_emotions").first == "train.csv:3");
}

TEST_CASE("corpora: an emotion outside the set is refused with its line") {
  std::vector<CorpusSplit> splits{read("conv_id,utterance,emotion\na,Hi,sad\na,Yes,sad\n")};
  splits.push_back(read("conv_id,utterance,emotion\nb,Hi,sadd\nb,Yes,sadd\n"));
  CHECK_THROWS_WITH(resolve(splits), Contains("train.csv:2: unknown emotion 'sadd'") && Contains("--emotions FILE"));
  // Most of the 32 and one more: a mistake, not another set.
  std::string rows = "conv_id,utterance,emotion\n";
  for (const std::string_view name : emotion_names) {
    const std::string written = name == "trusting" ? "trusing" : std::string(name);
    rows += written + ",Hi," + written + "\n" + written + ",Yes," + written + "\n";
  }
  splits = {read(rows)};
  CHECK_THROWS_WITH(resolve(splits), Contains("train.csv:64: unknown emotion 'trusing'"));
}

TEST_CASE("corpora: a file names the emotions and their order") {
  const TemporaryFolder folder;
  std::vector<CorpusSplit> splits{read("conv_id,utterance,emotion\na,Hi,SAD\na,Yes,SAD\n")};
  const CorpusEmotions emotions = resolve(splits, {.set = folder.file("e.txt", "Sad\n\nJoy\r\n")});
  CHECK(emotions.set.names() == std::vector<std::string>{"Sad", "Joy"});
  CHECK(splits[0].dialogues[0].emotion == 0);
  CHECK_THROWS_WITH(EmotionSet::read(folder.file("e.txt", "sad\n")), Contains("e.txt: got 1 different emotions"));
  CHECK_THROWS_WITH(EmotionSet::read(folder.file("e.txt", "sad\n Sad\n")), Contains("'Sad' is there twice"));
  CHECK_THROWS_WITH(EmotionSet::read(folder.file("e.txt", "joy\n" + std::string(65, 'x') + "\n")),
                    Contains("is no name"));
}

TEST_CASE("corpora: one emotion an utterance is seen from the data or said, else it is a mistake") {
  const std::string rows = "conv_id,utterance,emotion\na,Hi,sad\na,Yes,caring\na,Hm,\na,No,proud\n";
  std::vector<CorpusSplit> splits{read(rows)};
  const CorpusEmotions emotions = resolve(splits);
  CHECK(emotions.per_utterance);
  const Dialogue& a = splits[0].dialogues[0];
  CHECK(a.emotion == emotion_id("sad"));
  CHECK(a.post_emotions == std::vector<std::int32_t>{*emotion_id("sad"), -1});
  CHECK(a.response_emotions == std::vector<std::int32_t>{*emotion_id("caring"), *emotion_id("proud")});
  std::string many = rows;
  for (const char* name : {"b", "c", "d"}) many += std::string(name) + ",Hi,sad\n" + name + ",Yes,sad\n";
  splits = {read(many)};
  CHECK_THROWS_WITH(resolve(splits), Contains("train.csv:3: the dialogue 'a' is caring here and sad before"));
  CHECK(resolve(splits, {.per = EmotionPer::utterance}).per_utterance);
  splits = {read(rows)};
  CHECK_THROWS_WITH(resolve(splits, {.per = EmotionPer::dialogue}), Contains("wanted one emotion a dialogue"));
}

TEST_CASE("corpora: labels reach the utterances that rows became, quoted or not, and lost ones are counted") {
  const TemporaryFolder folder;
  std::vector<CorpusSplit> splits{read(
      corpus_header + "a,1,,s,x,Hi,,\na,2,,s,x,there,,\na,3,,s,y,Yes,,\na,4,,s,x,,,\na,5,,s,y,No,,\na,6,,s,x,Bye,,\n",
      {.join_consecutive = true})};
  REQUIRE(splits[0].dialogues.at(0).turns.size() == 1);
  const EmotionSet emotions;
  const auto path =
      folder.file("l.csv",
                  "conv_id,utterance_idx,label\n\"a\",1,sad\n\"a\",2,\"Joyful \"\na,3,caring\na,5,proud\na,6,"
                  "sad\n");
  const UtteranceEmotions labels = read_utterance_emotions(path, splits, emotions, OtherLabels::error, true);
  CHECK(labels.of_post == std::vector<std::vector<std::int32_t>>{{*emotion_id("joyful")}});
  CHECK(labels.of_response == std::vector<std::vector<std::int32_t>>{{*emotion_id("caring")}});
  CHECK(labels.joined.first_line == 3);
  CHECK(labels.forgiven.first_line == 3);
  CHECK(labels.no_turn.count == 2);
  CHECK(labels.no_turn.first_line == 5);
  const UtteranceEmotions listener = read_utterance_emotions(path, splits, emotions, OtherLabels::error, false);
  CHECK(listener.speaker_rows.count == 3);
  CHECK(listener.speaker_rows.first_line == 2);
  CHECK(listener.used == 1);
}

TEST_CASE("corpora: a long file of one dialogue and a long utterance are read in time that grows with them") {
  std::string rows = "conv_id,utterance\n";
  for (int i = 0; i < 200'000; ++i) rows += "a,Hi\n";
  CHECK(read(rows).dialogues.at(0).turns.size() == 100'000);
  const std::string word(8'000'000, 'x');
  check_turn(read("conv_id,utterance\na," + word + "\na,Yes\n"), word, "Yes");
}

TEST_CASE("corpora: names of emotions that look alike are one, and the other spellings are counted") {
  const std::string header = "conv_id,utterance,emotion\n";
  for (const char* other : {"cafe\u0301", "caf\u00E9\u200B", "\uFEFFcaf\u00E9", "caf\u00E9\u00A0",
                            "\u3000CAF\u00C9\u2009", "ca\u00ADf\u00E9", "cafe\u200B\u0301", "c\u2060afe\u0301"}) {
    INFO(other);
    std::vector<CorpusSplit> splits{
        read(header + "a,Hi,caf\u00E9\na,Yes," + other + "\nb,Hi,very calm\nb,Yes,very\u00A0calm\n")};
    const CorpusEmotions emotions = resolve(splits);
    CHECK(emotions.set.names() == std::vector<std::string>{"caf\u00E9", "very calm"});
    CHECK_FALSE(emotions.per_utterance);
    CHECK(note_of(emotions.notes, "forgiven_emotions").count == 2);
    CHECK(note_of(emotions.notes, "forgiven_emotions").first == "train.csv:3");
  }
  std::vector<CorpusSplit> splits{read(header + "a,Hi,sad\u200B\na,Yes,sad\nb,Hi,\u00A0\nb,Yes,\u200B\n")};
  const CorpusEmotions emotions = resolve(splits);
  CHECK(emotions.set.is_default());
  CHECK(splits[0].dialogues[0].emotion == emotion_id("sad"));
  CHECK(splits[0].dialogues[1].emotion == -1);  // what nobody sees is no name
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(EmotionSet::read(folder.file("e.txt", "sad\ncaf\u00E9\ncafe\u0301\n")), Contains("is there twice"));
  CHECK(EmotionSet::read(folder.file("e.txt", "\uFEFF\u00A0Sad\u200B\n\u200B\nJoy\n")).names() ==
        std::vector<std::string>{"Sad", "Joy"});
  CHECK(EmotionSet({"sad", "caf\u00E9"}, "x").find("CAFE\u0301\u00A0") == 1);
  for (const char* name : {"H\u0331", "h\u0331", "\u1E96"})
    CHECK(emotion_key(name) == "\u1E96");  // one in lower case alone
}

TEST_CASE("corpora: a name that is none of an emotion is refused with its line") {
  std::vector<CorpusSplit> splits{read("conv_id,utterance,emotion\na,\"Hi, you\",glum\na,Yes,\"gl\num\"\n")};
  CHECK_THROWS_WITH(resolve(splits), Contains("train.csv:3: 'gl um' is no name of an emotion"));
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(EmotionSet::read(folder.file("e.txt",
                                                 "joy\nsa\x01"
                                                 "d\n")),
                    Contains("e.txt:2: 'sa d' is no name of an emotion"));
}

TEST_CASE("corpora: a quotation mark that closes lines later swallows no row, and is noted") {
  const std::string rows = "conv_id,utterance\na,\"be strong they said\na,and never give up\"\n";
  const CorpusSplit split = read(rows);
  check_turn(split, "\"be strong they said", "and never give up\"");
  CHECK(note_of(split.notes, "lines_apart").count == 1);
  CHECK(note_of(split.notes, "lines_apart").first == "train.csv:2");
  const CorpusSplit quoted = read(rows + "a,\"well, yes\"\n");
  CHECK(note_of(quoted.notes, "joined_lines").first == "train.csv:2");
}
