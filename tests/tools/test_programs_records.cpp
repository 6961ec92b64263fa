// What the commands that work through files of records take for a text, for a record and for a conversation.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <utility>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const TinyProject& trained() {
  static const TrainedProject project;
  return project;
}

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> lines;
  for (const std::string& line : lines_of(text)) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<Json> reply_to(const std::string& name, const std::string& content) {
  trained().file(name, content);
  return json_lines(trained().must({"reply", "run", "--in", name, "--out", "-"}));
}

void score_refuses(const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
  std::vector<std::string> all{"score"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  check_refusal(trained(), all, parts);
}

}  // namespace

TEST_CASE("conversations are told apart by their names as they are written, but for blanks around them") {
  const auto conversations = [](const std::vector<std::string>& names) {
    std::string content;
    for (const std::string& name : names) content += R"({"text": "my dog ran", "conversation": )" + name + "}\n";
    std::vector<std::pair<std::string, int>> seen;
    for (const Json& record : reply_to("names.jsonl", content))
      seen.emplace_back(record.at("conversation").get<std::string>(), record.at("utterance").get<int>());
    return seen;
  };
  using Seen = std::vector<std::pair<std::string, int>>;
  CHECK(conversations({"100000000000000000001", "100000000000000000002", "1.10", "1.1", "-0", "0"}) ==
        Seen{{"100000000000000000001", 1}, {"100000000000000000002", 1}, {"1.10", 1}, {"1.1", 1}, {"-0", 1}, {"0", 1}});
  CHECK(conversations({"\"c\"", "\" c\"", "\"c \\t\""}) == Seen{{"c", 1}, {"c", 2}, {"c", 3}});
  const Json record = reply_to("number.jsonl", R"({"text": 3.10, "id": 12345678901234567890123})").at(0);
  CHECK(record.at("text") == "3.10");
  CHECK(record.at("id") == "12345678901234567890123");
  CHECK(reply_to("blank.jsonl", R"({"text": "hi", "conversation": " "})").at(0).count("conversation") == 0);
}

TEST_CASE("a list or an object where a text is wanted is refused with its line, and so is a key that stands twice") {
  const auto refused = [](const std::string& name, const std::string& record, const std::string& reason) {
    trained().file(name, "{\"text\": \"hi\"}\n" + record + "\n");
    for (const char* command : {"reply", "emotions", "attention"})
      check_refusal(trained(), {command, "run", "--in", name, "--out", "-"}, {name + ":2", reason});
  };
  for (const char* key : {"text", "id", "conversation", "party", "response"})
    for (const char* value : {R"(["a", "b"])", R"({"a": 1})", "[]"}) {
      const std::string text = std::string(key) == "text" ? "" : R"("text": "hi", )";
      refused("n.jsonl", "{" + text + "\"" + key + "\": " + value + "}",
              std::string("the value of '") + key + "' is a list");
    }
  refused("h.jsonl", R"({"text": "hi", "history": [{"party": "listener", "text": "a", "text": "b"}]})",
          "the key 'text'");
  refused("h.jsonl", R"({"text": "hi", "history": "[{\"party\": \"user\", \"text\": \"a\", \"text\": \"b\"}]"})",
          "the history: the key 'text' appears twice");
  refused("h.jsonl", R"({"text": "hi", "history": {"a": 1}})", "wanted a list");
  trained().file(
      "h.csv",
      "text,history\nhi,\"[{\"\"party\"\": \"\"user\"\", \"\"text\"\": \"\"a\"\", \"\"text\"\": \"\"b\"\"}]\"\n");
  check_refusal(trained(), {"reply", "run", "--in", "h.csv", "--out", "-"}, {"h.csv:2", "'text' appears twice"});
  CHECK(reply_to("unused.jsonl", R"({"text": "hi", "other": {"a": [1, {"b": 2}]}})").size() == 1);
}

TEST_CASE("a quotation mark that closes lines later swallows no record, and a line says so") {
  trained().file("span.csv", "id,text\n1,hello\n2,\"be strong they said\n3,and never give up\"\n4,bye\n");
  const Outcome run = trained().ethreed({"reply", "run", "--in", "span.csv", "--out", "-"});
  REQUIRE(run.exit_code == 0);
  CHECK(json_lines(run.out).size() == 4);
  CHECK_THAT(run.err, Contains("span.csv: 1 quotation marks that open a field in one line") && Contains("line 3"));
}

TEST_CASE("a row of more than 10000 tokens is refused with its line, one of as many is scored") {
  std::string most;
  for (int i = 0; i < 10'000; ++i) most += std::to_string(i) + " ";
  trained().file("long.txt", "a b\n" + most + "\n");
  trained().file("longer.txt", "a b\n" + most + "b\n");
  CHECK_THAT(trained().must({"score", "long.txt", "--references", "long.txt"}), Contains("rouge_l"));
  score_refuses({"longer.txt"}, {"longer.txt:2", "has 10001 tokens, wanted at most 10000"});
  score_refuses({"long.txt", "--references", "longer.txt"}, {"long.txt:2", "has 10001 tokens"});
}

TEST_CASE("conversations that are numbers or have blanks around them are dialogues as they are written") {
  trained().file("ids.jsonl", R"({"reply": "a", "conversation": 100000000000000000001}
{"reply": "b", "conversation": 100000000000000000002}
{"reply": "c", "conversation": "100000000000000000002 "}
)");
  trained().must({"score", "ids.jsonl", "--json", "ids.json"});
  CHECK(trained().json("ids.json").at("dialogues") == 2);
}

TEST_CASE("score refuses a list or an object where a text is wanted, and a key that stands twice") {
  for (const char* field : {"gold", "conversation", "turn", "text"}) {
    trained().file("nested.jsonl", std::string(R"({"reply": "a", ")") + field + "\": [\"a\", \"b\"]}\n");
    score_refuses({"nested.jsonl"}, {"nested.jsonl:1", std::string("the value of '") + field + "' is a list"});
  }
  trained().file("twice.jsonl", R"({"reply": "a", "context": [{"text": "a", "text": "b"}]})");
  score_refuses({"twice.jsonl"}, {"twice.jsonl:1", "the key 'text' is there twice"});
}
