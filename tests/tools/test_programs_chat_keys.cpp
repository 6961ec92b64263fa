// A chat on a terminal: keys, not lines.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include <sys/wait.h>

using namespace ethreed;
using Catch::Contains;

namespace {

// `ethreed chat run` on a terminal of its own.
class Terminal {
 public:
  Terminal(const TinyProject& project, const char* kind) {
    child_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    REQUIRE(child_ >= 0);
    if (child_ > 0) return;
    ::setenv("TERM", kind, 1);
    if (::chdir(project.path().c_str()) != 0) ::_exit(126);
    ::execl(ETHREED_PROGRAM, ETHREED_PROGRAM, "chat", "run", "--policy", "mean", nullptr);
    ::_exit(127);
  }
  ~Terminal() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(terminal_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Types keys once `text`, and after it the prompt, are there, in what came since keys were last typed.
  void type(const std::string& keys, const std::string& text = "") {
    REQUIRE(wait_for(text));
    REQUIRE(wait_for("you> "));
    write(keys);
  }
  // The same without the prompt.
  void type_at(const std::string& text, const std::string& keys) {
    REQUIRE(wait_for(text));
    write(keys);
  }
  // Its exit code, or −1 if a signal ended it or it did not end.
  int end() {
    while (read_some()) {
    }
    int status = 0;
    if (::waitpid(child_, &status, 0) != child_) return -1;
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& shown() const { return shown_; }

 private:
  void write(const std::string& keys) {
    seen_ = shown_.size();
    REQUIRE(::write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  bool wait_for(const std::string& text) {
    for (;;) {
      const std::size_t place = shown_.find(text, seen_);
      if (place != std::string::npos) {
        seen_ = place;
        return true;
      }
      if (!read_some()) return false;
    }
  }
  bool read_some() {
    pollfd one{.fd = terminal_, .events = POLLIN, .revents = 0};
    if (::poll(&one, 1, 60'000) <= 0) return false;
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(terminal_, bytes.data(), bytes.size());
    if (got <= 0) return false;
    shown_.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  int terminal_ = -1;
  pid_t child_ = -1;
  std::string shown_;
  std::size_t seen_ = 0;
};

const TinyProject& trained() {
  static const TrainedProject project;
  return project;
}

}  // namespace

TEST_CASE("on a terminal a chat's lines are edited, arrow keys bring back earlier ones, and exit ends") {
  Terminal terminal(trained(), "xterm");
  terminal.type("my dox\x7fg\n");  // a letter taken back
  terminal.type("\x1b[A\n");       // the line before again
  terminal.type("/attention\n");   // of the last reply
  terminal.type("/nothing\n");
  terminal.type("exit\n", "there is no command /nothing");
  CHECK(terminal.end() == 0);
  const std::string& shown = terminal.shown();
  std::size_t answers = 0;
  for (std::size_t at = shown.find("ethreed> "); at != std::string::npos; at = shown.find("ethreed> ", at + 1))
    ++answers;
  CHECK(answers == 2);
  CHECK(shown.find("unknown to the model") == std::string::npos);  // "my dog", both times
  CHECK_THAT(shown, Contains("looked at "));
}

TEST_CASE("Ctrl-C drops the line of a chat, a second one ends it as Ctrl-D does, with success") {
  for (const char* kind : {"xterm", "dumb"}) {
    INFO(kind);
    Terminal twice(trained(), kind);
    twice.type("half typed");
    twice.type_at("half typed", "\x03");
    twice.type("my dog\n", "Ctrl-C again or Ctrl-D ends");
    twice.type("\x03", "ethreed> ");
    twice.type("\x03", "Ctrl-C again or Ctrl-D ends");
    CHECK(twice.end() == 0);
    Terminal once(trained(), kind);
    once.type("\x04");
    CHECK(once.end() == 0);
  }
}
