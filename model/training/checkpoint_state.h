#pragma once
// state.json of a checkpoint: how far a run is, checked for what no run can be.

#include "model/training/checkpoint.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace ethreed {

/// Figures that do not exist or are not finite are null.
nlohmann::json state_to_json(const CheckpointInfo& info);

/// Fills info.progress and info.changes; info.config is there already. Throws Error naming `path` if something is
/// missing or cannot be: counters below 0, an end before the last epoch, a best epoch that is still to come, …
void read_state(const nlohmann::json& state, const std::filesystem::path& path, CheckpointInfo& info);

}  // namespace ethreed
