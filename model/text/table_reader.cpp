#include "model/text/table_reader.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/utf8.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace ethreed {

namespace {

constexpr std::size_t most_columns = 10'000;

// How a column's name is compared where no column has exactly that name.
std::string forgiving(std::string_view name) {
  std::string out(strip(name));
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

TableFormat format_of(const std::filesystem::path& path, std::string_view text) {
  const std::string extension = forgiving(path.extension().string());
  if (extension == ".jsonl" || extension == ".ndjson" || extension == ".json") return TableFormat::json;
  const std::string_view content = strip(text.substr(0, 4096));
  const bool json = content.starts_with('{') || content.starts_with("[{") ||
                    (content.starts_with('[') && strip(content.substr(1)).starts_with('{'));
  return json ? TableFormat::json : TableFormat::delimited;
}

void check_is_text(const std::string& path, std::string_view text) {
  const auto refuse = [&](std::string_view what, std::string_view advice) {
    fail("{}: the file is {}, wanted text; {}", path, what, advice);
  };
  if (text.starts_with("\x1F\x8B")) refuse("compressed by gzip", "unpack it first");
  if (text.starts_with("PK\x03\x04")) refuse("a zip archive (or a spreadsheet)", "unpack it, or save it as CSV");
  const bool utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  const std::string_view head = text.substr(0, 4096);
  if (utf16 || 4 * std::count(head.begin(), head.end(), '\0') > static_cast<std::ptrdiff_t>(head.size()))
    refuse(utf16 ? "UTF-16" : "mostly NUL bytes (UTF-16, or no text at all)", "save it as UTF-8");
}

}  // namespace

char parse_delimiter(std::string_view name) {
  if (name == "comma") return ',';
  if (name == "tab" || name == "\\t" || name == "\t") return '\t';
  if (name == "semicolon") return ';';
  const bool good = name.size() == 1 && std::ispunct(static_cast<unsigned char>(name[0])) != 0 && name[0] != '"';
  ETHREED_CHECK(good, "the delimiter is '{}', wanted comma, tab, semicolon or one mark such as '|'", excerpt(name));
  return name[0];
}

TableReader::TableReader(const std::filesystem::path& path, TableOptions options)
    : path_(path.string()), options_(options), format_(options.format), file_(path), text_(file_.text()) {
  check_is_text(path_, text_);
  if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  if (format_ == TableFormat::automatic) format_ = format_of(path, text_);
  dialect_.line_end = text_.find('\n') == std::string_view::npos ? '\r' : '\n';
  const Utf8Count count = count_utf8(text_);
  latin_file_ = count.broken_bytes > count.characters;
  switch (format_) {
    case TableFormat::json: read_keys(); break;
    case TableFormat::lines: columns_.emplace_back(options_.column_of_lines); break;
    default: read_header();
  }
  kept_.resize(columns_.size());
  fields_.resize(columns_.size());
  present_.assign(columns_.size(), true);
  nested_.assign(columns_.size(), false);
}

std::string TableReader::place() const { return fmt::format("{}:{}", path_, line_); }

std::optional<std::size_t> TableReader::find(std::string_view name) const {
  std::optional<std::size_t> found;
  const auto search = [&](auto same) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (!same(columns_[c])) continue;
      ETHREED_CHECK(!found, "{}: two columns are called '{}'; rename one", path_, excerpt(name));
      found = c;
    }
  };
  search([&](const std::string& column) { return column == name; });
  if (!found) search([&, wanted = forgiving(name)](const std::string& column) { return forgiving(column) == wanted; });
  return found;
}

std::size_t TableReader::column(std::string_view name) const {
  const std::optional<std::size_t> found = find(name);
  if (found) return *found;
  if (format_ == TableFormat::json)
    fail("{}: no object has the key '{}'; the keys are '{}'", path_, name,
         excerpt(fmt::format("{}", fmt::join(columns_, "', '"))));
  fail(
      "{}:{}: no column '{}' in the header '{}' (separated by {}); name the columns in the first line, and the "
      "delimiter where it is another",
      path_, line_, name,
      excerpt(fmt::format("{}",
                          fmt::join(columns_, std::string(1, dialect_.delimiter == '\t' ? ' ' : dialect_.delimiter)))),
      dialect_.delimiter == '\t' ? "tabs" : fmt::format("'{}'", dialect_.delimiter));
}

