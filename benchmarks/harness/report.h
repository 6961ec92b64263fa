#pragma once
// What was measured, as tables to read (Markdown) and as a file to compare (JSON).
//
// The JSON file, format_version 1:
//   {
//     "format": "ethreed-benchmark", "format_version": 1,
//     "command": "bench_all …",                    as it was called
//     "machine": {
//       "processor": text, "cores": n, "memory_gib": x, "compiler": text,
//       "peaks": {"float32": {"1": x, "all": x}, "float64": {…},      GFLOP/s of a loop of fused multiply-adds
//                 "memory": {…}, "cache": {…}}                        GB/s of a triad in memory and in the L2 cache
//     },
//     "sections": [{
//       "id": "stages", "title": text, "notes": [text],
//       "rows": [{
//         "name": text,                            unique within its section: what two files are matched by
//         "median": x, "low": x, "high": x,        milliseconds; low and high are the quantiles 10 % and 90 %
//         "samples": n,
//         "figures": {title: x, …}                 what follows from the time or explains it; its unit is in the title
//       }]
//     }]
//   }
// Only times are compared (bench_compare); less is better. A later version may add keys.

#include "benchmarks/harness/machine.h"
#include "benchmarks/harness/measure.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <utility>
#include <vector>

namespace ethreed::bench {

struct Row {
  std::string name;
  Quantiles time;
  std::vector<std::pair<std::string, double>> figures;  ///< by column title
};

struct Section {
  std::string id, title;
  std::vector<std::string> notes;
  std::vector<Row> rows;
};

struct Report {
  std::string command;
  Machine machine;
  std::vector<Section> sections;
};

nlohmann::ordered_json to_json(const Row& row);
Row row_from(const nlohmann::ordered_json& json);
nlohmann::ordered_json to_json(const Report& report);
/// Throws Error, naming `source`, if it is no such file.
Report report_from(const nlohmann::ordered_json& json, const std::string& source);

/// A number with three or four significant digits.
std::string short_number(double x);
std::string markdown_of(const Machine& machine);
std::string markdown_of(const Section& section);

}  // namespace ethreed::bench
