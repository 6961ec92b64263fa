#pragma once
// Tables of text cells, for a terminal and for Markdown.

#include <cstddef>
#include <string>
#include <vector>

namespace ethreed {

/// Rows of one width; the first is the header.
using Cells = std::vector<std::vector<std::string>>;

/// Columns with two blanks between, the first `names` of them to the left, the others to the right.
std::string aligned(const Cells& rows, std::size_t names);

/// The same as a Markdown table.
std::string as_markdown(const Cells& rows, std::size_t names);

}  // namespace ethreed
