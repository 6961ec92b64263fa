#include "core/directory_lock.h"

#include "core/error.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ethreed {

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / ".lock";
  descriptor_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  ETHREED_CHECK(descriptor_ >= 0, "{}: cannot write there: {}; give a folder that can be written", directory.string(),
                std::strerror(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int reason = errno;
  ::close(descriptor_);
  ETHREED_CHECK(reason == EWOULDBLOCK, "{}: cannot be locked: {}", path.string(), std::strerror(reason));
  fail("{}: another process is training here; wait for it, stop it, or give another folder", directory.string());
}

bool DirectoryLock::is_held(const std::filesystem::path& directory) {
  const int descriptor = ::open((directory / ".lock").c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);  // lets go of it, too
  return held;
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

}  // namespace ethreed
