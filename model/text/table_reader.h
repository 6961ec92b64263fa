#pragma once
// Tables of text, row by row: comma-, tab- and semicolon-separated files, JSON Lines and arrays of JSON objects, plain
// lines. docs/data.md has the grammar.

#include "core/mapped_file.h"
#include "model/text/delimited.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

enum class TableFormat {
  automatic,  ///< json where the file begins with '{' or '[' or its name says so, else delimited
  delimited,  ///< a header, then one record a row; quoting is seen from the file
  json,       ///< one object a line, or one array of objects; their keys are the columns
  lines       ///< one row a line, with one column
};

struct TableOptions {
  TableFormat format = TableFormat::automatic;
  std::optional<char> delimiter = {};  ///< none: seen from the header, of comma, tab and semicolon
  SpareField spare = nullptr;          ///< whether a row may have one field more than the header; none: never
  bool keep_blank = false;  ///< rows without any text are handed out: a row of delimiters alone, and a blank line where
                            ///< there is one column
  std::string_view column_of_lines = "post";  ///< what the column is called where the format is `lines`
};

/// What a reader saw that its rows do not tell. Complete when next() has returned false.
struct TableNotes {
  Tally blank;      ///< lines or records without any text between rows: passed over
  Tally latin;      ///< rows read as Windows-1252 (Latin-1), as they are no UTF-8 and the file has more such bytes than
                    ///< characters of UTF-8 beyond ASCII
  Tally broken;     ///< rows with bytes that are no UTF-8, each read as U+FFFD
  Tally nul;        ///< rows with NUL bytes
  Tally spare;      ///< rows with a spare field
  Tally malformed;  ///< in a quoted file: rows with a field that begins with a quotation mark and is read as it is
  Tally joined;     ///< in a quoted file: rows of several lines each of which would do as a row
  Tally apart;  ///< in a file that is not: quotation marks that open a field in one line and close it in a later one
  bool quoted = false;  ///< quotation marks around fields were taken off
};

/// "tab", "comma", "semicolon", or one printable ASCII character that is no letter, digit, quotation mark or blank.
/// Throws Error for anything else.
char parse_delimiter(std::string_view name);

/// Reads a table row by row. Time is linear in the file's length, memory is that of the longest row (64 MiB at most; a
/// longer one is refused) besides the mapped file.
class TableReader {
 public:
  /// Throws Error if the file cannot be read, is compressed or UTF-16, has no header, or its JSON is broken.
  explicit TableReader(const std::filesystem::path& path, TableOptions options = {});

  /// All columns in the file's order; for JSON the keys of all objects.
  const std::vector<std::string>& columns() const { return columns_; }
  /// The column of this name: exactly so or, where none is, but for case and blanks around it. Throws Error if two
  /// columns have it.
  std::optional<std::size_t> find(std::string_view name) const;
  /// The same, or Error with the columns that there are.
  std::size_t column(std::string_view name) const;

  /// Reads the next row. False at the end. Throws Error (file:line) for a row of another width than the header, a row
  /// that is too long, and what is no JSON object.
  bool next();
  /// UTF-8 of a field of the row last read, until next() is called. Empty where a JSON object lacks the key or has
  /// null; the JSON text of numbers (as they are written), booleans, lists and objects.
  std::string_view field(std::size_t column) const { return fields_[column]; }
  /// Whether the row has the field at all: always, but in JSON.
  bool has(std::size_t column) const { return present_[column]; }
  /// Whether it is a JSON list or object.
  bool is_nested(std::size_t column) const { return nested_[column]; }
  /// Where the row last read begins, from 1; of the header before the first next().
  std::int64_t line() const { return line_; }
  std::string place() const;  ///< "file:line"
  std::int64_t rows() const { return rows_; }
  const std::string& path() const { return path_; }
  TableFormat format() const { return format_; }
  char delimiter() const { return dialect_.delimiter; }
  const TableNotes& notes() const { return notes_; }

 private:
  void read_header();
  void read_keys();
  bool next_record();
  bool next_object();
  bool next_line();
  void put(std::size_t column, std::string_view text);
  void note_blank();
  std::string_view as_utf8(std::string_view text, std::string& keep);
  bool take_object(std::string_view& object);
  void parse_object(std::string_view object, bool keys_only);
  void finish_row();

  std::string path_;
  TableOptions options_;
  TableFormat format_;
  MappedFile file_;
  std::string_view text_;  // what is not read yet
  std::string_view header_;
  Dialect dialect_;
  RawRecord record_;
  std::vector<std::string> columns_;
  std::unordered_map<std::string, std::size_t> places_;  // of JSON keys
  std::vector<std::string_view> fields_;
  std::vector<std::string> kept_;  // what fields_ view where the file's own bytes will not do
  std::vector<bool> present_, nested_;
  std::string line_text_;
  bool latin_file_ = false;
  bool array_ = false, array_open_ = false;
  bool row_is_latin_ = false, row_is_broken_ = false, row_has_nul_ = false;
  std::int64_t line_ = 0;
  std::int64_t next_line_ = 1;
  std::int64_t rows_ = 0;
  std::int64_t blanks_since_row_ = 0, first_blank_ = 0;
  TableNotes notes_;
};

}  // namespace ethreed
