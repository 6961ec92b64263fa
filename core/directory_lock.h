#pragma once
// Keeps two processes from writing to one folder.

#include <filesystem>

namespace ethreed {

/// Holds `directory`/.lock for as long as it lives; the system lets go of it when the process ends, however it ends.
class DirectoryLock {
 public:
  /// Throws Error if another process holds the lock, or if the file cannot be made.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace ethreed
