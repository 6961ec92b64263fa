// Where the outputs of commands go when their paths are no plain files, and outputs that are refused.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

using namespace ethreed;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;

const TinyProject& trained() {
  static const TinyProject project;
  static const bool once = [] {
    project.prepare_and_train();
    project.file("labeller.json", R"({"model": {"buckets": 64}})");
    project.must({"train", "--data", "data", "--out", "labeller", "--model", "linear_classifier", "--config",
                  "labeller.json", "--epochs", "1", "--quiet"});
    project.file("posts.txt", "my dog made me feel sad\ni am glad\n");
    project.file("replies.txt", "oh no\nwhat did it do\n");
    return true;
  }();
  (void)once;
  return project;
}

// Every command that writes a file, without the file.
std::vector<std::vector<std::string>> writers() {
  return {{"generate", "run", "--limit", "1", "--format", "jsonl", "--out"},
          {"reply", "run", "--in", "posts.txt", "--out"},
          {"emotions", "run", "--in", "posts.txt", "--out"},
          {"attention", "run", "--in", "posts.txt", "--out"},
          {"attention", "run", "--in", "posts.txt", "--html"},
          {"evaluate", "run", "--per-dialogue"},
          {"label", "labeller", "corpus", "--out"},
          {"trace", "--data", "data", "--config", "small.json", "--out"},
          {"tokenize", "data", "--in", "posts.txt", "--out"},
          {"score", "replies.txt", "--references", "replies.txt", "--json"}};
}

std::vector<std::string> with(std::vector<std::string> arguments, const std::string& last) {
  arguments.push_back(last);
  return arguments;
}

}  // namespace

TEST_CASE("whatever a command writes, a symlink stays and its target is replaced") {
  const TinyProject& project = trained();
  for (const auto& writer : writers()) {
    INFO(writer[0]);
    project.must(with(writer, "plain"));
    project.file("target", "old");
    fs::create_symlink("target", project / "link");
    project.must(with(writer, "link"));
    CHECK(fs::is_symlink(project / "link"));
    CHECK((project.content("target") == project.content("plain")));
    for (const char* name : {"plain", "target", "link"}) fs::remove(project / name);
  }
  for (const auto& [name, content] : project.snapshot()) CHECK_THAT(name, !Contains(".tmp-") && !Contains(".part"));
}

TEST_CASE("a symlink does not hide that its target is read, or belongs to a run") {
  const TinyProject& project = trained();
  fs::create_symlink("posts.txt", project / "link-1");
  fs::create_symlink("run/log.csv", project / "link-2");
  check_refusal(project, {"reply", "run", "--in", "posts.txt", "--out", "link-1"}, {"link-1", "read by this command"});
  check_refusal(project, {"reply", "run", "--in", "posts.txt", "--out", "link-2"}, {"link-2", "belongs to a run"});
  for (const char* name : {"link-1", "link-2"}) fs::remove(project / name);
}

TEST_CASE("whatever a command writes, a pipe is written into and stays one") {
  const TinyProject& project = trained();
  REQUIRE(::mkfifo((project / "pipe").c_str(), 0600) == 0);
  for (const auto& writer : writers()) {
    INFO(writer[0]);
    project.must(with(writer, "plain"));
    std::string got;
    std::thread reader([&] { got = content_of(project / "pipe"); });
    const Outcome outcome = project.ethreed(with(writer, "pipe"));
    if (outcome.exit_code != 0)  // nobody has opened it: lets the reader go
      ::close(::open((project / "pipe").c_str(), O_WRONLY | O_NONBLOCK));
    reader.join();
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(fs::is_fifo(project / "pipe"));
    CHECK((got == project.content("plain")));
    fs::remove(project / "plain");
  }
  fs::remove(project / "pipe");
}

TEST_CASE("whatever a command writes, a device stays one") {
  const TinyProject& project = trained();
  const fs::path device = project / "null";
  if (::mknod(device.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) return;  // for root alone
  const int opened = ::open(device.c_str(), O_WRONLY);
  if (opened >= 0) {  // else a file system without devices
    ::close(opened);
    for (const auto& writer : writers()) {
      INFO(writer[0]);
      project.must(with(writer, "null"));
      CHECK(fs::is_character_file(device));
    }
  }
  fs::remove(device);
}

TEST_CASE("a symlink to the program's standard output is that output, with what is printed behind it") {
  const TinyProject& project = trained();
  fs::create_symlink("/proc/self/fd/1", project / "stdout");
  const std::vector<std::string> writer{"reply", "run", "--in", "posts.txt", "--out"};
  const std::string plain = project.must(with(writer, "-"));
  CHECK(project.must(with(writer, "stdout")) == plain + "stdout: 2 records: 2 answered\n");
  project.file("o.out", "");
  CHECK(project.ethreed(with(writer, "stdout"), {.output = project / "o.out"}).exit_code == 0);
  CHECK(project.content("o.out") == plain + "stdout: 2 records: 2 answered\n");
  CHECK(fs::is_symlink(project / "stdout"));
  for (const char* name : {"stdout", "o.out"}) fs::remove(project / name);
}

TEST_CASE("a command that waits for the reader of its pipe ends by a signal") {
  const TinyProject& project = trained();
  REQUIRE(::mkfifo((project / "pipe").c_str(), 0600) == 0);
  for (const int signal : {SIGTERM, SIGINT}) {
    Program program = project.start({"reply", "run", "--in", "posts.txt", "--out", "pipe", "--quiet"},
                                    {.time_limit = std::chrono::seconds(30)});
    std::this_thread::sleep_for(std::chrono::seconds(3));
    program.send(signal);
    const Outcome outcome = program.finish();
    CHECK_FALSE(outcome.timed_out);
    if (outcome.signal != signal)  // else it did not get so far
      CHECK_THAT(outcome.err, Contains("pipe: interrupted while it waited for a reader"));
  }
  CHECK(fs::is_fifo(project / "pipe"));
  fs::remove(project / "pipe");
}

TEST_CASE("a pipe that nobody writes to is refused by every reader, and none waits for it") {
  const TinyProject& project = trained();
  REQUIRE(::mkfifo((project / "pipe.csv").c_str(), 0600) == 0);
  fs::create_directory(project / "piped");
  REQUIRE(::mkfifo((project / "piped/train.csv").c_str(), 0600) == 0);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"score", "pipe.csv"},
                                                    {"score", "replies.txt", "--references", "pipe.csv"},
                                                    {"score", "replies.txt", "--vectors", "pipe.csv"},
                                                    {"reply", "run", "--in", "pipe.csv", "--out", "-"},
                                                    {"tokenize", "data", "--in", "pipe.csv"},
                                                    {"study", "score", "pipe.csv", "pipe.csv"},
                                                    {"prepare", "corpus", "--out", "other", "--labels", "pipe.csv"},
                                                    {"prepare", "corpus", "--out", "other", "--vectors", "pipe.csv"},
                                                    {"prepare", "piped", "--out", "other"}})
    check_refusal(project, arguments, {".csv", "is not a regular file"}, {.time_limit = std::chrono::seconds(30)});
  fs::remove(project / "pipe.csv");
  fs::remove_all(project / "piped");
}

