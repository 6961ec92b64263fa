#include "model/encoders/folder_files.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"

#include <nlohmann/json.hpp>

#include <array>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::array tokenizer_files{"tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json",
                                     "merges.txt"};

}  // namespace

void copy_whole(const fs::path& from, const fs::path& to) {
  if (fs::exists(to) && fs::equivalent(from, to)) return;
  AtomicFile file(to);
  file.write(MappedFile(from).bytes());
  file.commit();
}

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  for (const char* name : tokenizer_files)
    if (fs::is_regular_file(from / name)) copy_whole(from / name, to / name);
}

SubwordTokenizer open_tokenizer(const fs::path& folder, const EncoderConfig& config) {
  SubwordTokenizer tokenizer = SubwordTokenizer::open(folder);
  ETHREED_CHECK(tokenizer.size() <= config.vocabulary,
                "{}: the tokenizer has {} tokens, config.json says {}; they are of different models", folder.string(),
                tokenizer.size(), config.vocabulary);
  return tokenizer;
}

std::string config_with_dtype(const fs::path& folder, std::string_view dtype) {
  const fs::path path = folder / "config.json";
  const MappedFile file(path);
  Json json = parse_json<Json>(file.text(), path.string(), "check the file");
  bool same = true;
  for (const char* key : {"torch_dtype", "dtype"}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_string() || found->get_ref<const std::string&>() == dtype) continue;
    *found = std::string(dtype);
    same = false;
  }
  return same ? std::string(file.text()) : json.dump(2) + "\n";
}

}  // namespace ethreed
