#pragma once
// A table of texts in the forms that people paste elsewhere.

#include <string>
#include <vector>

namespace ethreed {

struct ResultTable {
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the headings
  std::size_t text_columns = 1;                ///< the first ones are texts; the others numbers, set to the right

  /// GitHub's Markdown.
  std::string markdown() const;
  /// RFC 4180.
  std::string csv() const;
  /// A tabular; ± becomes \pm, and what LaTeX would read as a command is escaped.
  std::string latex() const;
};

}  // namespace ethreed
