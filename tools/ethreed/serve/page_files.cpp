#include "tools/ethreed/serve/page_files.h"

#include <algorithm>
#include <array>

namespace ethreed {

// Made by cmake/embed_files.cmake.
extern const std::string_view serve_page_html, serve_page_css, serve_page_js, serve_page_icon, serve_openapi_json;

const PageFile* find_page_file(std::string_view path) {
  static const std::array<PageFile, 5> files{{{"/", "text/html; charset=utf-8", serve_page_html},
                                              {"/page.css", "text/css; charset=utf-8", serve_page_css},
                                              {"/page.js", "text/javascript; charset=utf-8", serve_page_js},
                                              {"/icon.svg", "image/svg+xml", serve_page_icon},
                                              {"/openapi.json", "application/json", serve_openapi_json}}};
  const auto* place = std::find_if(files.begin(), files.end(), [&](const PageFile& file) { return file.path == path; });
  return place == files.end() ? nullptr : place;
}

}  // namespace ethreed