TEST_CASE("two outputs of one command are two files") {
  const TinyProject& project = trained();
  fs::create_symlink("same", project / "link");
  for (const char* other : {"same", "./same", "link"})
    check_refusal(project, {"attention", "run", "--in", "posts.txt", "--out", "same", "--html", other},
                  {"--out and --html", "same", "are the same file"});
  fs::remove(project / "link");
}

TEST_CASE("an output that another process writes is not written twice") {
  const TinyProject& project = trained();
  const fs::path part = project.file("taken.part", "");
  const int held = ::open(part.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(held, LOCK_EX | LOCK_NB) == 0);
  const std::vector<std::string> arguments{"reply", "run", "--in", "posts.txt", "--out", "taken"};
  check_refusal(project, arguments, {"taken.part: another process is writing"});
  ::close(held);
  project.must(arguments);
  CHECK(lines_of(project.content("taken")).size() == 2);
  CHECK_FALSE(fs::exists(part));

  // Two at once, at whatever distance: the file is whole, and whoever was refused says so.
  std::string posts;
  for (int i = 0; i < 600; ++i) posts += fmt::format("my dog made me feel sad {}\n", i);
  project.file("more.txt", posts);
  const std::vector<std::string> more{"reply", "run", "--in", "more.txt", "--out", "both", "--quiet"};
  project.must(with({more.begin(), more.end() - 2}, "alone"));
  for (const int wait : {0, 100}) {
    Program one = project.start(more);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    Program other = project.start(more);
    const Outcome ends[]{one.finish(), other.finish()};
    int good = 0;
    for (const Outcome& end : ends) {
      CHECK(end.signal == 0);
      good += end.exit_code == 0;
      if (end.exit_code != 0) CHECK_THAT(end.err, Contains("both.part: another process is writing"));
    }
    CHECK(good >= 1);
    CHECK((project.content("both") == project.content("alone")));
    CHECK_FALSE(fs::exists(project / "both.part"));
    fs::remove(project / "both");
  }
}

TEST_CASE("what train cannot write is found before anything is written") {
  const TinyProject& project = trained();
  // Were it not refused first, these would end with what is not there, and not write to the root folder.
  for (const char* root : {"/", "//", "/../"})
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"train", "--data", "absent"}, {"prepare", "absent"}, {"study", "make", "absent"}}) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--out", root});
      check_refusal(project, arguments, {"is the root folder"});
    }
  check_refusal(project, {"train", "--data", "data", "--out", ""}, {"--out: names no folder"});
  check_refusal(project, project.training("new/run", {"--tf32"}), {"--tf32: is for --device cuda"});
  check_refusal(project, project.training("new", {"--tensorboard", "labels.csv"}),
                {"labels.csv: cannot make the folder", "is no folder", "choose another --tensorboard"});
  check_refusal(project, project.training("new", {"--tensorboard", "labels.csv/events"}), {"labels.csv is no folder"});
  project.must(project.training("new", {"--tensorboard", "events", "--epochs", "1"}));
  CHECK(fs::exists(project / "new/last"));
  CHECK_FALSE(fs::is_empty(project / "events"));
}

TEST_CASE("a field of replies that no file has is refused with those that are there") {
  const TinyProject project(4, 2);
  const auto row = [](const std::string& name) {
    return fmt::format(R"({{"reply": "oh no", "gold": "oh yes", "{}": "sad"}})", name) + "\n";
  };
  project.file("a.jsonl", row("feeling"));
  project.file("b.jsonl", row("mood"));
  check_refusal(project, {"score", "a.jsonl", "--field", "emotion=nope"},
                {"a.jsonl has no field 'nope'", "reply", "gold", "feeling"});
  check_refusal(project, {"score", "a.jsonl", "b.jsonl", "--field", "emotion=nope"}, {"no field 'nope'", "another"});
  project.must({"score", "a.jsonl", "--field", "emotion=feeling"});
  project.must({"score", "a.jsonl", "b.jsonl", "--field", "emotion=mood"});  // one of them has it
}
