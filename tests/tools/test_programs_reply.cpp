// The commands that work through a file of records: reply, emotions, attention.

#include "core/hash.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <span>
#include <thread>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  for (const std::string& line : lines_of(text)) lines.push_back(Json::parse(line));
  return lines;
}

const TinyProject& trained() {
  static const TrainedProject project;
  return project;
}

std::vector<Json> reply_to(const std::string& name, const std::string& content, std::vector<std::string> more = {}) {
  const TinyProject& project = trained();
  project.file(name, content);
  std::vector<std::string> arguments{"reply", "run", "--in", name, "--out", "-"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return json_lines(project.must(arguments));
}

// Until many.out is begun, or done.
void wait_for_part(const TinyProject& project) {
  const auto begun = [&] {
    std::error_code none;
    const auto size = fs::file_size(project / "many.out.part", none);
    return !none && size > 0;
  };
  for (int i = 0; i < 60'000 && !begun() && !fs::exists(project / "many.out"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// A line of a part: the record, and a checksum of all so far.
std::string line_of_part(const std::string& record, std::uint64_t& sum) {
  sum = fnv1a(std::as_bytes(std::span(record)), sum);
  return fmt::format("{}\t{:016x}\n", record, sum);
}

double sum_of(const Json& distribution) {
  double sum = 0;
  for (const auto& [name, p] : distribution.items()) sum += p.get<double>();
  return sum;
}

}  // namespace

TEST_CASE("reply writes a record for every line of text, an empty one, too, with its number, in order") {
  const std::vector<Json> records = reply_to("posts.txt", "my dog ran\n\n  \nit is sad\n");
  REQUIRE(records.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(records[i].at("line") == i + 1);
    const bool empty = i == 1 || i == 2;
    CHECK(records[i].at("status") == (empty ? "empty" : "answered"));
    CHECK(records[i].at("reply").is_null() == empty);
  }
}

TEST_CASE("a reply's record has what the model says of it, in full") {
  const Json record = reply_to("one.jsonl", R"({"id": 7, "text": "My dog Bella ran in the Zorblax!"})").at(0);
  CHECK(record.at("id") == "7");
  CHECK(record.at("text") == "My dog Bella ran in the Zorblax!");
  CHECK(record.at("log_probability").get<double>() < 0);
  for (const char* insight : {"tracked_emotion", "reply_emotion"}) {
    const Json& distribution = record.at("distributions").at(insight);
    CHECK(distribution.size() == 32);
    CHECK(sum_of(distribution) == Approx(1).margin(1e-4));
    for (const auto& [name, p] : distribution.items())
      CHECK(p.get<double>() <= distribution.at(record.at(insight).get<std::string>()).get<double>());
  }
  CHECK(record.at("tokens") == 8);
  CHECK(record.at("tokens_cut") == 0);
  CHECK(record.at("unknown_share").get<double>() > 0);
  CHECK(record.at("copied_words").is_array());
  CHECK(record.at("no_known_word") == false);
}

TEST_CASE("a table is answered row by row: delimiter, quotes and names of columns as they are, blank rows counted") {
  const std::vector<Json> table =
      reply_to("posts.csv", "extra,message,id\n1,\"my dog, it ran\nfar\",a\n,,\n2,it is sad,b\n");
  REQUIRE(table.size() == 3);
  CHECK(table[0].at("text") == "my dog, it ran far");
  CHECK(table[1].at("status") == "empty");
  CHECK(table[2].at("line") == 5);
  CHECK(table[2].at("id") == "b");
  CHECK(reply_to("posts.tsv", "body\tx\nmy dog ran\t1\n", {"--column", "text=body"}).at(0).at("text") == "my dog ran");
  check_refusal(trained(), {"reply", "run", "--in", "posts.tsv", "--out", "-"}, {"posts.tsv", "'text'", "body"});
  // As in the corpus's own test split: rows with one field more, of candidates.
  const std::vector<Json> original =
      reply_to("original.csv",
               "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n"
               "a,1,sad,s,1,My dog ran_comma_ far,5|5|5_2|2|5,\na,2,sad,s,0,Oh no,5|5|5_2|2|5,,well|yes\n"
               "a,3,sad,s,1,it is sad,5|5|5_2|2|5,,one|two\n");
  REQUIRE(original.size() == 3);
  CHECK(original[2].at("text") == "it is sad");
}

TEST_CASE("history is read from the conversation, from the record, and as the real reply where there is one") {
  const std::string first = R"({"conversation": "x", "text": "my dog made me feel sad"})";
  const std::string second = R"({"conversation": "x", "text": "it ran in the park!"})";
  const auto alone = reply_to("h.jsonl", R"({"text": "it ran in the park!"})", {"--policy", "mean"}).at(0);
  const auto after = reply_to("h.jsonl", first + "\n" + second, {"--policy", "mean"});
  CHECK(after.at(1).at("utterance") == 2);
  CHECK(after[1].at("history_read") == 2);
  CHECK(after[1].at("distributions") != alone.at("distributions"));
  // The listener's real words, as a field or as a row, take the place of the model's.
  const std::string answered =
      R"({"conversation": "x", "text": "my dog made me feel sad", "response": "i am glad about the park"})";
  const std::string row = R"({"conversation": "x", "text": "i am glad about the park", "party": "listener"})";
  const auto field = reply_to("h.jsonl", answered + "\n" + second, {"--policy", "mean"});
  const auto rows = reply_to("h.jsonl", first + "\n" + row + "\n" + second, {"--policy", "mean"});
  CHECK(rows.at(1).at("status") == "listener");
  CHECK(rows.at(2).at("distributions") == field.at(1).at("distributions"));
  CHECK(field[1].at("distributions") != after[1].at("distributions"));
  // The same said in the record itself.
  const Json own{{"text", "it ran in the park!"}, {"history", {"my dog made me feel sad", "i am glad about the park"}}};
  const auto inside = reply_to("h.jsonl", own.dump(), {"--policy", "mean"}).at(0);
  CHECK(inside.at("reply") == field[1].at("reply"));
  for (const auto& [name, p] : field[1].at("distributions").at("tracked_emotion").items())
    CHECK(inside.at("distributions").at("tracked_emotion").at(name).get<double>() ==
          Approx(p.get<double>()).margin(1e-5));
}

TEST_CASE("of a post that is too long the end is read, and the record says how much was cut") {
  std::string long_start, other_start;
  for (int i = 0; i < 60; ++i) {
    long_start += "the park ";
    other_start += "my dog ";
  }
  const std::string end =
      "it ran in the park and i am so sad about it and it is not what you believe my dog did to "
      "me today in the park that you told me about and it made me feel proud of it";
  const auto records = reply_to("long.txt", long_start + end + "\n" + other_start + end + "\n", {"--policy", "mean"});
  CHECK(records.at(0).at("tokens_cut").get<int>() > 100);
  CHECK(records[0].at("distributions") == records.at(1).at("distributions"));
  CHECK(records[0].at("reply") == records[1].at("reply"));
  const auto whole = reply_to("long.txt", long_start + end + "\n", {"--policy", "mean", "--post-length", "500"});
  CHECK(whole.at(0).at("tokens_cut") == 0);
}

TEST_CASE("a post without a word that the model knows is said to be one") {
  const auto records = reply_to("unknown.txt", "qwrtz asdfgh yxcvb\nmy dog qwrtz\n");
  CHECK(records.at(0).at("no_known_word") == true);
  CHECK(records[0].at("unknown_share") == 1.0);
  CHECK(records.at(1).at("no_known_word") == false);
}

TEST_CASE("records go whole into a file, and an interrupted call is gone on with to the same bytes") {
  const TinyProject& project = trained();
  std::string posts;
  for (int i = 0; i < 700; ++i)
    posts += fmt::format(R"({{"conversation": "c{}", "text": "my dog made me feel sad {}"}})", i % 40, i) + "\n";
  project.file("many.jsonl", posts);
  const std::vector<std::string> arguments{"reply", "run", "--in", "many.jsonl", "--out", "many.out", "--quiet"};
  project.must(arguments);
  const std::string whole = project.content("many.out");
  CHECK(lines_of(whole).size() == 700);
  CHECK(!fs::exists(project / "many.out.part"));
  fs::remove(project / "many.out");
  Program program = project.start(arguments);
  wait_for_part(project);
  program.send(SIGINT);
  const Outcome outcome = program.finish();
  if (outcome.exit_code != 0) {  // else it was done before the signal
    CHECK(!fs::exists(project / "many.out"));
    CHECK_THAT(outcome.err, Contains("interrupted after") && Contains("many.out.part"));
    check_refusal(project, {"reply", "run", "--in", "many.jsonl", "--out", "many.out", "--seed", "9"},
                  {"many.out.part", "another input, run or options"});
    project.must(arguments);
  }
  CHECK(project.content("many.out") == whole);
  // A kill in the middle of a line.
  const std::string made_from = [&] {
    fs::remove(project / "many.out");
    Program killed = project.start(arguments);
    wait_for_part(project);
    killed.send(SIGKILL);
    killed.finish();
    return fs::exists(project / "many.out.part") ? lines_of(project.content("many.out.part")).at(0) : std::string();
  }();
  REQUIRE(!made_from.empty());
  const std::vector<std::string> lines = lines_of(whole);
  std::uint64_t sum = fnv1a(std::as_bytes(std::span(made_from)));
  std::vector<std::string> part{made_from + "\n"};
  for (std::size_t i = 0; i < 300; ++i) part.push_back(line_of_part(lines[i], sum));
  const auto put = [&](const std::vector<std::string>& texts) {
    project.file("many.out.part", fmt::format("{}", fmt::join(texts, "")));
  };
  // What is damaged is refused by its line, wherever it stands, and left as it is.
  const auto refused = [&](std::size_t line, const std::function<void(std::vector<std::string>&)>& damage) {
    std::vector<std::string> damaged = part;
    damage(damaged);
    put(damaged);
    check_refusal(project, arguments, {fmt::format("many.out.part:{}: is damaged", line), "remove"});
  };
  refused(101, [](auto& texts) { texts[100].replace(30, 4, 4, '\0'); });
  refused(101, [](auto& texts) { texts[100].replace(texts[100].find("made me"), 4, "mode"); });
  refused(101, [](auto& texts) { texts.erase(texts.begin() + 100); });
  refused(102, [](auto& texts) { texts.insert(texts.begin() + 100, texts[100]); });
  refused(101, [](auto& texts) { std::swap(texts[100], texts[200]); });
  refused(2, [](auto& texts) { texts[1] = "\n"; });
  refused(302, [](auto& texts) { texts.emplace_back("no record\n"); });
  refused(301, [](auto& texts) { texts[300] = texts[300].substr(0, 40) + "\n"; });
  part.push_back(lines[300].substr(0, 20));
  put(part);
  CHECK_THAT(project.ethreed(arguments).err, Contains("256 records are there"));
  CHECK(project.content("many.out") == whole);
}

TEST_CASE("an output is never an input, nor a part of a run or of a data set") {
  const TinyProject& project = trained();
  const std::string content = "my dog ran\n";
  project.file("only.txt", content);
  const std::string log = content_of(project / "run/log.csv");
  for (const char* command : {"reply", "emotions", "attention"})
    check_refusal(project, {command, "run", "--in", "only.txt", "--out", "./only.txt"}, {"only.txt", "overwritten"});
  for (const char* out :
       {"run/log.csv", "run/best/state.json", "run/last/model.safetensors", "data/dataset.safetensors"}) {
    INFO(out);
    check_refusal(project, {"reply", "run", "--in", "only.txt", "--out", out}, {out, "overwritten"});
    check_refusal(project, {"generate", "run", "--out", out}, {out, "overwritten"});
    check_refusal(project, {"report", "run", "--out", out}, {out, "overwritten"});
  }
  CHECK(content_of(project / "only.txt") == content);
  CHECK(content_of(project / "run/log.csv") == log);
  project.must({"generate", "run", "--limit", "1", "--out", "run/replies.txt"});  // a name of one's own
  project.must({"generate", "run", "--limit", "1", "--out", "run/replies.txt"});
}

TEST_CASE("standard input and output will do, and nothing else stands on it") {
  const TinyProject& project = trained();
  const std::string out = project.must({"reply", "run", "--in", "-", "--out", "-"}, {.input = "my dog\nmy park\n"});
  CHECK(json_lines(out).size() == 2);
  CHECK(project.must({"reply", "run", "--in", "-", "--out", "-"}, {.input = ""}) == "");
  CHECK(json_lines(project.must({"reply", "run", "--in", "-", "--out", "-"}, {.input = "{\"text\": \"my dog\"}"}))
            .size() == 1);
  const Outcome broken =
      project.ethreed({"reply", "run", "--in", "-", "--in-format", "json", "--out", "-"}, {.input = "{\"text\": \n"});
  CHECK(broken.exit_code == 1);
  CHECK_THAT(broken.err, Contains("standard input:1"));
}

TEST_CASE("a reply has the emotion that is asked for, or an error says why it cannot") {
  const auto records = reply_to("one.txt", "my dog ran\n", {"--reply-emotion", " Proud "});
  CHECK(records.at(0).at("reply_emotion") == "proud");
  CHECK(records[0].at("distributions").at("reply_emotion").at("proud").get<double>() >= 0.9);
  check_refusal(trained(), {"reply", "run", "--in", "one.txt", "--out", "-", "--reply-emotion", "hungry"},
                {"no emotion 'hungry'", "afraid, angry"});
  const TinyProject& project = trained();
  project.file("hred.json", R"({"model": {"encoder": 8, "context_state": 8, "decoder_state": 8, "bottleneck": 8}})");
  project.must({"train", "--data", "data", "--out", "plain", "--model", "hred", "--config", "hred.json", "--epochs",
                "1", "--quiet"});
  check_refusal(project, {"reply", "plain", "--in", "one.txt", "--out", "-", "--reply-emotion", "proud"},
                {"model 'hred'", "plans none"});
  const auto plain = json_lines(project.must({"reply", "plain", "--in", "one.txt", "--out", "-"}));
  CHECK(plain.at(0).at("status") == "answered");
  CHECK(!plain[0].contains("copied_words"));
  check_refusal(project, {"attention", "plain", "--in", "one.txt", "--out", "a.jsonl"}, {"model 'hred'", "no pointer"});
  check_refusal(project, {"emotions", "plain", "--in", "one.txt", "--out", "-"}, {"model 'hred'", "no emotion"});
}

TEST_CASE("n best replies stand in the record, and options that do not go together are refused") {
  const Json beam = reply_to("one.txt", "my dog ran\n", {"--decode", "beam", "--n-best", "3"}).at(0);
  CHECK(beam.at("others").size() == 2);
  CHECK(beam.at("others").at(0).at("reply") != beam.at("reply"));
  check_refusal(trained(), {"reply", "run", "--in", "one.txt", "--out", "-", "--n-best", "3"}, {"greedy"});
  check_refusal(trained(), {"reply", "run", "--in", "one.txt", "--out", "-", "--top-p", "0.5"}, {"--decode sample"});
  const Json text = reply_to("one.txt", "my dog ran\n", {"--min-length", "20", "--no-repeat", "2"}).at(0);
  CHECK(text.at("reply").get<std::string>().size() > 20);
}

TEST_CASE("emotions gives every utterance its distribution, the post's being that of its reply's record") {
  const TinyProject& project = trained();
  const std::string content =
      "conv_id,utterance_idx,utterance\nx,1,my dog made me feel sad\nx,2,oh what did it do\nx,3,it ran in the park\n"
      "y,1,\ny,2,i am glad\n";
  project.file("dialogues.csv", content);
  const auto emotions =
      json_lines(project.must({"emotions", "run", "--in", "dialogues.csv", "--out", "-", "--post-length", "40"}));
  const auto replies = json_lines(project.must({"reply", "run", "--in", "dialogues.csv", "--out", "-"}));
  REQUIRE(emotions.size() == 5);
  REQUIRE(replies.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(emotions[i].at("line") == i + 2);
    CHECK(emotions[i].at("party") == (i == 1 || i == 4 ? "listener" : "speaker"));
    if (i == 3) continue;
    CHECK(sum_of(emotions[i].at("distribution")) == Approx(1).margin(1e-4));
  }
  CHECK(emotions[3].at("emotion").is_null());  // nothing was said
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    CHECK(emotions[i].at("emotion") == replies[i].at("tracked_emotion"));
    for (const auto& [name, p] : emotions[i].at("distribution").items())
      CHECK(p.get<double>() ==
            Approx(replies[i].at("distributions").at("tracked_emotion").at(name).get<double>()).margin(2e-6));
  }
  project.must({"emotions", "run", "--in", "dialogues.csv", "--out", "emotions.jsonl"});
  CHECK(json_lines(project.content("emotions.jsonl")).size() == 5);
}

TEST_CASE("a classifier of texts gives emotions, too") {
  const TinyProject& project = trained();
  project.must(
      {"train", "--data", "data", "--out", "labeller", "--model", "linear_classifier", "--epochs", "1", "--quiet"});
  project.file("two.txt", "my dog made me feel sad\n\n");
  const auto records = json_lines(project.must({"emotions", "labeller", "--in", "two.txt", "--out", "-"}));
  REQUIRE(records.size() == 2);
  CHECK(sum_of(records[0].at("distribution")) == Approx(1).margin(1e-4));
  CHECK(records[1].at("emotion").is_null());
  check_refusal(project, {"reply", "labeller", "--in", "two.txt", "--out", "-"}, {"linear_classifier", "no replies"});
}

TEST_CASE("attention names the words that were looked at, unknown ones too, as JSON Lines and as a page by itself") {
  const TinyProject& project = trained();
  project.file("posts.jsonl", R"({"conversation": "a", "text": "my dog <Zorblax> ran"}
{"conversation": "b", "text": "it is sad"}
)");
  project.must({"attention", "run", "--in", "posts.jsonl", "--out", "a.jsonl", "--html", "a.html"});
  const auto records = json_lines(project.content("a.jsonl"));
  REQUIRE(records.size() == 2);
  const Json& source = records[0].at("source");
  REQUIRE(source.size() == 7);
  CHECK(source.at(3).at("word") == "zorblax");
  CHECK(source[3].at("unknown") == true);
  CHECK(source[0].at("unknown") == false);
  CHECK(source[6].at("word") == "<eos>");
  std::vector<double> covered(source.size(), 0.0);
  for (const Json& step : records[0].at("steps")) {
    double sum = 0;
    for (std::size_t j = 0; j < covered.size(); ++j) {
      CHECK(step.at("coverage").at(j).get<double>() == Approx(covered[j]).margin(1e-4));
      covered[j] += step.at("attention").at(j).get<double>();
      sum += step["attention"][j].get<double>();
    }
    CHECK(sum == Approx(1).margin(1e-4));
    CHECK(step.at("p_gen").get<double>() >= 0);
    CHECK(step.at("copied").is_boolean());
  }
  const std::string page = project.content("a.html");
  CHECK_THAT(page, Contains("<!DOCTYPE html>") && Contains("</html>") && Contains(">zorblax<") &&
                       Contains("my dog &lt;Zorblax&gt; ran"));
  for (const char* part : {"<script", "http:", "https:", "src=", "url("}) CHECK(page.find(part) == std::string::npos);
  project.must({"attention", "run", "--in", "posts.jsonl", "--conversation", "b", "--out", "b.jsonl"});
  const auto chosen = json_lines(project.content("b.jsonl"));
  REQUIRE(chosen.size() == 1);
  CHECK(chosen[0].at("reply") == records[1].at("reply"));
  project.must({"attention", "run", "--split", "valid", "--limit", "3", "--out", "v.jsonl"});
  CHECK(json_lines(project.content("v.jsonl")).size() == 3);
  check_refusal(project, {"attention", "run", "--in", "posts.jsonl", "--conversation", "z", "--out", "z.jsonl"},
                {"no conversation 'z'"});
  check_refusal(project, {"attention", "run"}, {"--out FILE, --html FILE"});
}
