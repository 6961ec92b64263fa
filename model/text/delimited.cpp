#include "model/text/delimited.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

constexpr char mark = '"';

// Where the quoted field that opens at text[begin] closes: the place of the closing mark, or npos if it is malformed.
std::size_t closing_mark(std::string_view text, std::size_t begin, const Dialect& dialect, bool& doubled) {
  for (std::size_t i = begin + 1; i < text.size() && i <= largest_record; ++i) {
    i = text.find(mark, i);
    if (i == std::string_view::npos || i > largest_record) return std::string_view::npos;
    if (i + 1 < text.size() && text[i + 1] == mark) {
      doubled = true;
      ++i;
      continue;
    }
    const std::string_view after = text.substr(i + 1, 2);
    const bool ends = after.empty() || after[0] == dialect.delimiter || after[0] == dialect.line_end ||
                      (after[0] == '\r' && (after.size() == 1 || after[1] == '\n'));
    return ends ? i : std::string_view::npos;
  }
  return std::string_view::npos;
}

struct Census {
  std::int64_t rows = 0;
  std::int64_t wrong_width = 0;
  std::size_t malformed = 0;
  std::size_t bare = 0;
  std::size_t doubled = 0;
  Tally several_lines;            // records of several lines each of which would do as a row
  std::int64_t quoted_first = 0;  // other rows whose first field is quoted
  std::int64_t quoted_rows = 0;   // other rows with a quoted field
  bool quoted_header = false;
};

bool is_blank(const RawRecord& record) {
  return std::all_of(record.fields.begin(), record.fields.end(),
                     [](const RawField& field) { return field.text.find_first_not_of(" \t\r") == std::string::npos; });
}

// Whether a record has several lines each of which, but for blank ones, would be one of this width.
bool would_be_rows(std::string_view record, std::int64_t lines, Dialect dialect, std::size_t width) {
  if (lines < 2) return false;
  dialect.quoted = false;
  for (RawRecord line; !record.empty(); record.remove_prefix(line.bytes))
    if (!read_record(record, dialect, line) || (line.fields.size() != width && !is_blank(line))) return false;
  return true;
}

Census take_census(std::string_view file, const Dialect& dialect, SpareField spare) {
  Census census;
  std::size_t width = 0;
  std::string_view header_line;
  std::int64_t line = 1;
  for (RawRecord record; !file.empty(); file.remove_prefix(record.bytes), line += record.lines) {
    if (!read_record(file, dialect, record)) {
      ++census.wrong_width;
      break;
    }
    if (is_blank(record)) continue;
    const bool header = width == 0;
    if (header) {
      width = record.fields.size();
      header_line = file.substr(0, record.bytes);
    } else {
      ++census.rows;
    }
    const std::size_t fields = record.fields.size();
    census.wrong_width +=
        fields != width && !(spare != nullptr && fields == width + 1 && spare(header_line, record.fields));
    census.malformed += record.malformed;
    census.bare += record.bare;
    bool quoted = false;
    for (const RawField& field : record.fields) {
      census.doubled += field.doubled;
      quoted |= field.quoted;
    }
    census.quoted_header |= header && quoted;
    if (header) continue;
    if (would_be_rows(file.substr(0, record.bytes), record.lines, dialect, width)) {
      census.several_lines.add(line);
      continue;
    }
    census.quoted_first += record.fields.front().quoted;
    census.quoted_rows += quoted;
  }
  return census;
}

}  // namespace

bool read_record(std::string_view rest, const Dialect& dialect, RawRecord& record) {
  record.fields.clear();
  record.lines = 1;
  record.malformed = record.bare = 0;
  std::size_t i = 0;
  for (bool last = false; !last;) {
    RawField field;
    std::size_t end = std::string_view::npos;
    if (dialect.quoted && i < rest.size() && rest[i] == mark) {
      end = closing_mark(rest, i, dialect, field.doubled);
      if (end == std::string_view::npos) {
        ++record.malformed;
        field.doubled = false;
      } else {
        field.quoted = true;
        field.text = rest.substr(i + 1, end - i - 1);
        record.lines += std::count(field.text.begin(), field.text.end(), dialect.line_end);
        ++end;
      }
    }
    if (!field.quoted) {
      const std::array<char, 2> ends{dialect.delimiter, dialect.line_end};
      end = std::min(rest.find_first_of(std::string_view(ends.data(), ends.size()), i), rest.size());
      field.text = rest.substr(i, end - i);
      record.bare += field.text.find(mark, 1) != std::string_view::npos && field.text.front() != mark;
    } else if (rest.substr(end, 2) == "\r\n" || rest.substr(end) == "\r") {
      ++end;
    }
    last = end >= rest.size() || rest[end] == dialect.line_end;
    if (last && !field.quoted && dialect.line_end == '\n' && field.text.ends_with('\r')) field.text.remove_suffix(1);
    record.fields.push_back(field);
    i = std::min(end + 1, rest.size());
    if (i > largest_record) return false;
  }
  record.bytes = i;
  return true;
}

std::string undouble(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    i += text[i] == mark;  // in a quoted field, marks come in pairs
  }
  return out;
}

char delimiter_of(std::string_view header) {
  constexpr std::string_view candidates = ",\t;";
  std::array<std::size_t, candidates.size()> counts{};
  bool inside = false;
  for (const char c : header) {
    if (c == mark) inside = !inside;
    const std::size_t place = candidates.find(c);
    if (!inside && place != std::string_view::npos) ++counts[place];
  }
  return candidates[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

Quoting quoting_of(std::string_view file, Dialect dialect, SpareField spare) {
  if (file.find(mark) == std::string_view::npos) return {};
  dialect.quoted = false;
  const Census plain = take_census(file, dialect, spare);
  dialect.quoted = true;
  const Census quoted = take_census(file, dialect, spare);
  if (quoted.wrong_width > plain.wrong_width) return {};
  Quoting quoting{.quoted = true, .several_lines = quoted.several_lines};
  if (quoted.wrong_width < plain.wrong_width) return quoting;
  const bool clean = quoted.malformed + quoted.bare == 0;
  if (clean && quoted.several_lines.count == 0) return quoting;
  quoting.quoted = quoted.quoted_header || 2 * quoted.quoted_first > quoted.rows || quoted.doubled > quoted.malformed ||
                   (clean && 2 * quoted.quoted_rows > quoted.rows);
  if (!quoting.quoted && !clean) quoting.several_lines = {};  // other marks, too, show that the file is not quoted
  return quoting;
}

}  // namespace ethreed
