#include "tools/kernel_report/tables.h"

#include "tools/kernel_report/gru_on_gpus.h"
#include "tools/kernel_report/occupancy.h"
#include "tools/kernel_report/ptx_tables.h"
#include "tools/kernel_report/roofline.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace ethreed::report {

namespace {

// A kernel is compiled for more types and sizes than the model uses: those have no block to be judged by.
std::optional<LargestLaunch> launch_of(const Report& report, const CompiledKernel& kernel) {
  const auto found = report.emulated.launches.find(kernel.name);
  if (found == report.emulated.launches.end()) return std::nullopt;
  LargestLaunch launch = found->second;
  if (const auto bytes = device_dependent_shared_bytes(kernel.name, kernel.architecture)) {
    if (*bytes == 0) return std::nullopt;
    launch.dynamic_shared_bytes = *bytes;
  }
  return launch;
}

std::optional<Occupancy> occupancy(const Report& report, const CompiledKernel& kernel) {
  const auto launch = launch_of(report, kernel);
  if (!launch) return std::nullopt;
  return occupancy_of(kernel, launch->block_threads, launch->dynamic_shared_bytes);
}

std::string percent(const std::optional<Occupancy>& occupancy) {
  if (!occupancy) return "–";
  return occupancy->blocks == 0 ? "does not fit" : fmt::format("{:.0f}%", 100 * occupancy->warps);
}

// Consecutive entries are one kernel on its architectures.
template <class Visit> void for_each_kernel(const std::vector<CompiledKernel>& all, Visit visit) {
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(), [&](const CompiledKernel& k) { return k.name != begin->name; });
    visit(std::vector<CompiledKernel>(begin, end));
    begin = end;
  }
}

// "40" if it is the same on all architectures, else "40/42/40".
template <class Value> std::string each(const std::vector<CompiledKernel>& kernels, Value value) {
  std::vector<std::string> texts;
  texts.reserve(kernels.size());
  for (const CompiledKernel& kernel : kernels) texts.push_back(value(kernel));
  if (std::set<std::string>(texts.begin(), texts.end()).size() <= 1) return texts.front();
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : "/") + text;
  return joined;
}

void print_compiled(const Report& report) {
  std::set<int> architectures;
  for (const CompiledKernel& kernel : report.compiled) architectures.insert(kernel.architecture);
  std::string names;
  for (const int architecture : architectures) names += fmt::format("{}{}", names.empty() ? "" : "/", architecture);
  fmt::print(
      "## Kernels as compiled\n\n"
      "Where architectures differ: in the order {}. Blocks, dynamic shared memory and the occupancy that follows are\n"
      "the largest launch of the model's shapes; a dash where none of them uses this instance.\n\n"
      "| kernel | registers | static shared, bytes | stack, bytes | spills, bytes stored + loaded | block | dynamic "
      "shared, bytes | occupancy | limited by |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n",
      names);
  for_each_kernel(report.compiled, [&](const std::vector<CompiledKernel>& kernels) {
    const auto integer = [&](int CompiledKernel::*member) {
      return each(kernels, [&](const CompiledKernel& k) { return std::to_string(k.*member); });
    };
    const auto launched = [&](auto member) {
      return each(kernels, [&](const CompiledKernel& k) {
        const auto launch = launch_of(report, k);
        return launch ? std::to_string((*launch).*member) : std::string("–");
      });
    };
    fmt::print(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", kernels.front().name, integer(&CompiledKernel::registers),
        integer(&CompiledKernel::static_shared_bytes), integer(&CompiledKernel::stack_bytes),
        each(kernels,
             [](const auto& k) {
               return k.spills() ? fmt::format("**{} + {}**", k.spill_store_bytes, k.spill_load_bytes)
                                 : std::string("0");
             }),
        launched(&LargestLaunch::block_threads), launched(&LargestLaunch::dynamic_shared_bytes),
        each(kernels, [&](const auto& k) { return percent(occupancy(report, k)); }), each(kernels, [&](const auto& k) {
          const auto o = occupancy(report, k);
          return o ? o->limit : std::string("–");
        }));
  });
}

