#include "tools/ethreed/experiment/child_process.h"

#include "core/error.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace ethreed {

namespace {

constexpr int could_not_start = 126;

// A file that is closed at the end of the scope.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    ETHREED_CHECK(descriptor_ >= 0, "{}: cannot be opened: {}; give another --out", path.string(),
                  std::strerror(errno));
  }
  ~Descriptor() { ::close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become_program(const char* program, char* const* arguments, pid_t parent,
                                 const std::array<int, 3>& streams) {
  bool ready = ::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && ::getppid() == parent;
  for (int stream = 0; stream < 3; ++stream)
    ready = ready && ::dup2(streams[static_cast<std::size_t>(stream)], stream) >= 0;
  if (ready) ::execv(program, arguments);
  ::_exit(could_not_start);
}

}  // namespace

std::string ChildEnd::text() const {
  return signal != 0 ? fmt::format("was ended by signal {}", signal) : fmt::format("ended with status {}", exit_code);
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                           const std::filesystem::path& output) {
  const Descriptor input("/dev/null", O_RDONLY), errors(log, O_WRONLY | O_CREAT | O_APPEND),
      out(output.empty() ? log : output, O_WRONLY | O_CREAT | (output.empty() ? O_APPEND : O_TRUNC));
  std::vector<std::string> words{"ethreed"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  process_ = ::fork();
  ETHREED_CHECK(process_ >= 0, "another process cannot be started: {}; give fewer --jobs", std::strerror(errno));
  if (process_ == 0) become_program("/proc/self/exe", pointers.data(), parent, {input.get(), out.get(), errors.get()});
}

ChildProcess::~ChildProcess() {
  if (process_ < 0) return;
  stop();
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
}

bool ChildProcess::ended() {
  if (process_ < 0) return true;
  int status = 0;
  if (::waitpid(process_, &status, WNOHANG) != process_) return false;
  process_ = -1;
  if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
  return true;
}

void ChildProcess::stop() {
  if (process_ > 0) ::kill(process_, SIGTERM);
}

}  // namespace ethreed
