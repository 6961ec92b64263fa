#pragma once
// The page of a report: one file that opens without network or any other file.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace ethreed {

/// The page that shows `data`, with the files of tools/ethreed/report/page and the library that draws charts, which
/// CMake puts into the program. Nothing in `data` can end the block that it stands in, whatever it holds.
std::string report_page(const nlohmann::ordered_json& data, std::string_view title);

}  // namespace ethreed
