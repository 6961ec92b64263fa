#include "tools/ethreed/result_table.h"

#include <fmt/ranges.h>

#include <string_view>

namespace ethreed {

namespace {

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

std::string ResultTable::markdown() const {
  std::string text = "| " + joined(headings, " | ", markdown_cell) + " |\n|";
  for (std::size_t i = 0; i < headings.size(); ++i) text += i < text_columns ? "---|" : "---:|";
  text += '\n';
  for (const auto& row : rows) text += "| " + joined(row, " | ", markdown_cell) + " |\n";
  return text;
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
