#include "tools/kernel_report/ptxas_log.h"

#include "core/error.h"
#include "kernels/emulation/kernel_names.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <tuple>

namespace ethreed::report {

using emulation::kernel_name;
using emulation::tidy_name;

namespace {

int number(const std::smatch& match, std::size_t group) { return std::stoi(match[group].str()); }

// The number before a word, 0 if it is not there.
int before(const std::string& line, const char* word) {
  std::smatch match;
  return std::regex_search(line, match, std::regex(std::string("(\\d+) ") + word)) ? number(match, 1) : 0;
}

}  // namespace

std::vector<CompiledKernel> read_ptxas_log(std::string_view log) {
  static const std::regex entry("Compiling entry function '(.+)' for 'sm_(\\d+)'");
  static const std::regex stack("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  std::vector<CompiledKernel> kernels;
  bool inside = false;  // a kernel's lines
  while (!log.empty()) {
    const std::string line(log.substr(0, log.find('\n')));
    log.remove_prefix(std::min(line.size() + 1, log.size()));
    std::smatch match;
    if (std::regex_search(line, match, entry)) {
      kernels.push_back({.name = tidy_name(kernel_name(match[1].str())), .architecture = number(match, 2)});
      inside = true;
    } else if (inside && std::regex_search(line, match, stack)) {  // its own, then those of functions it calls
      kernels.back().stack_bytes += number(match, 1);
      kernels.back().spill_store_bytes += number(match, 2);
      kernels.back().spill_load_bytes += number(match, 3);
    } else if (inside && line.find(" registers") != std::string::npos && line.find("Used ") != std::string::npos) {
      kernels.back().registers = before(line, "registers");
      kernels.back().barriers = before(line, "barriers");
      kernels.back().static_shared_bytes = before(line, "bytes smem");
      ETHREED_CHECK(kernels.back().registers > 0, "ptxas: cannot read the registers out of '{}'", line);
    }
  }
  for (const CompiledKernel& kernel : kernels)
    ETHREED_CHECK(kernel.registers > 0, "ptxas: says nothing of the registers of {}", kernel.name);
  return kernels;
}

std::vector<CompiledKernel> read_ptxas_logs(const std::filesystem::path& folder) {
  std::vector<CompiledKernel> all;
  ETHREED_CHECK(std::filesystem::is_directory(folder), "kernel report: no folder {}; tools/kernel_report.sh makes it",
                folder.string());
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.path().extension() != ".log") continue;
    std::ifstream stream(file.path());
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    const auto kernels = read_ptxas_log(text);
    all.insert(all.end(), kernels.begin(), kernels.end());
  }
  ETHREED_CHECK(!all.empty(), "kernel report: no ptxas log in {} has a kernel", folder.string());
  const auto key = [](const CompiledKernel& k) { return std::tie(k.name, k.architecture); };
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  // A template of a header that several files use is compiled in each of them.
  all.erase(std::unique(all.begin(), all.end(), [&](const auto& a, const auto& b) { return key(a) == key(b); }),
            all.end());
  return all;
}

}  // namespace ethreed::report
