#pragma once
// What `ethreed import` says of a folder that it wrote: import.json.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

struct ImportRecord {
  static constexpr const char* file_name = "import.json";

  std::string family;               ///< "bert"
  std::string head;                 ///< "pooler": what stands on the encoder
  std::vector<std::string> dtypes;  ///< of the source's tensors: "F16"
  std::uintmax_t source_bytes = 0;  ///< of its model.safetensors
  std::int64_t tensors = 0, parameters = 0;
  std::vector<std::string> passed_over;        ///< tensors of the source that are not in the folder
  std::map<std::string, std::uint32_t> files;  ///< CRC-32C of every file of the folder but this one

  /// Takes the sums of all files that the folder has now, and writes import.json. Throws Error if that fails.
  void write(const std::filesystem::path& folder);
  /// Nothing where the folder has no import.json. Throws Error, naming the file, for one that is damaged, and for a
  /// file of the folder that is not there or was changed since. Of the numbers only `passed_over` and `files` are read.
  static std::optional<ImportRecord> read_checked(const std::filesystem::path& folder);
};

}  // namespace ethreed
