#include "model/encoders/import_record.h"

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "model/subwords/json_part.h"

#include <charconv>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr int known_format = 1;

std::uint32_t sum_of(const fs::path& path) { return crc32c(MappedFile(path).bytes()); }

std::uint32_t sum_from(const JsonPart& sums, const std::string& name, const nlohmann::json& value) {
  constexpr std::size_t digits = 8;
  const std::string text = sums.text_of(value, name);
  std::uint32_t sum = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sum, 16);
  ETHREED_CHECK(text.size() == digits && error == std::errc() && end == text.data() + digits,
                "{}: '{}' has '{}', wanted eight digits; the file is damaged", sums.source(), cut_text(name),
                cut_text(text));
  return sum;
}

ImportRecord record_of(const nlohmann::json& value, const std::string& source) {
  JsonPart json(value, source);
  json.number("format", known_format, known_format);
  ImportRecord record;
  const nlohmann::json& passed_over = json.at("passed_over");
  ETHREED_CHECK(passed_over.is_array(), "{}: 'passed_over' is {}, wanted a list of names", source, shown(passed_over));
  for (const nlohmann::json& name : passed_over) record.passed_over.push_back(json.text_of(name, "passed_over"));
  const JsonPart sums = json.part("crc32c");
  for (const auto& [name, sum] : json.at("crc32c").items()) {
    ETHREED_CHECK(!name.starts_with('.') && fs::path(name).filename() == name,
                  "{}: '{}' is no name of a file; the file is damaged", sums.source(), cut_text(name));
    record.files[name] = sum_from(sums, name, sum);
  }
  for (const char* name : {"config.json", "model.safetensors"})
    ETHREED_CHECK(record.files.contains(name), "{}: has no '{}'; the file is damaged", sums.source(), name);
  return record;
}

}  // namespace

void ImportRecord::write(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = sum_of(entry.path());
  nlohmann::ordered_json json{{"format", known_format},
                              {"source", {{"file", "model.safetensors"}, {"bytes", source_bytes}, {"dtypes", dtypes}}},
                              {"family", family},
                              {"head", head},
                              {"tensors", tensors},
                              {"parameters", parameters},
                              {"passed_over", passed_over}};
  for (const auto& [name, sum] : files) json["crc32c"][name] = fmt::format("{:08x}", sum);
  write_text_atomically(folder / file_name, json.dump(1) + "\n");
}

std::optional<ImportRecord> ImportRecord::read_checked(const fs::path& folder) {
  const fs::path path = folder / file_name;
  if (!fs::is_regular_file(path)) return std::nullopt;
  const auto json =
      parse_json<nlohmann::json>(MappedFile(path).text(), path.string(), "the file is damaged, import anew");
  const ImportRecord record = record_of(json, path.string());
  for (const auto& [name, sum] : record.files) {
    const fs::path file = folder / name;
    ETHREED_CHECK(fs::is_regular_file(file), "{}: is not there, but {} names it; import anew", file.string(),
                  file_name);
    ETHREED_CHECK(sum_of(file) == sum,
                  "{}: was changed after it was imported; import anew, or remove {} if you meant the change",
                  file.string(), path.string());
  }
  return record;
}

}  // namespace ethreed
