#include "tools/ethreed/run_folder.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"

#include <nlohmann/json.hpp>

#include <string>
#include <system_error>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* file_name = "run.json";

}  // namespace

RunFolder RunFolder::read(const fs::path& run) {
  RunFolder folder;
  const fs::path path = run / file_name;
  if (!fs::exists(path)) return folder;
  const char* advice = "remove it, and say where the data is with --data DIR";
  const Json json = parse_json<Json>(MappedFile(path).text(), path.string(), advice);
  try {
    folder.data = json.at("data").get<std::string>();
    folder.log_every = json.at("log_every").get<std::int64_t>();
    folder.save_every = json.at("save_every").get<std::int64_t>();
  } catch (const Json::exception& error) {
    fail("{}: damaged ({}); {}", path.string(), reason_of(error), advice);
  }
  ETHREED_CHECK(*folder.log_every >= 1 && *folder.save_every >= 0, "{}: an interval is out of range; {}", path.string(),
                advice);
  return folder;
}

void RunFolder::write(const fs::path& run) const {
  const Json json{{"data", data.string()}, {"log_every", log_every.value()}, {"save_every", save_every.value()}};
  // A path may hold bytes that are no UTF-8: such data is then named by --data.
  write_text_atomically(run / file_name, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

fs::path seen_from(const fs::path& run, const fs::path& path) {
  std::error_code error;
  fs::path relative = fs::relative(path, run, error);
  return error ? path : relative;
}

}  // namespace ethreed
