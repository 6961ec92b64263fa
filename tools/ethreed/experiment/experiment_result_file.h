#pragma once
// The file of one result of an experiment, and how a change of it, or of its dialogues, is found.

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace ethreed {

/// Writes a result with two fingerprints: of itself, and of the file of its dialogues, which must be there. Throws
/// Error if it cannot be written.
void write_result_file(nlohmann::ordered_json result, const std::filesystem::path& path,
                       const std::filesystem::path& dialogues);

/// Throws Error, naming the file, if it is damaged, or if it or its dialogues were changed after they were written.
/// That cannot be seen of a result without fingerprints, as older programs wrote them: it is taken as it is.
nlohmann::ordered_json read_result_file(const std::filesystem::path& path, const std::filesystem::path& dialogues);

}  // namespace ethreed
