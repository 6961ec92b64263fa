#pragma once
// Text files line by line, with the place for error messages.

#include "core/error.h"
#include "core/mapped_file.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ethreed {

/// Lines of a mapped file, without their ends ("\n" or "\r\n") and without a byte order mark. Views live as long as the
/// reader.
class LineReader {
 public:
  /// Throws Error if the file cannot be read.
  explicit LineReader(const std::filesystem::path& path) : path_(path.string()), file_(path), rest_(file_.text()) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }
  /// False at the end of the file.
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    ++number_;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
  }
  /// The number of the line last read, from 1.
  std::int64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  /// "file:line" of the line last read.
  std::string place() const { return fmt::format("{}:{}", path_, number_); }

 private:
  std::string path_;
  MappedFile file_;
  std::string_view rest_;
  std::int64_t number_ = 0;
};

/// A piece of a file as an error message quotes it: without control characters and not longer than a message can take
/// (a file that is no text at all may be one long line).
inline std::string excerpt(std::string_view text) {
  constexpr std::size_t most = 120;
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  std::size_t end = std::min(most, text.size());
  for (int i = 0; i < 3 && end < text.size() && end > 0 && continues(end); ++i) --end;  // no half character
  std::string out(text.substr(0, end));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = ' ';
  return text.size() > end ? out + "…" : out;
}

/// Without ASCII's white space at both ends.
inline std::string_view strip(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// The whole of `text` as a decimal number, or nothing.
template <class T>
requires std::integral<T> || std::floating_point<T> std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace ethreed
