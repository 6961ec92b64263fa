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

bool is_temporary_of(std::string_view name, std::string_view target) {
  if (!name.starts_with(target) || !name.substr(target.size()).starts_with(mark)) return false;
  const std::string_view process = name.substr(target.size() + mark.size());
  return !process.empty() && std::all_of(process.begin(), process.end(), [](char c) { return c >= '0' && c <= '9'; });
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

void mark_as_written(int descriptor) noexcept { ::flock(descriptor, LOCK_EX | LOCK_NB); }

void remove_abandoned(const fs::path& target) noexcept {
  try {
    const std::string name = target.filename().string();
    const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder))
      if (is_temporary_of(entry.path().filename().string(), name) && is_abandoned(entry.path()))
        found.push_back(entry.path());
    std::error_code ignored;
    for (const fs::path& path : found) fs::remove_all(path, ignored);
  } catch (const std::exception&) {  // the folder cannot be read: whoever writes there will say so
  }
}

}  // namespace ethreed
