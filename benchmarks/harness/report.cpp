#include "benchmarks/harness/report.h"

#include "core/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace ethreed::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;

Json to_json(const Peak& peak) { return {{"1", peak.one}, {"all", peak.all}}; }
Peak peak_from(const Json& json) { return {json.at("1").get<double>(), json.at("all").get<double>()}; }

std::vector<std::string> columns_of(const Section& section) {
  std::vector<std::string> columns;
  for (const Row& row : section.rows)
    for (const auto& [title, value] : row.figures)
      if (std::find(columns.begin(), columns.end(), title) == columns.end()) columns.push_back(title);
  return columns;
}

}  // namespace

Json to_json(const Row& row) {
  Json figures = Json::object();
  for (const auto& [title, value] : row.figures) figures[title] = value;
  return {{"name", row.name},      {"median", row.time.median},   {"low", row.time.low},
          {"high", row.time.high}, {"samples", row.time.samples}, {"figures", figures}};
}

Row row_from(const nlohmann::ordered_json& json) {
  Row row{.name = json.at("name").get<std::string>(),
          .time = {.median = json.at("median").get<double>(),
                   .low = json.at("low").get<double>(),
                   .high = json.at("high").get<double>(),
                   .samples = json.at("samples").get<int>()},
          .figures = {}};
  for (const auto& [title, value] : json.at("figures").items()) row.figures.emplace_back(title, value.get<double>());
  return row;
}

Json to_json(const Report& report) {
  const Machine& machine = report.machine;
  Json sections = Json::array();
  for (const Section& section : report.sections) {
    Json rows = Json::array();
    for (const Row& row : section.rows) rows.push_back(to_json(row));
    sections.push_back({{"id", section.id}, {"title", section.title}, {"notes", section.notes}, {"rows", rows}});
  }
  return {{"format", "ethreed-benchmark"},
          {"format_version", format_version},
          {"command", report.command},
          {"machine",
           {{"processor", machine.processor},
            {"cores", machine.cores},
            {"memory_gib", machine.memory_gib},
            {"compiler", machine.compiler},
            {"peaks",
             {{"float32", to_json(machine.float32)},
              {"float64", to_json(machine.float64)},
              {"memory", to_json(machine.memory)},
              {"cache", to_json(machine.cache)}}}}},
          {"sections", sections}};
}

Report report_from(const nlohmann::ordered_json& json, const std::string& source) {
  try {
    ETHREED_CHECK(json.at("format") == "ethreed-benchmark" && json.at("format_version") == format_version,
                  "{}: not a benchmark file of version {}; bench_all --json writes one", source, format_version);
    const auto& machine = json.at("machine");
    const auto& peaks = machine.at("peaks");
    Report report{.command = json.at("command").get<std::string>(),
                  .machine = {.processor = machine.at("processor").get<std::string>(),
                              .cores = machine.at("cores").get<int>(),
                              .memory_gib = machine.at("memory_gib").get<double>(),
                              .compiler = machine.at("compiler").get<std::string>(),
                              .float32 = peak_from(peaks.at("float32")),
                              .float64 = peak_from(peaks.at("float64")),
                              .memory = peak_from(peaks.at("memory")),
                              .cache = peak_from(peaks.at("cache"))},
                  .sections = {}};
    for (const auto& part : json.at("sections")) {
      Section& section = report.sections.emplace_back(Section{.id = part.at("id").get<std::string>(),
                                                              .title = part.at("title").get<std::string>(),
                                                              .notes = part.at("notes").get<std::vector<std::string>>(),
                                                              .rows = {}});
      for (const auto& row : part.at("rows")) section.rows.push_back(row_from(row));
    }
    return report;
  } catch (const nlohmann::json::exception& error) {
    fail("{}: not a benchmark file ({}); bench_all --json writes one", source, error.what());
  }
}

std::string short_number(double x) {
  if (!std::isfinite(x)) return "–";
  const double size = std::abs(x);
  if (size == 0) return "0";
  if (size >= 99.95) return fmt::format("{:.0f}", x);
  if (size >= 9.995) return fmt::format("{:.1f}", x);
  if (size >= 0.9995) return fmt::format("{:.2f}", x);
  if (size >= 0.00095) return fmt::format("{:.4f}", x);
  return fmt::format("{:.1e}", x);
}

std::string markdown_of(const Machine& machine) {
  std::string text = fmt::format(
      "{}, {} cores, {:.0f} GiB, {}.\n\n| peak, measured here | 1 thread | all threads |\n|---|---:|---:|\n",
      machine.processor, machine.cores, machine.memory_gib, machine.compiler);
  const auto line = [&](const char* name, const Peak& peak) {
    text += fmt::format("| {} | {} | {} |\n", name, short_number(peak.one), short_number(peak.all));
  };
  line("fused multiply-adds in float, GFLOP/s", machine.float32);
  line("the same in double, GFLOP/s", machine.float64);
  line("triad in place (a += s·b) in memory, GB/s", machine.memory);
  line("the same in the L2 cache, GB/s", machine.cache);
  return text + "\n";
}

std::string markdown_of(const Section& section) {
  const std::vector<std::string> columns = columns_of(section);
  std::string text = fmt::format("### {}\n\n", section.title);
  for (const std::string& note : section.notes) text += note + "\n";
  if (!section.notes.empty()) text += "\n";
  std::string header = "| | ms | 10 % | 90 % |", rule = "|---|---:|---:|---:|";
  for (const std::string& column : columns) header += fmt::format(" {} |", column), rule += "---:|";
  text += header + "\n" + rule + "\n";
  for (const Row& row : section.rows) {
    text += fmt::format("| {} | {} | {} | {} |", row.name, short_number(row.time.median), short_number(row.time.low),
                        short_number(row.time.high));
    for (const std::string& column : columns) {
      const auto found = std::find_if(row.figures.begin(), row.figures.end(),
                                      [&](const auto& figure) { return figure.first == column; });
      text += found == row.figures.end() ? " |" : fmt::format(" {} |", short_number(found->second));
    }
    text += "\n";
  }
  return text + "\n";
}

}  // namespace ethreed::bench
