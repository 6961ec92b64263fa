// What a researcher brings: other tables, emotions, vectors and scripts, from prepare to chat.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

const std::string header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";

const std::string corpus =
    "c:0,1,sad,A situation.,1,My neighbour moved away_comma_ and I miss her.,,\n"
    "c:0,2,sad,A situation.,0,That is hard. Were you close?,,\n"
    "c:0,3,sad,A situation.,1,Yes_comma_ we talked every day.,,\n"
    "c:0,4,sad,A situation.,0,I am sorry to hear that.,,\n"
    "c:1,1,joyful,A situation.,1,I won a cake at the fair!,,\n"
    "c:1,2,joyful,A situation.,0,Well done! What kind of cake?,,\n";

// Prepares a corpus of one training file and gives what the program says.
std::string prepared(const TinyProject& project, const std::string& train, const std::vector<std::string>& more = {}) {
  project.file("own/train.csv", train);
  std::vector<std::string> arguments{"prepare", "own", "--out", "owndata", "--min-frequency", "1", "--dimension", "8"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return project.must(arguments);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

nlohmann::json note_of(const nlohmann::json& notes, const std::string& key) {
  for (const nlohmann::json& note : notes)
    if (note["key"] == key) return note;
  FAIL("no note " << key << " in " << notes.dump());
  return {};
}

class OwnProject : public TinyProject {
 public:
  OwnProject() : TinyProject(1, 1) { std::filesystem::create_directory(*this / "own"); }
};

}  // namespace

TEST_CASE("tables of other forms give the same data set as the original's") {
  const OwnProject project;
  const std::string first = lines_of(prepared(project, header + corpus))[0];
  CHECK_THAT(first, Contains("data set "));
  CHECK(lines_of(prepared(project, replaced(header + corpus, ",", "\t")))[0] == first);
  CHECK(lines_of(prepared(project, replaced(header + corpus, ",", "|"), {"--delimiter", "|"}))[0] == first);
  CHECK(lines_of(prepared(project, header + replaced(corpus, "c:1,1", "\nc:1,1")))[0] == first);
  CHECK(lines_of(prepared(
            project, header + replaced(replaced(corpus, ".,1,", ".,speaker,"), ".,0,", ".,listener,")))[0] == first);
  std::string quoted = replaced(replaced(corpus, "My neighbour moved away_comma_ and I miss her.",
                                         "\"My neighbour moved away, and I miss her.\""),
                                "Yes_comma_ we", "\"Yes, we");
  quoted = replaced(quoted, "talked every day.", "talked every day.\"");
  CHECK(lines_of(prepared(project, header + quoted))[0] == first);
}

TEST_CASE("what prepare passes over or changes is in the summary and in its JSON, with the first line") {
  const OwnProject project;
  const auto note = [&](const std::string& train, const std::string& key, const std::vector<std::string>& more = {}) {
    const std::string out = prepared(project, train, more);
    const nlohmann::json json = note_of(project.json("owndata/summary.json")["splits"][0]["notes"], key);
    INFO(out);
    CHECK_THAT(out, Contains(json["text"].get<std::string>() + "; first " + json["first"].get<std::string>()));
    return json;
  };
  CHECK(note(header + replaced(corpus, "Were you close?", "") + "c:2,1,sad,,1,,,\nc:2,2,sad,,0,Hm,,\n",
             "empty_utterances")["first"] == "train.csv:8");
  CHECK(note(header + replaced(corpus, "done", "caf\xE9"), "latin1_rows")["first"] == "train.csv:7");
  CHECK(note(header + replaced(corpus, "0,Well", "1,Well"), "repeated_speaker_rows")["first"] == "train.csv:7");
  CHECK(note(header + replaced(corpus, ".,0,That", ".,1,That"), "joined_rows", {"--join-consecutive"})["count"] == 2);
  CHECK(note(header + replaced(corpus, "c:1,1", "\nc:1,1"), "blank_rows")["first"] == "train.csv:6");
  CHECK(note(replaced(replaced(header + corpus, ".,0,", ".,2,"), ".,1,", ".,0,") +
                 "c:2,1,sad,,2,Hi,,\nc:2,2,sad,,0,Hm,,\n",
             "listener_first")["first"] == "train.csv:8");
  project.file("own/rest.csv", "a\n");
  CHECK_THAT(prepared(project, header + corpus),
             Contains("not read, as they are called neither") && Contains("rest.csv"));
}

TEST_CASE("validation.csv and dev.tsv are the split valid") {
  const OwnProject project;
  project.file("own/validation.csv", header + replaced(corpus, "c:", "v:"));
  CHECK_THAT(prepared(project, header + corpus), Contains("\nvalid 2 dialogues"));
  std::filesystem::remove(project / "own/validation.csv");
  project.file("own/dev.tsv", replaced(header + replaced(corpus, "c:", "v:"), ",", "\t"));
  CHECK_THAT(prepared(project, header + corpus), Contains("\nvalid 2 dialogues"));
}

TEST_CASE("labels that are only of the speaker are told as such, and used where that is asked for") {
  const OwnProject project;
  project.file("l.csv", "conv_id,utterance_idx,label\n\"c:0\",1,sad\nc:0,3,Hopeful\n");
  CHECK_THAT(prepared(project, header + corpus, {"--labels", "l.csv"}),
             Contains("2 labels are of the speaker's utterances and were passed over") && Contains("first l.csv:2") &&
                 Contains("l.csv has 2 rows: all 2 of the speaker's utterances") && !Contains("Give --labels FILE"));
  const std::string both = prepared(project, header + corpus, {"--labels", "l.csv", "--labels-of", "both"});
  CHECK_THAT(both, Contains("train posts") && Contains("labels name an emotion in other case"));
  CHECK(project.json("owndata/summary.json")["splits"][0]["post_emotions"]["hopeful"] == 1);
}

TEST_CASE("prepare warns where few words have a vector and where words occur once") {
  const OwnProject project;
  project.file("v.txt", "x0 1 2\nx1 3 4\n");
  CHECK_THAT(prepared(project, header + corpus, {"--vectors", "v.txt"}),
             Contains("warning: only 0.00 % of the training tokens have a vector of v.txt"));
  CHECK(project.json("owndata/summary.json")["vectors"]["poor_coverage"] == true);
  CHECK_THAT(prepared(project, header + "a,1,sad,,1,ฉันเสียใจมากเพราะเพื่อนบ้านย้ายไป วันนี้ไม่มีใครอยู่บ้าน ทุกอย่างเงียบ เหงา,,\n"
                                        "a,2,sad,,0,ฟังดูยากจริงๆ คุณสนิทกันไหม ขอโทษที่ได้ยินเรื่องนี้ สู้ๆ,,\n"),
             Contains("warning: of ") && Contains("occur once"));
}

TEST_CASE("a text of any length of apostrophes or of digits and marks is prepared and answered") {
  const TinyProject project;
  project.prepare_and_train();
  std::string endings, number;
  for (int i = 0; i < 100'000; ++i) endings += "'s", number += "1.";
  for (const std::string& text : {endings, number + "1a"})
    CHECK_THAT(project.must({"chat", "run", "--checkpoint", "last"},
                            {.input = text + "\n", .time_limit = std::chrono::seconds(60)}),
               Contains("\n"));
}

TEST_CASE("emotions of another set are learned, answered and printed by their names") {
  const OwnProject project;
  std::string train = "conv_id\tutterance\temotion\n";
  const std::vector<std::string> names{"anger", "Joy", "neutral", "zen"};
  for (int d = 0; d < 16; ++d)
    for (int u = 0; u < 4; ++u)
      train +=
          fmt::format("d{}\tsomething, number {} of {}\t{}\n", d, u, d % 5, names[static_cast<std::size_t>(d + u) % 4]);
  project.file("own/valid.tsv", replaced(train, "\nd", "\nv"));
  const std::string out = prepared(project, train);
  CHECK_THAT(out, Contains("emotions: 4 of the training split: anger, joy, neutral, zen") &&
                      Contains("emotions: one an utterance") && Contains("name an emotion in other case"));
  project.must({"train", "--data", "owndata", "--out", "ownrun", "--config", "small.json", "--epochs", "1", "--batch",
                "4", "--threads", "1", "--quiet"});
  CHECK_THAT(project.must({"chat", "ownrun", "--checkpoint", "last"}, {.input = "something\n"}),
             Contains("anger") || Contains("joy") || Contains("neutral") || Contains("zen"));
  project.must({"generate", "ownrun", "--checkpoint", "last", "--split", "valid", "--out", "replies.txt"});
  CHECK_THAT(project.content("replies.txt"), Contains("(emotion: zen)") && !Contains("afraid"));
}
