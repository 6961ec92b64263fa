#pragma once
// A folder that a command makes, writes to alone, and does not leave behind when it refuses its work.

#include "core/directory_lock.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// Throws Error if `path` cannot be the folder of an output: it is a file, it is the root folder, or what is above it
/// is a file or not writable. `option`: which one named it. Makes nothing.
void check_output_folder(const std::filesystem::path& path, const std::string& option = "--out");

/// Makes a folder and locks it (DirectoryLock).
class LockedFolder {
 public:
  /// Throws Error as check_output_folder and DirectoryLock do, and if the folder cannot be made.
  explicit LockedFolder(const std::filesystem::path& folder);
  /// Unless keep() was called, removes the folders that were made, the lowest one with all that is in it.
  ~LockedFolder();
  LockedFolder(const LockedFolder&) = delete;
  LockedFolder& operator=(const LockedFolder&) = delete;

  void keep() { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;  // from the lowest upwards
  std::optional<DirectoryLock> lock_;
};

}  // namespace ethreed
