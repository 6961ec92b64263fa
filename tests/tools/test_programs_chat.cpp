// What a person meets in a chat: commands, odd input, notes on what was read.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

std::string chat(const std::string& input, std::vector<std::string> more = {}) {
  static const TinyProject project;
  static const bool once = (project.prepare_and_train(), true);
  (void)once;
  std::vector<std::string> arguments{"chat", "run", "--policy", "mean"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return project.must(arguments, {.input = input});
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("chat echoes what it understood: no control character reaches the terminal, no byte that is no UTF-8") {
  const std::string output = chat("I am\x1b[31m sad\x1b]0;title\x07\nhello\rethreed> i am the model\ncaf\xe9 \xff\n");
  for (const char c : output) CHECK((c == '\n' || static_cast<unsigned char>(c) >= ' '));
  CHECK_THAT(output, Contains("you> I am [31m sad ]0;title \n") && Contains("you> hello ethreed> i am the model\n") &&
                         Contains("you> caf\xEF\xBF\xBD \xEF\xBF\xBD\n"));
}

TEST_CASE("an error never sends control characters to the terminal") {
  const TinyProject project;
  const Outcome outcome = project.ethreed({"chat", "no\x1b[31mrun\xff\nhere"});
  CHECK(outcome.exit_code == 1);
  CHECK(lines_of(outcome.err).size() == 1);
  for (const char c : outcome.err) CHECK((c == '\n' || static_cast<unsigned char>(c) >= ' '));
  CHECK_THAT(outcome.err, Contains("\xEF\xBF\xBD"));
}

TEST_CASE("chat reads the end of a long post, and says so") {
  std::string start, other;
  for (int i = 0; i < 50; ++i) {
    start += "the park ";
    other += "my dog ";
  }
  const std::string end = "and it made me feel sad about it today";
  const std::string output = chat(start + end + "\n\n" + other + end + "\n");
  CHECK(count_of(output, "(the last 39 of 109 words and marks were read)\n") == 2);
  CHECK(chat("my dog ran\n").find("were read") == std::string::npos);
}

TEST_CASE("chat says where the model knows no word of a post, or how many it does not know") {
  const std::string output = chat("qwrtz asdfgh\n\nmy dog qwrtz\n\nmy dog\n");
  CHECK(count_of(output, "(no word of this is known to the model)") == 1);
  CHECK(count_of(output, "(1 of 3 words and marks are unknown to the model)") == 1);
  CHECK(count_of(output, "known to the model") == 2);
}

TEST_CASE("commands of a chat are no posts, from a file either, words that only look like one are answered") {
  const std::string output = chat(
      "/help\nmy dog\n/attention\n/new\n/emotion proud\nmy dog\n/emotion hungry\n/emotion\n"
      "/r/dogs is nice\nexit\n/quit\nmy dog\n");
  CHECK(count_of(output, "ethreed> ") == 4);  // two posts, "/r/dogs …" and, as this is a file, "exit"
  CHECK_THAT(output, Contains("/emotion NAME") && Contains("-- new conversation --") &&
                         Contains("the emotion of replies: proud") && Contains("the reply should feel: proud 0.9") &&
                         Contains("no emotion 'hungry'") && Contains("the emotion of replies: what the model plans"));
  CHECK_THAT(output, Contains("p_gen ") && Contains("looked at "));
  CHECK(output.ends_with("you> /quit\n"));
}

TEST_CASE("chat takes the emotion of its replies from the command line, too") {
  CHECK_THAT(chat("my dog\n", {"--reply-emotion", "angry"}), Contains("the reply should feel: angry 0.9"));
}
