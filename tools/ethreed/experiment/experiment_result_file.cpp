#include "tools/ethreed/experiment/experiment_result_file.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mapped_file.h"

#include <nlohmann/json.hpp>

#include <string>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* own_key = "fingerprint";
constexpr const char* dialogues_key = "dialogues_fingerprint";
constexpr const char* advice = "remove it, and the run is evaluated again";

std::string fingerprint_of_file(const fs::path& path) { return Fingerprint().add(MappedFile(path).text()).text(); }

// Of a result without its own fingerprint: of its values, not of how they are set.
std::string fingerprint_of(const Json& result) { return Fingerprint().add(result.dump()).text(); }

void check_unchanged(const fs::path& path, const std::string& now, const Json& then) {
  ETHREED_CHECK(then == now,
                "{}: was changed after it was written (its fingerprint is {}, was {}); put back what was there, or {}",
                path.string(), now, shown(then), advice);
}

}  // namespace

void write_result_file(Json result, const fs::path& path, const fs::path& dialogues) {
  result[dialogues_key] = fingerprint_of_file(dialogues);
  result[own_key] = fingerprint_of(result);
  write_text_atomically(path, result.dump(2) + "\n");
}

Json read_result_file(const fs::path& path, const fs::path& dialogues) {
  Json result = parse_json<Json>(MappedFile(path).text(), path.string(), advice);
  ETHREED_CHECK(result.is_object(), "{}: damaged (it is no object); {}", path.string(), advice);
  if (!result.contains(own_key)) return result;
  const Json own = result[own_key];
  result.erase(own_key);
  check_unchanged(path, fingerprint_of(result), own);
  check_unchanged(dialogues, fingerprint_of_file(dialogues), result.value(dialogues_key, Json()));
  return result;
}

}  // namespace ethreed
