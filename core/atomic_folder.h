#pragma once
// Folders that exist whole or not at all.

#include <filesystem>

namespace ethreed {

/// Files are written to path(), the folder `<target>.tmp-<process id>`; commit() gives it the target's name in one
/// step. Until then there is no target, whatever goes wrong; the destructor of an object that was not committed removes
/// what was written. A process that is killed leaves the folder `.tmp-…`, which nothing reads.
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
  bool committed_ = false;
};

}  // namespace ethreed
