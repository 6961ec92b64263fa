#pragma once
// Lines of a text file that may be packed by gzip or zip.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace ethreed {

/// Pieces of a file's text, unpacked where it is packed.
class TextPieces {
 public:
  virtual ~TextPieces() = default;
  /// The next bytes; empty at the end. Valid until the next call. Throws Error for a damaged file.
  virtual std::string_view next() = 0;
};

/// Lines, without their ends ("\n" or "\r\n") and without a byte order mark. Memory is that of the longest line (64 MiB
/// at most) and a buffer of 256 KiB, whatever a packed file unpacks to.
class PackedLines {
 public:
  /// Of a zip archive, the first member that is called .txt or .vec is read, or the first file where none is.
  /// Throws Error if the file cannot be read or unpacked.
  explicit PackedLines(const std::filesystem::path& path);
  ~PackedLines();

  /// False at the end; the view lives until the next call. Throws Error for a line that is too long or a damaged file.
  bool next(std::string_view& line);
  std::int64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  std::string place() const;  ///< "file:line", the member's name with it
  /// The member of a zip archive that is read, or empty.
  const std::string& member() const { return member_; }
  /// Other members that would do.
  int other_members() const { return other_members_; }
  /// The file's first bytes, unpacked: 4 KiB or all of it.
  std::string_view head() const { return head_; }

 private:
  std::string path_, member_;
  int other_members_ = 0;
  std::unique_ptr<TextPieces> pieces_;
  std::string head_;
  std::string_view piece_;
  std::string line_;  // where a line is spread over pieces
  std::int64_t number_ = 0;
  bool at_end_ = false;
};

}  // namespace ethreed
