#pragma once
// The report: Markdown for people, JSON for programs.

#include "tools/kernel_report/emulated_run.h"
#include "tools/kernel_report/ptx_run.h"
#include "tools/kernel_report/ptxas_log.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace ethreed::report {

struct Report {
  std::vector<CompiledKernel> compiled;
  EmulatedRun emulated;
  std::vector<PtxOfArchitecture> ptx;
};

/// How many kernels, counted for each architecture, spill.
int spilling_kernels(const Report& report);

void print_markdown(const Report& report);
nlohmann::json to_json(const Report& report);

}  // namespace ethreed::report
