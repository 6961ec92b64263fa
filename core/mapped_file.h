#pragma once
// A file as read-only memory.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace ethreed {

/// Maps a whole file for reading; the bytes live as long as this object (and keep their address when it is moved).
/// The mapping starts at a page boundary, so an offset that is a multiple of 8 is an aligned address.
/// A file that another program shortens while it is mapped ends the program (SIGBUS): files are replaced, not edited.
class MappedFile {
 public:
  MappedFile() = default;
  /// Throws Error if the file does not exist, is a directory or cannot be read.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  /// The same bytes, to write to: a page that is written becomes this object's own, the file stays as it is. Throws
  /// Error if the system does not allow it.
  std::byte* writable();
  /// The bytes up to the end of the last page: those behind the file's end are 0.
  std::size_t bytes_of_pages() const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ethreed
