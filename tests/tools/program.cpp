#include "tests/tools/program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ethreed {

namespace {

// A program under a sanitizer takes up to twenty times as long.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int patience = 20;
#else
constexpr int patience = 1;
#endif

[[noreturn]] void fail_to(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_to("pipe2");
  return ends;
}

// A file, not a pipe, so that a program that never reads its input cannot block the test or end it by SIGPIPE.
int input_descriptor(const std::string& input) {
  std::FILE* file = std::tmpfile();
  if (!file) fail_to("tmpfile");
  if (std::fwrite(input.data(), 1, input.size(), file) != input.size()) fail_to("fwrite");
  std::rewind(file);
  const int descriptor = ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 3);
  std::fclose(file);
  if (descriptor < 0) fail_to("fcntl");
  return descriptor;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, const ProgramOptions& options, int in, int out, int err) {
  const bool redirected =
      ::dup2(in, STDIN_FILENO) >= 0 && ::dup2(out, STDOUT_FILENO) >= 0 && ::dup2(err, STDERR_FILENO) >= 0;
  bool ready = redirected && (options.directory.empty() || ::chdir(options.directory.c_str()) == 0);
  if (ready && options.file_size_limit) {
    const rlimit limit{*options.file_size_limit, *options.file_size_limit};
    ready = ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
  }
  if (ready) ::execv(arguments[0], arguments);
  ::_exit(126);
}

// Appends what can be read now; closes the descriptor at the end of the file.
void drain(int& descriptor, std::string& text) {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    ::close(std::exchange(descriptor, -1));
  }
}

}  // namespace

Program::Program(const std::string& path, const std::vector<std::string>& arguments, const ProgramOptions& options)
    : deadline_(Clock::now() + patience * options.time_limit) {
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  const int in = input_descriptor(options.input);
  const auto [out_read, out_write] = make_pipe();
  const auto [err_read, err_write] = make_pipe();
  const int file = options.output.empty() ? -1 : ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (!options.output.empty() && file < 0) fail_to("open");
  process_ = ::fork();
  if (process_ < 0) fail_to("fork");
  if (process_ == 0) become(pointers.data(), options, in, file >= 0 ? file : out_write, err_write);
  for (const int descriptor : {in, out_write, err_write, file})
    if (descriptor >= 0) ::close(descriptor);
  out_ = out_read;
  err_ = err_read;
}

Program::~Program() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  for (const int descriptor : {out_, err_})
    if (descriptor >= 0) ::close(descriptor);
}

bool Program::read_some() {
  if (time_is_up() || (out_ < 0 && err_ < 0)) return false;
  std::array<pollfd, 2> watched{pollfd{.fd = out_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = err_, .events = POLLIN, .revents = 0}};
  if (::poll(watched.data(), watched.size(), 100) <= 0) return true;  // nothing yet
  if (watched[0].revents) drain(out_, outcome_.out);
  if (watched[1].revents) drain(err_, outcome_.err);
  return true;
}

bool Program::wait_for(std::string_view text) {
  while (outcome_.out.find(text) == std::string::npos)
    if (!read_some()) return false;
  return true;
}

void Program::send(int signal) const {
  if (process_ > 0) ::kill(process_, signal);
}

Outcome Program::finish() {
  while (read_some()) {
  }
  outcome_.timed_out = time_is_up();
  if (outcome_.timed_out) send(SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFEXITED(status)) outcome_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
  return std::move(outcome_);
}

Outcome run_program(const std::string& path, const std::vector<std::string>& arguments, const ProgramOptions& options) {
  return Program(path, arguments, options).finish();
}

}  // namespace ethreed
