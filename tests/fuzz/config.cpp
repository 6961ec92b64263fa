// Configuration files: JSON, then a model and a recipe out of it.

#include "model/interface/run_config.h"
#include "tests/fuzz/target.h"

#include <nlohmann/json.hpp>

using namespace ethreed;

ETHREED_FUZZ_TARGET(config) {
  static const fuzz::InputFile file("config.json");
  const nlohmann::json keys = read_json_file(file.hold(input).string());
  const ConfigPatch patch{.keys = &keys, .source = "config.json"};
  const RunConfig config = make_run_config("", nullptr, {&patch, 1});
  // What was accepted is written and read back as the same.
  const nlohmann::json written = to_json(config);
  const ConfigPatch again{.keys = &written, .source = "written"};
  fuzz::require(to_json(make_run_config("", nullptr, {&again, 1})) == written, "a configuration reads back as written");
}
