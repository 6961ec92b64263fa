// The progress bar on a terminal: a pseudo-terminal of a given width.

#include "tests/tools/tiny_project.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

// A terminal that keeps what is written to it.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    path_ = ::ptsname(master_);
    resize(columns);
    kept_open_ = ::open(path_.c_str(), O_RDWR | O_NOCTTY);  // until everything is read
    reader_ = std::thread([this] {
      char piece[4096];
      for (ssize_t n = 0; (n = ::read(master_, piece, sizeof piece)) > 0;)
        text_.append(piece, static_cast<std::size_t>(n));
    });
  }
  ~Terminal() {
    if (reader_.joinable()) (void)text();
    ::close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  const std::string& path() const { return path_; }
  void resize(unsigned short columns) const {
    const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::ioctl(master_, TIOCSWINSZ, &size) == 0);
  }
  /// What was written; nobody writes any more.
  const std::string& text() {
    ::close(kept_open_);
    reader_.join();
    return text_;
  }

 private:
  int master_ = -1, kept_open_ = -1;
  std::string path_, text_;
  std::thread reader_;
};

// Every state of the bar, as it stood between two carriage returns.
std::vector<std::string> bars(const std::string& text) {
  const std::string mark = "\r\x1b[K";
  std::vector<std::string> bars;
  for (std::size_t begin = text.find(mark); begin != std::string::npos;) {
    begin += mark.size();
    const std::size_t end = text.find_first_of("\r\n", begin);
    const std::string bar = text.substr(begin, end - begin);
    if (bar.starts_with("epoch ") && bar.ends_with(" left")) bars.push_back(bar);
    begin = text.find(mark, begin);
  }
  return bars;
}

std::string trained_on(const TinyProject& project, const std::string& run, unsigned short columns, const char* kind) {
  Terminal terminal(columns);
  ::setenv("TERM", kind, 1);
  const Outcome outcome =
      project.ethreed(project.training(run, {"--epochs", "1", "--log-every", "2"}), {.output = terminal.path()});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  return terminal.text();
}

}  // namespace

TEST_CASE("the progress bar keeps to the width of the terminal, and tells what fits") {
  const TinyProject project;
  project.prepare();
  for (const unsigned short columns : std::initializer_list<unsigned short>{24, 40, 80, 132, 250}) {
    INFO(columns << " columns");
    const std::vector<std::string> seen = bars(trained_on(project, std::to_string(columns), columns, "xterm"));
    REQUIRE_FALSE(seen.empty());
    for (const std::string& bar : seen) CHECK(bar.size() < columns);
    CHECK((seen.back().find('[') != std::string::npos) == (columns >= 80));
    CHECK((seen.back().find("reply") != std::string::npos) == (columns == 250));
  }
}

TEST_CASE("a dumb terminal gets plain lines") {
  const TinyProject project;
  project.prepare();
  const std::string text = trained_on(project, "run", 80, "dumb");
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK_THAT(text, Contains("epoch 1/1 batch 2/6 step 2  loss "));
}

TEST_CASE("an experiment has a bar for every run in work and one for all, within the width of the terminal") {
  const TinyProject project;
  project.file("plan.json", R"({"seeds": [1, 2], "data": {"prepare": {"corpus": "corpus", "dimension": 8}},
      "variants": [{"name": "some-variant", "model": "hred", "epochs": 3,
                    "config": {"model": {"encoder": 8, "context_state": 8, "decoder_state": 8, "bottleneck": 8}}}]})");
  for (const unsigned short columns : std::initializer_list<unsigned short>{30, 80}) {
    INFO(columns << " columns");
    Terminal terminal(columns);
    ::setenv("TERM", "xterm", 1);
    const std::string out = "out" + std::to_string(columns);
    const Outcome outcome =
        project.ethreed({"experiment", "plan.json", "--out", out, "--jobs", "2"}, {.output = terminal.path()});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.err == "");
    int of_runs = 0, of_all = 0;
    for (std::string line : lines_of(terminal.text())) {
      line.erase(std::remove(line.begin(), line.end(), '\r'), line.end());
      if (const std::size_t escape = line.rfind("\x1b[J"); escape != std::string::npos) line.erase(0, escape + 3);
      const bool of_run = line.starts_with("some-variant-") && line.find(": ") == std::string::npos;
      const bool all = line.starts_with("all ") || line.starts_with("0/2 ") || line.starts_with("1/2 ");
      of_runs += of_run;
      of_all += all;
      if (!of_run && !all) continue;
      CHECK(line.size() < columns);
      if (of_run && columns >= 80) CHECK_THAT(line, Contains("[") || Contains("evaluating"));
    }
    CHECK(of_runs > 0);
    CHECK(of_all > 0);
  }
}
