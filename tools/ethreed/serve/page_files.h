#pragma once
// The files of the page and the description of the interface, which are part of the program.

#include <string_view>

namespace ethreed {

struct PageFile {
  std::string_view path, type, content;
};
/// Null where there is none at this path.
const PageFile* find_page_file(std::string_view path);

}  // namespace ethreed
