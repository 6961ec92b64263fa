#include "tools/ethreed/text_table.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace ethreed {

namespace {

// Columns on a screen, of text with characters of one column each.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

template <class Cell> std::string joined(const std::vector<std::string>& cells, const char* separator, Cell cell) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : separator) + cell(cells[i]);
  return line;
}

std::string replaced(const std::string& text,
                     std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    std::string_view piece(text.data() + i, 1);
    for (const auto& [from, to] : all)
      if (std::string_view(text).substr(i).starts_with(from)) {
        piece = to;
        length = from.size();
        break;
      }
    out += piece;
    i += length;
  }
  return out;
}

std::string markdown_cell(const std::string& text) { return replaced(text, {{"|", "\\|"}, {"\n", " "}}); }

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return '"' + replaced(text, {{"\"", "\"\""}}) + '"';
}

std::string latex_cell(const std::string& text) {
  return replaced(text, {{"±", "$\\pm$"},
                         {"–", "--"},
                         {"†", "$\\dagger$"},
                         {"\\", "\\textbackslash{}"},
                         {"&", "\\&"},
                         {"%", "\\%"},
                         {"$", "\\$"},
                         {"#", "\\#"},
                         {"_", "\\_"},
                         {"{", "\\{"},
                         {"}", "\\}"},
                         {"~", "\\textasciitilde{}"},
                         {"^", "\\textasciicircum{}"},
                         {"\n", " "}});
}

}  // namespace

std::string aligned(const Cells& rows, std::size_t names) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - width_of(row[c]), ' ');
      line += (c < names ? row[c] + pad : pad + row[c]) + "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string as_markdown(const Cells& rows, std::size_t names) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += "| " + joined(rows[r], " | ", markdown_cell) + " |\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < rows[0].size(); ++c) out += c < names ? "|---" : "|---:";
    out += "|\n";
  }
  return out;
}

std::string ResultTable::markdown() const {
  Cells all{headings};
  all.insert(all.end(), rows.begin(), rows.end());
  return as_markdown(all, text_columns);
}

std::string ResultTable::csv() const {
  std::string text = joined(headings, ",", csv_cell) + "\n";
  for (const auto& row : rows) text += joined(row, ",", csv_cell) + "\n";
  return text;
}

std::string ResultTable::latex() const {
  std::string text = "\\begin{tabular}{";
  for (std::size_t i = 0; i < headings.size(); ++i) text += i < text_columns ? 'l' : 'r';
  text += "}\n\\hline\n" + joined(headings, " & ", latex_cell) + " \\\\\n\\hline\n";
  for (const auto& row : rows) text += joined(row, " & ", latex_cell) + " \\\\\n";
  return text + "\\hline\n\\end{tabular}\n";
}

}  // namespace ethreed
