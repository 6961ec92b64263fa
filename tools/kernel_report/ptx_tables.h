#pragma once
// What run_ptx() found, as Markdown and as JSON.

#include "tools/kernel_report/ptx_run.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace ethreed::report {

void print_ptx(const std::vector<PtxOfArchitecture>& all);
nlohmann::json ptx_json(const std::vector<PtxOfArchitecture>& all);
/// What must not be: barriers of the grid that order no memory. Each with its kernel, architecture and line.
std::vector<std::string> ptx_faults(const std::vector<PtxOfArchitecture>& all);

}  // namespace ethreed::report
