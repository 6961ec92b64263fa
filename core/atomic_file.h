#pragma once
// Files that exist whole or not at all.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace ethreed {

/// Writes to `<path>.tmp-<process id>` in the same folder; commit() puts it in place of `path` in one step. Until then
/// `path` is what it was before, whatever goes wrong: on an error (disk full, folder not writable) and in the
/// destructor of an object that was not committed, the temporary file is removed; the one of a process that was killed
/// by the next writer of the path. One writer per path and process at a time. Of a symlink, the target is replaced. A
/// device, a pipe or a descriptor (/dev/stdout) is written into at once (core/output_place.h). All member functions
/// throw Error: one line with the path, the system's reason and what to do.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  AtomicFile& operator=(AtomicFile&&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Forces everything to disk. With several files that belong together: sync() all, then commit() all, so that a full
  /// disk is found out before the first one is replaced.
  void sync();
  /// sync(), close, rename onto the path, and force the folder's entry to disk. The object is spent afterwards.
  void commit();

 private:
  [[noreturn]] void give_up(std::string_view doing, int error);
  void discard() noexcept;

  std::filesystem::path path_;
  std::filesystem::path target_;     // without symlinks
  std::filesystem::path temporary_;  // empty: what is there is written into
  int descriptor_ = -1;
  bool synced_ = false;
};

/// The whole file at once.
void write_text_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace ethreed
