#include "tools/kernel_report/ptx_tables.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace ethreed::report {

namespace {

using emulation::ptx::Executed;
using emulation::ptx::name_of;
using emulation::ptx::Survey;
using emulation::ptx::Unit;
using emulation::ptx::units;

template <class Visit> void for_each_unit(Visit visit) {
  for (std::size_t u = 0; u < units; ++u) visit(static_cast<Unit>(u));
}

// How many instructions of machine code there are to one of PTX, in the text; nothing without machine code.
std::optional<double> expansion(const PtxOfArchitecture& all, const std::string& kernel) {
  const auto machine = all.machine_instructions.find(kernel);
  const auto survey = all.surveys.find(kernel);
  if (machine == all.machine_instructions.end() || survey == all.surveys.end()) return std::nullopt;
  return static_cast<double>(machine->second) / survey->second.all();
}

void print_text(const PtxOfArchitecture& all) {
  fmt::print(
      "\n### As text, compute capability {}.{}\n\nInstructions of PTX by unit; `generic` are accesses by an address of "
      "which the compiler has forgotten the space.\n\n| kernel | machine code | PTX |",
      all.architecture / 10, all.architecture % 10);
  for_each_unit([](Unit unit) { fmt::print(" {} |", name_of(unit)); });
  fmt::print(" local memory that is no spill, bytes | .nc loads | grid barriers |\n|---|---:|---:|");
  for (std::size_t u = 0; u < units + 3; ++u) fmt::print("---:|");
  fmt::print("\n");
  for (const auto& [kernel, survey] : all.surveys) {
    const auto machine = all.machine_instructions.find(kernel);
    fmt::print("| {} | {} | {} |", kernel,
               machine == all.machine_instructions.end() ? std::string("–") : std::to_string(machine->second),
               survey.all());
    for_each_unit([&](Unit unit) { fmt::print(" {} |", survey.count(unit)); });
    fmt::print(" {} | {} | {} |\n", survey.local_bytes, survey.read_only_loads, survey.grid_barriers);
  }
}

// The kernel's part of a whole, in percent; nothing of nothing.
std::string percent(std::int64_t part, std::int64_t whole) {
  return part == 0 ? "" : fmt::format("{:.0f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void print_executed(const PtxOfArchitecture& all) {
  const RealGpu& gpu = *gpu_of(all.architecture);
  fmt::print(
      "\n### As executed on the model's shapes, in float: {} (compute capability {}.{})\n\n"
      "Instructions of warps, and by unit their part of them in percent; lanes: how many of 32 are busy. Issue: at "
      "four a clock "
      "and multiprocessor, a launch of\nfewer blocks than multiprocessors on as many as it has; as machine code: times "
      "the proportion of its text to PTX's, too much where ptxas\nhas unrolled a loop. Memory: the sectors of 32 bytes "
      "that a launch touches, each once, at the bandwidth.\n\n| kernel | launches | warp instructions |",
      gpu.name, all.architecture / 10, all.architecture % 10);
  for_each_unit([](Unit unit) { fmt::print(" {} |", name_of(unit)); });
  fmt::print(" lanes | MB | issue, µs | as machine code, µs | memory, µs | longer |\n|---|---:|---:|");
  for (std::size_t u = 0; u < units + 5; ++u) fmt::print("---:|");
  fmt::print("---|\n");
  for (const auto& [kernel, executed] : all.executed) {
    fmt::print("| {} | {} | {} |", kernel, executed.launches, executed.all());
    for_each_unit([&](Unit unit) { fmt::print(" {} |", percent(executed.count(unit), executed.all())); });
    fmt::print(" {:.1f} | {:.3f} |",
               static_cast<double>(executed.thread_instructions) / static_cast<double>(executed.all()),
               static_cast<double>(executed.sector_bytes) / 1e6);
    if (gpu.clock == 0) {
      fmt::print(" – | – | – | – |\n");
      continue;
    }
    const IssueTime least = issue_time(executed, gpu);
    const double most = least.issue * expansion(all, kernel).value_or(1);
    fmt::print(" {:.2f} | {:.2f} | {:.2f} | {} |\n", 1e6 * least.issue, 1e6 * most, 1e6 * least.memory,
               std::min(least.issue, most) > least.memory   ? "issue"
               : std::max(least.issue, most) < least.memory ? "memory"
                                                            : "either");
  }
}

}  // namespace

void print_ptx(const std::vector<PtxOfArchitecture>& all) {
  if (all.empty()) return;
  fmt::print("\n## What nvcc made of the kernels, as PTX\n");
  for (const PtxOfArchitecture& one : all) {
    print_text(one);
    print_executed(one);
  }
}

nlohmann::json ptx_json(const std::vector<PtxOfArchitecture>& all) {
  nlohmann::json list = nlohmann::json::array();
  for (const PtxOfArchitecture& one : all)
    for (const auto& [kernel, survey] : one.surveys) {
      nlohmann::json entry{{"kernel", kernel},
                           {"architecture", one.architecture},
                           {"local_bytes", survey.local_bytes},
                           {"read_only_loads", survey.read_only_loads},
                           {"grid_barriers", survey.grid_barriers}};
      for_each_unit([&](Unit unit) { entry["instructions"][std::string(name_of(unit))] = survey.count(unit); });
      if (const auto machine = one.machine_instructions.find(kernel); machine != one.machine_instructions.end())
        entry["machine_instructions"] = machine->second;
      if (const auto found = one.executed.find(kernel); found != one.executed.end()) {
        const Executed& executed = found->second;
        nlohmann::json& run = entry["executed"];
        run = {{"launches", executed.launches},
               {"blocks", executed.blocks},
               {"warp_instructions", executed.all()},
               {"thread_instructions", executed.thread_instructions},
               {"sector_bytes", executed.sector_bytes}};
        for_each_unit([&](Unit unit) { run["by_unit"][std::string(name_of(unit))] = executed.count(unit); });
        const RealGpu& gpu = *gpu_of(one.architecture);
        if (gpu.clock > 0) {
          const IssueTime least = issue_time(executed, gpu);
          run["least_seconds"] = {{"gpu", gpu.name}, {"issue", least.issue}, {"memory", least.memory}};
        }
      }
      list.push_back(std::move(entry));
    }
  return list;
}

std::vector<std::string> ptx_faults(const std::vector<PtxOfArchitecture>& all) {
  std::vector<std::string> faults;
  for (const PtxOfArchitecture& one : all)
    for (const auto& [kernel, survey] : one.surveys)
      for (const std::string& fault : survey.unordered)
        faults.push_back(fmt::format("{}, compute_{}: {}", kernel, one.architecture, fault));
  return faults;
}

}  // namespace ethreed::report