void print_gru() {
  fmt::print(
      "\n## The recurrences on real GPUs\n\n"
      "gru_sequence sizes its grid by the device: what its rule gives for the model's recurrences, in float. "
      "Persistent is one cooperative\nlaunch for the whole sequence; by steps is a product and a launch for each step "
      "and direction.\n\n| recurrence | direction | GPU | way | blocks | units a block | sequences at a time | dynamic "
      "shared, bytes |\n|---|---|---|---|---:|---:|---:|---:|\n");
  for (const GruOnGpu& g : gru_on_gpus()) {
    fmt::print("| {} | {} | {} | ", g.recurrence, g.forward ? "forward" : "backward", g.gpu->name);
    if (g.persistent)
      fmt::print("persistent | {} | {} | {} | {} |\n", g.blocks, g.units, g.tile, g.shared_bytes);
    else
      fmt::print("by steps | | | | |\n");
  }
}

std::string microseconds(double seconds) { return fmt::format("{:.2f}", seconds * 1e6); }

void print_floor(const std::string& name, const char* direction, double flops, double bytes) {
  fmt::print("| {} | {} | {:.2f} | {:.2f} |", name, direction, flops / 1e6, bytes / 1e6);
  for (const Gpu& gpu : gpus) {
    const Floor floor = floor_of(gpu, flops, bytes);
    fmt::print(" {} {} |", microseconds(floor.seconds), floor.by_memory ? "m" : "a");
  }
  fmt::print("\n");
}

void print_floors(const std::vector<CaseRun>& cases) {
  fmt::print(
      "\n## The least time, by the formulas of the contracts\n\n"
      "Float, the model's shapes. µs: the longer of FLOPs / peak (a) and bytes / bandwidth (m), every operand moved "
      "once, a launch for free.\n\n| operation, case | direction | MFLOP | MB |");
  for (const Gpu& gpu : gpus) fmt::print(" {}, µs |", gpu.name);
  fmt::print("\n|---|---|---:|---:|");
  for (std::size_t i = 0; i < gpus.size(); ++i) fmt::print("---:|");
  fmt::print("\n");
  for (const CaseRun& run : cases) {
    const std::string name = run.operation + ", " + run.name;
    print_floor(name, "forward", run.cost.forward_flops, run.cost.forward_bytes);
    if (run.differentiable) print_floor(name, "backward", run.cost.backward_flops, run.cost.backward_bytes);
  }
}

void print_counted(const std::string& name, const char* direction, const std::vector<emulation::Counters>& counters,
                   std::int64_t products) {
  for (const emulation::Counters& c : counters)
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {:.3f} | {:.3f} | {} | {} |\n", name, direction, c.kernel,
               c.launches, c.blocks, c.largest_block, c.dynamic_shared_bytes,
               static_cast<double>(c.global_bytes_read) / 1e6, static_cast<double>(c.global_bytes_written) / 1e6,
               c.shared_requests, c.bank_conflicts);
  if (products > 0) fmt::print("| {} | {} | gemm | {} | | | | | | | |\n", name, direction, products);
}

void print_emulated(const std::vector<CaseRun>& cases) {
  fmt::print(
      "\n## Kernels as run, on the emulated device\n\n"
      "Float, the model's shapes, one forward and one backward of each. Bytes are what threads ask for: caches are not "
      "counted off.\nShared requests are those of warps; a bank conflict is one more pass of one of them. ({})\n\n"
      "| operation, case | direction | kernel | launches | blocks | threads | dynamic shared, bytes | read, MB | "
      "written, MB | shared requests | bank conflicts |\n|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
      emulation::checked_variant() ? "Every access was checked."
                                   : "Not the checked variant: bytes and conflicts were not counted.");
  for (const CaseRun& run : cases) {
    const std::string name = run.operation + ", " + run.name;
    print_counted(name, "forward", run.forward, run.forward_products);
    print_counted(name, "backward", run.backward, run.backward_products);
  }
}

