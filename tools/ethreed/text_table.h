#pragma once
// Tables of texts, for a terminal and in the forms that people paste elsewhere.

#include <cstddef>
#include <string>
#include <vector>

namespace ethreed {

/// Rows of one width; the first is the header.
using Cells = std::vector<std::vector<std::string>>;

/// Columns with two blanks between, the first `names` of them to the left, the others to the right.
std::string aligned(const Cells& rows, std::size_t names);

/// The same as a table of GitHub's Markdown.
std::string as_markdown(const Cells& rows, std::size_t names);

/// Headings and rows apart.
struct ResultTable {
  std::vector<std::string> headings;
  Cells rows;                    ///< each as long as the headings
  std::size_t text_columns = 1;  ///< the first ones are texts; the others numbers, set to the right

  std::string markdown() const;
  /// RFC 4180.
  std::string csv() const;
  /// A tabular; ± becomes \pm, and what LaTeX would read as a command is escaped.
  std::string latex() const;
};

}  // namespace ethreed
