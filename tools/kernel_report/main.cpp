// ethreed-kernel-report: what can be said of the CUDA kernels without a GPU. Run by tools/kernel_report.sh, which
// compiles them first. Exit status 0; 1: a kernel spills registers, a barrier of the grid orders no memory, or an
// error; 2: wrong arguments.

#include "tools/kernel_report/machine_code.h"
#include "tools/kernel_report/ptx_tables.h"
#include "tools/kernel_report/tables.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace ethreed::report;

struct Arguments {
  std::string logs, filter, json, ptx, cubins;
  std::vector<int> architectures;
  bool ptx_only = false;
};

int report_on(const Arguments& arguments) {
  Report report;
  if (!arguments.ptx_only) {
    report.compiled = read_ptxas_logs(arguments.logs);
    report.emulated = run_emulated(arguments.filter);
  }
  for (const int architecture : arguments.architectures) {
    PtxOfArchitecture& one = report.ptx.emplace_back(run_ptx(arguments.ptx, architecture, arguments.filter));
    const std::filesystem::path cubins = arguments.cubins + "/sm_" + std::to_string(architecture);
    if (std::filesystem::exists(cubins)) one.machine_instructions = machine_instructions(cubins);
  }
  arguments.ptx_only ? print_ptx(report.ptx) : print_markdown(report);
  if (!arguments.json.empty()) {
    std::ofstream file(arguments.json);
    file << to_json(report).dump(1) << '\n';
    if (!file.flush()) {
      fmt::print(stderr, "ethreed-kernel-report: cannot write {}\n", arguments.json);
      return 1;
    }
  }
  const int spills = spilling_kernels(report);
  if (spills > 0) fmt::print(stderr, "ethreed-kernel-report: {} kernels spill registers\n", spills);
  const std::vector<std::string> faults = ptx_faults(report.ptx);
  for (const std::string& fault : faults) fmt::print(stderr, "ethreed-kernel-report: {}\n", fault);
  return spills > 0 || !faults.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Registers, shared memory, spills, occupancy, least times, traffic and instructions of the CUDA kernels");
  app.add_option("--logs", arguments.logs, "folder with the output of ptxas -v, *.log; needed without --ptx-only");
  app.add_option("--operations", arguments.filter, "only operations whose name contains this, in what is run");
  app.add_option("--json", arguments.json, "write the report to this file, too");
  auto* const ptx = app.add_option("--ptx", arguments.ptx, "folder with the PTX, compute_ARCHITECTURE/*.ptx");
  app.add_option("--ptx-architectures", arguments.architectures, "whose PTX to read and run")
      ->delimiter(',')
      ->needs(ptx);
  app.add_flag("--ptx-only", arguments.ptx_only, "nothing but the tables of the PTX")->needs(ptx);
  app.add_option("--cubins", arguments.cubins, "folder with the machine code, sm_ARCHITECTURE/*.cubin");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return report_on(arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ethreed-kernel-report: {}\n", error.what());
    return 1;
  }
}
