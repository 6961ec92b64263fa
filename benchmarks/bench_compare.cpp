// Says what changed between two runs of bench_all:
//   bench_compare BEFORE.json AFTER.json [--least 3] [--all]
//   bench_compare BEFORE1.json,BEFORE2.json AFTER1.json,AFTER2.json
// A time changed if its two ranges (10 % to 90 %) do not overlap and its median differs by at least --least percent.
// Several files on a side join their ranges: on a shared machine two runs differ by more than the samples of one do, so
// take at least two interleaved runs of each side. Exit status: 0 nothing became slower beyond the noise, 1 something
// did, 2 the command line or a file is not usable.

#include "benchmarks/harness/report.h"
#include "core/error.h"
#include "core/mapped_file.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace ethreed;
using namespace ethreed::bench;

struct Arguments {
  std::string before, after;  // paths, separated by commas
  double least = 3;
  bool all = false;
};

Report read(const std::string& path) {
  const MappedFile file(path);
  const auto json = nlohmann::ordered_json::parse(file.text(), nullptr, false);
  ETHREED_CHECK(!json.is_discarded(), "{}: not JSON; bench_all --json writes the file to compare", path);
  return report_from(json, path);
}

std::vector<Report> read_all(const std::string& paths) {
  std::vector<Report> reports;
  std::istringstream list(paths);
  for (std::string path; std::getline(list, path, ',');) reports.push_back(read(path));
  ETHREED_CHECK(!reports.empty(), "no file given");
  return reports;
}

// By section and name. Several runs give the median of their medians and the widest range.
std::map<std::string, Quantiles> times_of(const std::vector<Report>& reports) {
  std::map<std::string, std::vector<Quantiles>> runs;
  for (const Report& report : reports)
    for (const Section& section : report.sections)
      for (const Row& row : section.rows) runs[section.id + ": " + row.name].push_back(row.time);
  std::map<std::string, Quantiles> times;
  for (const auto& [name, series] : runs) {
    std::vector<double> medians;
    Quantiles joined = series.front();
    for (const Quantiles& quantiles : series) {
      medians.push_back(quantiles.median);
      joined.low = std::min(joined.low, quantiles.low);
      joined.high = std::max(joined.high, quantiles.high);
    }
    joined.median = quantiles_of(medians).median;
    times[name] = joined;
  }
  return times;
}

std::string text_of(const Quantiles& time) {
  return fmt::format("{} ({} – {})", short_number(time.median), short_number(time.low), short_number(time.high));
}

// The number of times that became slower.
int compare(const Arguments& arguments) {
  const std::vector<Report> before = read_all(arguments.before), after = read_all(arguments.after);
  const Machine &was_on = before.front().machine, &is_on = after.front().machine;
  if (was_on.processor != is_on.processor || was_on.cores != is_on.cores)
    fmt::print("Different machines: {} with {} cores, {} with {}. The times do not compare.\n\n", was_on.processor,
               was_on.cores, is_on.processor, is_on.cores);
  const auto old_times = times_of(before), new_times = times_of(after);
  int slower = 0, faster = 0, same = 0, missing = 0;
  fmt::print("| | before, ms | after, ms | after/before | |\n|---|---:|---:|---:|---|\n");
  for (const auto& [name, was] : old_times) {
    const auto found = new_times.find(name);
    if (found == new_times.end()) {
      ++missing;
      continue;
    }
    const Quantiles& is = found->second;
    const bool large = std::abs(is.median - was.median) * 100 >= arguments.least * was.median;
    const bool is_slower = large && is.low > was.high, is_faster = large && is.high < was.low;
    slower += is_slower;
    faster += is_faster;
    same += !is_slower && !is_faster;
    if (is_slower || is_faster || arguments.all)
      fmt::print("| {} | {} | {} | {:.3f} | {} |\n", name, text_of(was), text_of(is), is.median / was.median,
                 is_slower   ? "slower"
                 : is_faster ? "faster"
                             : "");
  }
  fmt::print("\n{} slower, {} faster, {} within the noise; {} only before, {} only after.\n", slower, faster, same,
             missing, new_times.size() + static_cast<std::size_t>(missing) - old_times.size());
  return slower;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "Says which times of two runs of bench_all differ beyond the noise. Exit status: 0 nothing became slower, 1 "
      "something did, "
      "2 the command line or a file is not usable."};
  app.add_option("before", arguments.before, "JSON files of bench_all, separated by commas")->required();
  app.add_option("after", arguments.after, "The same")->required();
  app.add_option("--least", arguments.least, "Percent by which a median must differ")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_flag("--all", arguments.all, "Also what did not move");
  try {
    app.parse(argc, argv);
    return compare(arguments) > 0 ? 1 : 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_compare: {}\n", error.what());
    return 2;
  }
}
