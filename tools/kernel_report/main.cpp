// ethreed-kernel-report: what can be said of the CUDA kernels without a GPU. Run by tools/kernel_report.sh, which
// compiles them first. Exit status 0; 1: a kernel spills registers, or an error; 2: wrong arguments.

#include "tools/kernel_report/tables.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <fstream>
#include <string>

namespace {

using namespace ethreed::report;

int report_on(const std::string& logs, const std::string& filter, const std::string& json) {
  Report report{.compiled = read_ptxas_logs(logs), .emulated = run_emulated(filter)};
  print_markdown(report);
  if (!json.empty()) {
    std::ofstream file(json);
    file << to_json(report).dump(1) << '\n';
    if (!file.flush()) {
      fmt::print(stderr, "ethreed-kernel-report: cannot write {}\n", json);
      return 1;
    }
  }
  const int spills = spilling_kernels(report);
  if (spills > 0) fmt::print(stderr, "ethreed-kernel-report: {} kernels spill registers\n", spills);
  return spills > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string logs, filter, json;
  CLI::App app("Registers, shared memory, spills, occupancy, least times and traffic of the CUDA kernels");
  app.add_option("--logs", logs, "folder with the output of ptxas -v, *.log")->required();
  app.add_option("--operations", filter, "only operations whose name contains this, in what is run");
  app.add_option("--json", json, "write the report to this file, too");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return report_on(logs, filter, json);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ethreed-kernel-report: {}\n", error.what());
    return 1;
  }
}