void TableReader::read_header() {
  // Blank lines may stand before the header.
  while (!text_.empty()) {
    const std::size_t end = std::min(text_.find(dialect_.line_end), text_.size());
    if (!strip(text_.substr(0, end)).empty()) break;
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++next_line_;
  }
  // Some spreadsheets write the delimiter in a line before the header.
  std::optional<char> delimiter = options_.delimiter;
  if (text_.starts_with("sep=") && text_.size() > 5 && (text_[5] == '\r' || text_[5] == dialect_.line_end)) {
    if (!delimiter) delimiter = text_[4];
    text_.remove_prefix(std::min(text_.find(dialect_.line_end) + 1, text_.size()));
    ++next_line_;
  }
  ETHREED_CHECK(!text_.empty(), "{}: the file is empty; its first line names the columns", path_);
  const std::string_view first = text_.substr(0, std::min(text_.find(dialect_.line_end), text_.size()));
  dialect_.delimiter = delimiter.value_or(delimiter_of(first.substr(0, largest_record)));
  Quoting quoting = quoting_of(text_, dialect_, options_.spare);
  if (quoting.several_lines.count > 0) quoting.several_lines.first_line += next_line_ - 1;
  dialect_.quoted = notes_.quoted = quoting.quoted;
  (quoting.quoted ? notes_.joined : notes_.apart) = quoting.several_lines;
  line_ = next_line_;
  ETHREED_CHECK(read_record(text_, dialect_, record_), "{}: the header is longer than {} MiB; this is no table of text",
                place(), largest_record >> 20);
  ETHREED_CHECK(record_.fields.size() <= most_columns, "{}: the header has {} columns, wanted at most {}", place(),
                record_.fields.size(), most_columns);
  for (const RawField& field : record_.fields) {
    std::string keep = field.doubled ? undouble(field.text) : std::string(field.text);
    columns_.emplace_back(strip(as_utf8(keep, line_text_)));
  }
  header_ = text_.substr(0, record_.bytes);
  text_.remove_prefix(record_.bytes);
  next_line_ += record_.lines;
}

bool TableReader::next() {
  row_is_latin_ = row_is_broken_ = row_has_nul_ = false;
  const bool more = format_ == TableFormat::json    ? next_object()
                    : format_ == TableFormat::lines ? next_line()
                                                    : next_record();
  if (more) finish_row();
  return more;
}

bool TableReader::next_record() {
  while (!text_.empty()) {
    line_ = next_line_;
    ETHREED_CHECK(read_record(text_, dialect_, record_), "{}: the row is longer than {} MiB; {}", place(),
                  largest_record >> 20,
                  dialect_.quoted ? "close the quotation mark that opens in it" : "this is no table of text");
    text_.remove_prefix(record_.bytes);
    next_line_ += record_.lines;
    if (std::all_of(record_.fields.begin(), record_.fields.end(),
                    [](const RawField& field) { return strip(field.text).empty(); })) {
      if (options_.keep_blank && (record_.fields.size() > 1 || columns_.size() == 1)) {
        fields_.assign(columns_.size(), {});
        return true;
      }
      note_blank();
      continue;
    }
    const std::size_t got = record_.fields.size(), wanted = columns_.size();
    const bool spare = got == wanted + 1 && options_.spare != nullptr && options_.spare(header_, record_.fields);
    ETHREED_CHECK(got == wanted || spare, "{}: got {} columns, wanted {} as in the header; {}", place(), got, wanted,
                  dialect_.quoted ? "put a text that holds a delimiter, a line's end or a quotation mark in quotation "
                                    "marks, and double those "
                                    "inside"
                                  : "a comma inside a text is written _comma_, or the text is put in quotation marks");
    if (spare) notes_.spare.add(line_);
    if (record_.malformed > 0) notes_.malformed.add(line_);
    for (std::size_t c = 0; c < wanted; ++c) {
      std::string_view text = record_.fields[c].text;
      if (record_.fields[c].doubled) text = kept_[c] = undouble(text);
      put(c, text);
    }
    return true;
  }
  return false;
}

bool TableReader::next_line() {
  while (!text_.empty()) {
    line_ = next_line_++;
    const std::size_t end = std::min(text_.find(dialect_.line_end), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ETHREED_CHECK(line.size() <= largest_record, "{}: the line is longer than {} MiB; this is no text", place(),
                  largest_record >> 20);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (strip(line).empty() && !options_.keep_blank) {
      note_blank();
      continue;
    }
    put(0, line);
    return true;
  }
  return false;
}

void TableReader::put(std::size_t column, std::string_view text) {
  row_has_nul_ |= text.find('\0') != std::string_view::npos;
  fields_[column] = as_utf8(text, kept_[column]);
}

// `text` itself, or a conversion that `keep` holds; `text` may view `keep`.
std::string_view TableReader::as_utf8(std::string_view text, std::string& keep) {
  if (is_utf8(text)) return text;
  (latin_file_ ? row_is_latin_ : row_is_broken_) = true;
  std::string converted = latin_file_ ? from_windows_1252(text) : replace_broken(text);
  keep = std::move(converted);
  return keep;
}

void TableReader::note_blank() {
  if (blanks_since_row_++ == 0) first_blank_ = line_;
}

void TableReader::finish_row() {
  ++rows_;
  if (row_is_latin_) notes_.latin.add(line_);
  if (row_is_broken_) notes_.broken.add(line_);
  if (row_has_nul_) notes_.nul.add(line_);
  if (blanks_since_row_ == 0) return;  // those at the end of the file are not worth a word
  if (notes_.blank.count == 0) notes_.blank.first_line = first_blank_;
  notes_.blank.count += blanks_since_row_;
  blanks_since_row_ = 0;
}

}  // namespace ethreed
