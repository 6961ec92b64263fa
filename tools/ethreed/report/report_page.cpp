#include "tools/ethreed/report/report_page.h"

#include "core/error.h"
#include "tools/ethreed/html_text.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace ethreed {

// Made by cmake/embed_files.cmake.
extern const std::string_view report_page_html, report_page_css, report_page_js, report_chart_js;

namespace {

using Json = nlohmann::ordered_json;

// JSON that holds no character that HTML could take for an end or a beginning.
std::string embedded(const Json& data) {
  std::string out;
  for (const char c : data.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

std::string report_page(const Json& data, std::string_view title) {
  const std::array<std::pair<std::string_view, std::string>, 5> parts{{{"{{title}}", html_text(title)},
                                                                       {"{{style}}", std::string(report_page_css)},
                                                                       {"{{library}}", std::string(report_chart_js)},
                                                                       {"{{data}}", embedded(data)},
                                                                       {"{{script}}", std::string(report_page_js)}}};
  // From front to back, each place once: what is put in is not searched.
  std::string out;
  std::string_view rest = report_page_html;
  for (const auto& [place, text] : parts) {
    const std::size_t at = rest.find(place);
    ETHREED_ASSERT(at != std::string_view::npos);
    out.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + place.size());
  }
  return out.append(rest);
}

}  // namespace ethreed
