#include "tools/ethreed/line_editor.h"

#include "core/error.h"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace ethreed {

namespace {

volatile std::sig_atomic_t stopped = 0;

extern "C" void note_stop(int) { stopped = 1; }

constexpr int remembered_lines = 1000;

// Waits for input; false if Ctrl-C came first. The signal is let through while it waits and at no other time here, so
// none falls between the look at `stopped` and the wait.
bool input_before_stop() {
  sigset_t interrupt{}, before{};
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ::sigprocmask(SIG_BLOCK, &interrupt, &before);
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (stopped == 0 && ::ppoll(&input, 1, nullptr, &before) < 0 && errno == EINTR) {
  }
  const bool first = stopped == 0;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return first;
}

}  // namespace

struct LineEditor::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string prompt;
  bool stopped = false;

  static Editor& of(EditLine* line) {
    void* data = nullptr;
    el_get(line, EL_CLIENTDATA, &data);
    return *static_cast<Editor*>(data);
  }
  static char* prompt_of(EditLine* line) { return of(line).prompt.data(); }
  // Ctrl-C is a key here: it ends the line and drops it.
  static unsigned char stop(EditLine* line, int) {
    of(line).stopped = true;
    return CC_NEWLINE;
  }

  explicit Editor(std::string shown) : prompt(std::move(shown)) {
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");  // characters have more than one byte
    line = el_init("ethreed", stdin, stdout, stderr);
    history = history_init();
    ETHREED_CHECK(line != nullptr && history != nullptr, "the line editor cannot be started; set TERM=dumb");
    ::history(history, &event, H_SETSIZE, remembered_lines);
    ::history(history, &event, H_SETUNIQUE, 1);
    el_set(line, EL_CLIENTDATA, this);
    el_set(line, EL_PROMPT, &Editor::prompt_of);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_wset(line, EL_ADDFN, L"ethreed-stop", L"drop the line", &Editor::stop);  // el_set would lose copies of both
    el_set(line, EL_BIND, "^C", "ethreed-stop", nullptr);
    el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_set(line, EL_SETTY, "-d", "-isig", nullptr);
  }
  ~Editor() {
    if (history != nullptr) history_end(history);
    if (line != nullptr) el_end(line);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  // Keys are keys from here on: before the prompt is shown, for el_gets itself does so only after it, and a Ctrl-C
  // typed in between would be a signal that ends no read.
  void prepare() { el_set(line, EL_PREP_TERM, 1); }
  void leave() { el_set(line, EL_PREP_TERM, 0); }
  Line read(std::string& text) {
    stopped = false;
    int count = 0;
    const char* got = el_gets(line, &count);
    if (stopped) {
      std::printf("^C\n");
      return Line::stopped;
    }
    if (got == nullptr || count <= 0) return Line::end;
    text.assign(got, static_cast<std::size_t>(count));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (!text.empty()) ::history(history, &event, H_ENTER, text.c_str());
    return Line::read;
  }
};

LineEditor::LineEditor(std::string prompt) : prompt_(std::move(prompt)) {
  terminal_ = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (!terminal_) return;
  struct sigaction action {};
  action.sa_handler = note_stop;  // without SA_RESTART: it ends a read
  ::sigaction(SIGINT, &action, nullptr);
  const char* term = std::getenv("TERM");
  if (term != nullptr && *term != '\0' && std::string_view(term) != "dumb") editor_ = std::make_unique<Editor>(prompt_);
}

LineEditor::~LineEditor() {
  if (terminal_) std::signal(SIGINT, SIG_DFL);
}

Line LineEditor::read(std::string& line) {
  if (editor_) editor_->prepare();
  if (stopped != 0) {  // during the answer
    stopped = 0;
    if (editor_) editor_->leave();
    return Line::stopped;
  }
  if (editor_) return editor_->read(line);
  if (terminal_) {
    std::fputs(prompt_.c_str(), stdout);
    std::fflush(stdout);
  }
  return read_plain(line);
}

Line LineEditor::read_plain(std::string& line) {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = rest_.find('\n', searched);
    if (end != std::string::npos || (at_end_ && !rest_.empty())) {
      line = rest_.substr(0, end);
      rest_.erase(0, end == std::string::npos ? end : end + 1);
      return Line::read;
    }
    if (at_end_) return Line::end;
    searched = rest_.size();
    if (!input_before_stop()) {
      stopped = 0;
      rest_.clear();
      std::fputs("\n", stdout);
      return Line::stopped;
    }
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    ETHREED_CHECK(got >= 0, "standard input cannot be read: {}", std::strerror(errno));
    rest_.append(bytes.data(), static_cast<std::size_t>(got));
    at_end_ = got == 0;
  }
}

}  // namespace ethreed
