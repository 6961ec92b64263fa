#include "core/abandoned_files.h"

#include "core/error.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".tmp-";

// "a.txt" of "a.txt.tmp-12", nothing of other names.
std::string_view target_of(std::string_view name) {
  const std::size_t end = name.rfind(mark);
  if (end == std::string_view::npos) return {};
  const std::string_view process = name.substr(end + mark.size());
  const bool digits = std::all_of(process.begin(), process.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && !process.empty() ? name.substr(0, end) : std::string_view();
}

// Nobody else has the lock of it.
bool is_abandoned(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool free = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
  ::close(descriptor);
  return free;
}

}  // namespace

fs::path temporary_beside(const fs::path& target) {
  fs::path path = target;
  path += fmt::format("{}{}", mark, ::getpid());
  return path;
}

bool is_temporary(const fs::path& path) { return !target_of(path.filename().string()).empty(); }

void mark_as_written(int descriptor) noexcept { ::flock(descriptor, LOCK_EX | LOCK_NB); }

void remove_abandoned(const fs::path& target) noexcept {
  try {
    const std::string name = target.filename().string();
    const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder))
      if (target_of(entry.path().filename().string()) == name && is_abandoned(entry.path()))
        found.push_back(entry.path());
    std::error_code ignored;
    for (const fs::path& path : found) fs::remove_all(path, ignored);
  } catch (const std::exception&) {  // the folder cannot be read: whoever writes there will say so
  }
}

}  // namespace ethreed
