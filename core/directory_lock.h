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
  /// Does a process hold it now? False where there is no such folder.
  static bool is_held(const std::filesystem::path& directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace ethreed
