// docs/walkthrough.md, run line by line: every command of its `console` blocks, against the output that stands there.

#include "tests/temporary_folder.h"
#include "tests/tools/program.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace ethreed;

namespace {

constexpr std::string_view dots = "…";

/// A command of the page and what it prints.
struct Step {
  int line = 0;
  std::string command;
  std::vector<std::string> output;
};

// Lines "$ …" begin a command, "> …" right behind it go on with it; other lines of the block are its output.
std::vector<Step> steps_of(const std::filesystem::path& page) {
  std::ifstream file(page);
  REQUIRE(file);
  std::vector<Step> steps;
  bool inside = false, in_command = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("```")) {
      inside = !inside && line == "```console";
      in_command = false;
    } else if (inside && line.starts_with("$ ")) {
      steps.push_back({.line = number, .command = line.substr(2)});
      in_command = true;
    } else if (inside && in_command && line.starts_with("> ")) {
      steps.back().command += "\n" + line.substr(2);
    } else if (inside) {
      REQUIRE(!steps.empty());
      steps.back().output.push_back(line);
      in_command = false;
    }
  }
  return steps;
}

// Is `line` like `pattern`, in which … stands for any text.
bool like(std::string_view line, std::string_view pattern) {
  const std::size_t wild = pattern.find(dots);
  if (wild == std::string_view::npos) return line == pattern;
  if (!line.starts_with(pattern.substr(0, wild))) return false;
  const std::string_view rest = pattern.substr(wild + dots.size());
  for (std::size_t from = wild; from <= line.size(); ++from)
    if (like(line.substr(from), rest)) return true;
  return false;
}

// The same of whole outputs: a line … alone stands for any lines.
bool like(const std::vector<std::string>& lines, const std::vector<std::string>& patterns) {
  std::vector<bool> reached(lines.size() + 1, false);  // by the patterns so far: how many lines can be theirs
  reached[0] = true;
  for (const std::string& pattern : patterns) {
    std::vector<bool> next(lines.size() + 1, false);
    if (pattern == dots) {
      bool any = false;
      for (std::size_t i = 0; i <= lines.size(); ++i) next[i] = any = any || reached[i];
    } else {
      for (std::size_t i = 0; i < lines.size(); ++i) next[i + 1] = reached[i] && like(lines[i], pattern);
    }
    reached = next;
  }
  return reached.back();
}

std::vector<std::string> lines_of_text(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("every command of docs/walkthrough.md prints what the page says") {
  const std::filesystem::path project = ETHREED_SOURCE_DIR;
  const std::vector<Step> steps = steps_of(project / "docs/walkthrough.md");
  REQUIRE(steps.size() >= 10);
  const TemporaryFolder folder;
  std::filesystem::create_directory_symlink(project / "samples", folder.path() / "samples");
  const std::string path = std::filesystem::path(ETHREED_PROGRAM).parent_path().string();
  for (const Step& step : steps) {
    const Outcome outcome =
        run_program("/bin/bash",
                    {"-c", "export PATH='" + path + "':$PATH LC_ALL=C.UTF-8 TERM=dumb; { " + step.command + "\n} 2>&1"},
                    {.directory = folder.path(), .time_limit = std::chrono::seconds{240}});
    INFO("docs/walkthrough.md:" << step.line << ": $ " << step.command << "\nprinted:\n" << outcome.out);
    REQUIRE(!outcome.timed_out);
    CHECK(like(lines_of_text(outcome.out), step.output));
  }
}

TEST_CASE("an output that differs from its page is noticed") {
  CHECK(like("Acc 0.43 of 12", "Acc … of 12"));
  CHECK(!like("Acc 0.43 of 12", "Acc … of 13"));
  CHECK(!like("Acc 0.43", "Acc"));
  CHECK(like(lines_of_text("a\nb\nc\n"), {"a", "…"}));
  CHECK(like(lines_of_text("a\nb\nc\n"), {"…", "c"}));
  CHECK(!like(lines_of_text("a\nb\nc\n"), {"a", "c"}));
  CHECK(!like(lines_of_text("a\n"), {}));
}