nlohmann::json counters_json(const std::vector<emulation::Counters>& counters) {
  nlohmann::json list = nlohmann::json::array();
  for (const emulation::Counters& c : counters)
    list.push_back({{"kernel", c.kernel},
                    {"launches", c.launches},
                    {"blocks", c.blocks},
                    {"block_threads", c.largest_block},
                    {"dynamic_shared_bytes", c.dynamic_shared_bytes},
                    {"block_barriers", c.block_barriers},
                    {"grid_barriers", c.grid_barriers},
                    {"global_bytes_read", c.global_bytes_read},
                    {"global_bytes_written", c.global_bytes_written},
                    {"shared_bytes_read", c.shared_bytes_read},
                    {"shared_bytes_written", c.shared_bytes_written},
                    {"shared_requests", c.shared_requests},
                    {"bank_conflicts", c.bank_conflicts}});
  return list;
}

nlohmann::json direction_json(double flops, double bytes, std::int64_t products,
                              const std::vector<emulation::Counters>& counters) {
  nlohmann::json floors;
  for (const Gpu& gpu : gpus) {
    const Floor floor = floor_of(gpu, flops, bytes);
    floors[std::string(gpu.name)] = {{"seconds", floor.seconds}, {"bound", floor.by_memory ? "memory" : "arithmetic"}};
  }
  return {{"flops", flops},
          {"bytes", bytes},
          {"floor", floors},
          {"products", products},
          {"kernels", counters_json(counters)}};
}

}  // namespace

int spilling_kernels(const Report& report) {
  return static_cast<int>(std::count_if(report.compiled.begin(), report.compiled.end(),
                                        [](const auto& kernel) { return kernel.spills(); }));
}

void print_markdown(const Report& report) {
  fmt::print("# Kernel report\n\n");
  print_compiled(report);
  print_gru();
  print_floors(report.emulated.cases);
  print_emulated(report.emulated.cases);
  print_ptx(report.ptx);
  const int spills = spilling_kernels(report);
  fmt::print(
      "\n{} kernels, each on its architectures: {} entries, {} with spills.\n",
      [&] {
        int kernels = 0;
        for_each_kernel(report.compiled, [&](const auto&) { ++kernels; });
        return kernels;
      }(),
      report.compiled.size(), spills);
}

nlohmann::json to_json(const Report& report) {
  nlohmann::json kernels = nlohmann::json::array(), cases = nlohmann::json::array();
  for (const CompiledKernel& k : report.compiled) {
    nlohmann::json entry = {{"kernel", k.name},
                            {"architecture", k.architecture},
                            {"registers", k.registers},
                            {"static_shared_bytes", k.static_shared_bytes},
                            {"stack_bytes", k.stack_bytes},
                            {"spill_store_bytes", k.spill_store_bytes},
                            {"spill_load_bytes", k.spill_load_bytes}};
    if (const auto o = occupancy(report, k)) {
      const LargestLaunch launch = *launch_of(report, k);
      entry["block_threads"] = launch.block_threads;
      entry["dynamic_shared_bytes"] = launch.dynamic_shared_bytes;
      entry["occupancy"] = o->warps;
      entry["blocks_per_multiprocessor"] = o->blocks;
      entry["limited_by"] = o->limit;
    }
    kernels.push_back(std::move(entry));
  }
  for (const CaseRun& run : report.emulated.cases) {
    nlohmann::json entry = {{"operation", run.operation}, {"case", run.name}};
    entry["forward"] =
        direction_json(run.cost.forward_flops, run.cost.forward_bytes, run.forward_products, run.forward);
    if (run.differentiable)
      entry["backward"] =
          direction_json(run.cost.backward_flops, run.cost.backward_bytes, run.backward_products, run.backward);
    cases.push_back(std::move(entry));
  }
  return {
      {"kernels", kernels}, {"cases", cases}, {"ptx", ptx_json(report.ptx)}, {"checked", emulation::checked_variant()}};
}

}  // namespace ethreed::report
