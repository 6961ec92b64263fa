#pragma once
// Folders that exist whole or not at all.

#include <filesystem>

namespace ethreed {

/// Files are written to path(), the folder `<target>.tmp-<process id>`; commit() gives it the target's name in one
/// step. Until then there is no target, whatever goes wrong; the destructor of an object that was not committed removes
/// what was written. What a process that was killed left, the next one with the same target removes.
class AtomicFolder {
 public:
  /// Makes the folders above, too. Throws Error, naming what it holds, unless `target` is absent or an empty folder,
  /// and if the folder cannot be made.
  explicit AtomicFolder(const std::filesystem::path& target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  /// The files must be on disk: those of AtomicFile are. Throws Error if the target has been made meanwhile.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;  // of the temporary folder, marked as written
  bool committed_ = false;
};

}  // namespace ethreed
