#pragma once
// Records of comma-separated text and its kin: where they end, what their fields are, and whether quotation marks
// belong to the format or to the text. For TableReader.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// How often something was met, and where first.
struct Tally {
  std::int64_t count = 0;
  std::int64_t first_line = 0;
  void add(std::int64_t line) {
    if (count++ == 0) first_line = line;
  }
};

struct Dialect {
  char delimiter = ',';
  char line_end = '\n';  ///< '\r' where the file has no '\n' at all; before '\n', one '\r' belongs to the line's end
  bool quoted = false;   ///< a field that begins with a quotation mark is quoted, as RFC 4180 has it
};

/// One field as it stands in the file.
struct RawField {
  std::string_view text;  ///< without the quotation marks around it
  bool quoted = false;    ///< had quotation marks around it
  bool doubled = false;   ///< quoted, and has doubled quotation marks inside
};

struct RawRecord {
  std::vector<RawField> fields;
  std::size_t bytes = 0;      ///< with its line's end
  std::int64_t lines = 0;     ///< of the file
  std::size_t malformed = 0;  ///< fields that begin with a quotation mark and are not quoted: read as they are
  std::size_t bare = 0;       ///< other fields with quotation marks in them
};

/// The longest record that is read, in bytes; a longer one is another kind of file.
inline constexpr std::size_t largest_record = std::size_t{64} << 20;

/// Reads the record at the beginning of `rest`, which is not empty. A quotation mark that opens a field ends with the
/// next one that is not doubled, which must stand before a delimiter, a line's end or the file's; otherwise the field
/// is read as it is, up to the next delimiter or line's end. Linear in the record and, where a quotation mark is never
/// closed, in what follows up to the next one. False if the record is longer than largest_record.
bool read_record(std::string_view rest, const Dialect& dialect, RawRecord& record);

/// The text of a quoted field: doubled quotation marks become one.
std::string undouble(std::string_view text);

/// The delimiter that the first line has most often outside quotation marks, of comma, tab and semicolon; comma where
/// it has none.
char delimiter_of(std::string_view header);

/// Whether a row may have one field more than the header, whose line is given as it stands in the file.
using SpareField = bool (*)(std::string_view header, std::span<const RawField> fields);

struct Quoting {
  bool quoted = false;  ///< quotation marks are the format's
  /// Records that quoted fields make of several lines each of which would do as a row: read as one row if `quoted`,
  /// else as many. Counted where this was open; lines from 1 on.
  Tally several_lines;
};

/// Whether quotation marks are the format's. Both readings of the whole file are compared: the one that gives fewer
/// rows of a wrong width wins. Where they are equal, quoting is the format's unless something speaks against it:
/// quotation marks that no writer of quoted fields leaves (in the middle of an unquoted field, or malformed), or quoted
/// fields over several lines each of which would do as a row. These are outweighed by a quoted header, by first columns
/// that are quoted, by doubled quotation marks in quoted fields and, where such lines alone speak against it, by quoted
/// fields of one line in most rows.
Quoting quoting_of(std::string_view file, Dialect dialect, SpareField spare);

}  // namespace ethreed
