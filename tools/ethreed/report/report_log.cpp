#include "tools/ethreed/report/report_log.h"

#include "core/error.h"
#include "core/printable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view last_column = "change";  // free text, which may hold commas

std::vector<std::string> fields_of(const std::string& line, std::size_t most) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == ',' && fields.size() < most)
      fields.emplace_back();
    else if (c != '\r')
      fields.back() += c;
  }
  return fields;
}

Json number_of(const std::string& cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool good = error == std::errc() && end == cell.data() + cell.size() && !cell.empty() && std::isfinite(value);
  return good ? Json(value) : Json();
}

}  // namespace

Json report_log(const std::filesystem::path& csv) {
  std::ifstream file(csv);
  if (!file) return {};
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> columns = fields_of(line, std::string::npos);
  const auto place = [&](std::string_view name) {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
  };
  const std::size_t kind = place("kind"), step = place("step");
  ETHREED_CHECK(kind < columns.size() && step < columns.size() && place("epoch") < columns.size(),
                "{}: is no log of a run: its first line has no columns kind, epoch and step; remove it, or give "
                "another run",
                csv.string());
  Json changes = Json::array();
  std::map<std::string, Json> tables{{"step", Json::object()}, {"epoch", Json::object()}};
  for (auto& [name, table] : tables)
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (c != kind && columns[c] != last_column) table[columns[c]] = Json::array();
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = fields_of(line, columns.size());
    if (cells.size() < columns.size()) continue;
    if (cells[kind] == last_column && columns.back() == last_column)
      changes.push_back({{"step", number_of(cells[step])}, {"change", printable(cells.back())}});
    const auto table = tables.find(cells[kind]);
    if (table == tables.end()) continue;
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (const auto column = table->second.find(columns[c]); column != table->second.end())
        column->push_back(number_of(cells[c]));
  }
  Json log = Json::object();
  for (const auto& [name, table] : tables) {
    log[name] = Json::object();
    for (const auto& [column, values] : table.items())
      if (std::any_of(values.begin(), values.end(), [](const Json& x) { return !x.is_null(); }))
        log[name][column] = values;
  }
  log["changes"] = std::move(changes);
  return log;
}

}  // namespace ethreed
