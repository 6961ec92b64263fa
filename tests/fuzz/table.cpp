// Tables in every format. The first byte of the input chooses the format; a delimited table that was read is written
// with every field quoted and must read back as the same rows.

#include "model/text/table_reader.h"

#include "core/error.h"
#include "model/text/utf8.h"
#include "tests/fuzz/target.h"

#include <algorithm>

using namespace ethreed;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(TableReader& table) {
  Rows rows;
  std::int64_t line = 0;
  while (table.next()) {
    fuzz::require(table.line() >= std::max<std::int64_t>(line, 1), "rows begin in order");  // of JSON several on a line
    line = table.line();
    std::vector<std::string>& row = rows.emplace_back();
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      fuzz::require(is_utf8(table.field(c)), "a field is UTF-8");
      row.emplace_back(table.field(c));
    }
  }
  fuzz::require(static_cast<std::int64_t>(rows.size()) == table.rows(), "rows are counted");
  return rows;
}

void write_quoted(const std::vector<std::string>& fields, std::string& out) {
  for (std::size_t c = 0; c < fields.size(); ++c) {
    out += c == 0 ? "\"" : ",\"";
    for (const char byte : fields[c]) out.append(byte == '"' ? 2 : 1, byte);
    out += '"';
  }
  out += '\n';
}

}  // namespace

ETHREED_FUZZ_TARGET(table) {
  static const fuzz::InputFile file("table.dat"), written("table.csv");
  TableOptions options;
  switch (input.empty() ? ' ' : input[0]) {
    case 'j': options.format = TableFormat::json; break;
    case 'l': options.format = TableFormat::lines; break;
    case 't': options.delimiter = '\t'; break;
    case 'd': options.format = TableFormat::delimited; break;
    default: break;
  }
  TableReader table(file.hold(input.substr(std::min<std::size_t>(1, input.size()))), options);
  const Rows rows = rows_of(table);
  if (table.format() != TableFormat::delimited) return;
  std::string text;
  write_quoted(table.columns(), text);
  for (const std::vector<std::string>& row : rows) write_quoted(row, text);
  TableReader again(written.hold(text), {.format = TableFormat::delimited, .delimiter = ','});
  fuzz::require(again.columns() == table.columns(), "columns read back as written");
  fuzz::require(rows_of(again) == rows, "rows read back as written");
}
