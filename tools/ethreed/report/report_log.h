#pragma once
// The learning curves of a run, from its log.

#include <nlohmann/json_fwd.hpp>

#include <filesystem>

namespace ethreed {

/// log.csv as {"step": {"step": […], "loss_total": […], …}, "epoch": {…}, "changes": [{"step", "change"}…]}: columns of
/// numbers, null where a cell is empty or not finite; a column without a number is left out. Lines that are not whole
/// (a torn last one) are passed over. Null where there is no such file. Throws Error if it is no log.
nlohmann::ordered_json report_log(const std::filesystem::path& csv);

}  // namespace ethreed
