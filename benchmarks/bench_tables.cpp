// Makes the tables of docs/performance.md from the results in benchmarks/results:
//   bench_tables [benchmarks/results]                                the table of every machine, in Markdown
//   bench_tables [benchmarks/results] --all                          every figure of every file
//   bench_tables [benchmarks/results] --update docs/performance.md   puts the tables into the page
//   bench_tables [benchmarks/results] --check docs/performance.md    exit status 1 if a table of the page is another
// Read the format in benchmarks/README.md. Exit status: 0 done, or page and results agree; 1 they differ; 2 the command
// line or a file is not usable.

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace ethreed;
using Json = nlohmann::ordered_json;

struct Arguments {
  std::string results = "benchmarks/results";
  std::string check, update;  // pages; empty: none
  bool all = false;
};

/// One figure. A plain number of the file has a median alone; a range of several runs has no median.
struct Figure {
  bool has_median = true, has_range = false;
  double median = 0, low = 0, high = 0;
};

/// A file of results.
struct Results {
  std::string path, name;  // name: of the file, without its folder
  std::string subject, title, machine, processor, commit, date, command;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::vector<std::pair<std::string, Figure>>>> rows;  // figures by title
};

/// A line of a machine's table.
struct Line {
  std::string title, unit, commit, file;
  Figure figure;
};
/// By machine, then by the order that the files give.
using Tables = std::map<std::string, std::map<int, Line>>;

// Decimals that tell x from its neighbours of the same length: 9.4 has 1.
int own_decimals(double x) {
  const std::string text = fmt::format("{}", x);
  const auto point = text.find('.');
  return point == std::string::npos || text.ends_with(".0") ? 0 : static_cast<int>(text.size() - point - 1);
}

// The numbers of one figure have equally many decimals, or as many as make three digits: 4.22 (4.00 – 4.26).
std::string number_text(double x, int decimals) {
  const double size = std::abs(x);
  const int of_three_digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}", x, std::max(own_decimals(x), std::min(decimals, of_three_digits)));
}

int decimals_of(const Figure& figure) {
  int decimals = figure.has_median ? own_decimals(figure.median) : 0;
  if (figure.has_range) decimals = std::max({decimals, own_decimals(figure.low), own_decimals(figure.high)});
  return decimals;
}

std::string median_text(const Figure& figure) {
  return figure.has_median ? number_text(figure.median, decimals_of(figure)) : "";
}

std::string range_text(const Figure& figure) {
  if (!figure.has_range) return "";
  const int decimals = decimals_of(figure);
  return fmt::format("{} – {}", number_text(figure.low, decimals), number_text(figure.high, decimals));
}

Figure figure_from(const Json& json, const std::string& where) {
  Figure figure;
  if (json.is_number()) {
    figure.median = json.get<double>();
    return figure;
  }
  ETHREED_CHECK(json.is_object(), "{}: a figure is a number or has median, low and high; got {}", where, json.dump());
  for (const auto& [key, value] : json.items())
    ETHREED_CHECK((key == "median" || key == "low" || key == "high") && value.is_number(),
                  "{}: a figure has the numbers median, low and high; got {}: {}", where, key, value.dump());
  figure.has_median = json.contains("median");
  figure.has_range = true;
  figure.low = json.at("low").get<double>();
  figure.high = json.at("high").get<double>();
  if (figure.has_median) figure.median = json.at("median").get<double>();
  const double least = figure.has_median ? figure.median : figure.low;
  ETHREED_CHECK(figure.low <= least && least <= figure.high, "{}: low, median and high are not in order: {}", where,
                json.dump());
  return figure;
}

const Figure& figure_of(const Results& results, const std::string& row, const std::string& title) {
  for (const auto& [name, figures] : results.rows) {
    if (name != row) continue;
    for (const auto& [known, figure] : figures)
      if (known == title) return figure;
  }
  fail("{}: its page names the figure '{}' of the row '{}', which is not in its rows", results.path, title, row);
}

void add_rows(const Json& json, Results& results) {
  std::set<std::string> names;
  for (const Json& row : json.at("rows")) {
    const auto name = row.at("name").get<std::string>();
    ETHREED_CHECK(names.insert(name).second, "{}: two rows are called '{}'", results.path, name);
    auto& figures = results.rows.emplace_back(name, std::vector<std::pair<std::string, Figure>>()).second;
    for (const auto& [title, figure] : row.at("figures").items())
      figures.emplace_back(title, figure_from(figure, fmt::format("{}: {}, {}", results.path, name, title)));
  }
  ETHREED_CHECK(!results.rows.empty(), "{}: it has no rows", results.path);
}

void add_lines(const Json& json, const Results& results, Tables& tables) {
  for (const Json& line : json.value("page", Json::array())) {
    const auto row = line.at("row").get<std::string>(), title = line.at("figure").get<std::string>();
    const int order = line.at("order").get<int>();
    const auto [place, is_new] =
        tables[results.machine].try_emplace(order, Line{.title = line.at("title").get<std::string>(),
                                                        .unit = line.value("unit", title),
                                                        .commit = results.commit,
                                                        .file = results.name,
                                                        .figure = figure_of(results, row, title)});
    ETHREED_CHECK(is_new, "{}: the place {} in the table of {} is taken by {}", results.path, order, results.machine,
                  place->second.file);
  }
}

// null: it was not recorded, and the table says so.
std::string text_or_unknown(const Json& json) { return json.is_null() ? "not recorded" : json.get<std::string>(); }

/// Reads a file and adds its lines to the tables. Throws Error, naming the file, if it is none of results.
Results read(const std::filesystem::path& path, Tables& tables) {
  const MappedFile file(path);
  const Json json = Json::parse(file.text(), nullptr, false);
  ETHREED_CHECK(!json.is_discarded(), "{}: not JSON", path.string());
  try {
    ETHREED_CHECK(json.at("format") == "ethreed-results" && json.at("format_version") == 1,
                  "{}: not a file of results of version 1; see benchmarks/README.md", path.string());
    Results results{.path = path.string(),
                    .name = path.filename().string(),
                    .subject = json.at("subject").get<std::string>(),
                    .title = json.at("title").get<std::string>(),
                    .machine = json.at("machine").at("id").get<std::string>(),
                    .processor = json.at("machine").at("processor").get<std::string>(),
                    .commit = text_or_unknown(json.at("commit")),
                    .date = text_or_unknown(json.at("date")),
                    .command = json.at("command").get<std::string>(),
                    .notes = json.value("notes", std::vector<std::string>()),
                    .rows = {}};
    const std::string wanted = fmt::format("{}-{}.json", results.machine, results.subject);
    ETHREED_CHECK(results.name == wanted, "{}: by its machine and subject it is called {}", results.path, wanted);
    add_rows(json, results);
    add_lines(json, results, tables);
    return results;
  } catch (const nlohmann::json::exception& error) {
    fail("{}: not a file of results ({}); see benchmarks/README.md", path.string(), error.what());
  }
}

std::vector<Results> read_all(const std::string& folder, Tables& tables) {
  ETHREED_CHECK(std::filesystem::is_directory(folder), "{}: no folder; give the one of the results", folder);
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  ETHREED_CHECK(!paths.empty(), "{}: no file of results (*.json) in it", folder);
  std::sort(paths.begin(), paths.end());
  std::vector<Results> files;
  for (const auto& path : paths) files.push_back(read(path, tables));
  return files;
}

std::string markdown_of(const std::map<int, Line>& table) {
  std::string text = "| measured | median | 10 % – 90 % | unit | commit | raw |\n|---|---:|---:|---|---|---|\n";
  for (const auto& [order, line] : table)
    text += fmt::format("| {} | {} | {} | {} | {} | [JSON](../benchmarks/results/{}) |\n", line.title,
                        median_text(line.figure), range_text(line.figure), line.unit, line.commit, line.file);
  return text;
}

std::string markdown_of(const Results& results) {
  std::vector<std::string> columns;
  for (const auto& [name, figures] : results.rows)
    for (const auto& [title, figure] : figures)
      if (std::find(columns.begin(), columns.end(), title) == columns.end()) columns.push_back(title);
  std::string text = fmt::format("### {}\n\n{}; commit {}, {}; `{}`\n\n", results.title, results.processor,
                                 results.commit, results.date, results.command);
  for (const std::string& note : results.notes) text += note + "\n";
  std::string header = "| |", rule = "|---|";
  for (const std::string& column : columns) header += fmt::format(" {} |", column), rule += "---:|";
  text += fmt::format("{}{}\n{}\n", results.notes.empty() ? "" : "\n", header, rule);
  for (const auto& [name, figures] : results.rows) {
    text += fmt::format("| {} |", name);
    for (const std::string& column : columns) {
      const auto found =
          std::find_if(figures.begin(), figures.end(), [&](const auto& figure) { return figure.first == column; });
      if (found == figures.end()) {
        text += " |";
        continue;
      }
      const std::string median = median_text(found->second), range = range_text(found->second);
      text += range.empty() ? fmt::format(" {} |", median)
                            : fmt::format(" {} |", median.empty() ? range : fmt::format("{} ({})", median, range));
    }
    text += "\n";
  }
  return text + "\n";
}

/// The page with every table as the results have it. A table stands between two comments, each a line of its own:
/// <!-- bench_tables: MACHINE --> and <!-- /bench_tables -->. Throws Error if one is missing or unknown.
std::string with_tables(const std::string& page, const std::string& path, const Tables& tables) {
  const std::string begin = "<!-- bench_tables: ", begin_end = " -->\n", end = "<!-- /bench_tables -->\n";
  std::string text;
  std::set<std::string> seen;
  std::size_t from = 0;
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, from)) {
    const std::size_t name = at + begin.size(), name_end = page.find(begin_end, name);
    ETHREED_CHECK(name_end != std::string::npos, "{}: a line '{}…' does not end with '-->'", path, begin);
    const std::string machine = page.substr(name, name_end - name);
    const std::size_t table = name_end + begin_end.size(), after = page.find(end, table);
    ETHREED_CHECK(after != std::string::npos, "{}: no line '<!-- /bench_tables -->' after the table of {}", path,
                  machine);
    const auto found = tables.find(machine);
    ETHREED_CHECK(found != tables.end(), "{}: it has a table of {}, of which no file of results has a figure", path,
                  machine);
    ETHREED_CHECK(seen.insert(machine).second, "{}: it has two tables of {}", path, machine);
    text += page.substr(from, table - from) + markdown_of(found->second);
    from = after;
  }
  for (const auto& [machine, table] : tables)
    ETHREED_CHECK(seen.contains(machine), "{}: no line '{}{}{}' for the table of that machine", path, begin, machine,
                  begin_end.substr(0, begin_end.size() - 1));
  return text + page.substr(from);
}

std::string line_at(const std::string& text, std::size_t place) {
  const std::size_t start = place == 0 ? 0 : text.rfind('\n', place - 1) + 1;
  return text.substr(start, text.find('\n', start) - start);
}

// True if page and results agree; otherwise says where they first differ.
bool agrees(const std::string& path, const Tables& tables) {
  const std::string page(MappedFile(path).text()), wanted = with_tables(page, path, tables);
  if (page == wanted) return true;
  const auto place = static_cast<std::size_t>(
      std::mismatch(page.begin(), page.end(), wanted.begin(), wanted.end()).first - page.begin());
  fmt::print(stderr,
             "bench_tables: {}: its tables are not those of the results; bench_tables --update {} puts them in\n  page:"
             "    {}\n  results: {}\n",
             path, path, line_at(page, place), line_at(wanted, place));
  return false;
}

int run(const Arguments& arguments) {
  Tables tables;
  const std::vector<Results> files = read_all(arguments.results, tables);
  if (!arguments.check.empty()) return agrees(arguments.check, tables) ? 0 : 1;
  if (!arguments.update.empty()) {
    const std::string page(MappedFile(arguments.update).text());
    write_text_atomically(arguments.update, with_tables(page, arguments.update, tables));
    return 0;
  }
  if (arguments.all)
    for (const Results& results : files) fmt::print("{}", markdown_of(results));
  else
    for (const auto& [machine, table] : tables) fmt::print("### {}\n\n{}\n", machine, markdown_of(table));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{
      "Makes the tables of docs/performance.md from benchmarks/results. Exit status: 0 done or equal, 1 the page "
      "differs, 2 the command line or a file is not usable."};
  app.add_option("results", arguments.results, "Folder of the results")->capture_default_str();
  const auto check = app.add_option("--check", arguments.check, "Page whose tables must be those of the results");
  const auto update = app.add_option("--update", arguments.update, "Page to put the tables into")->excludes(check);
  app.add_flag("--all", arguments.all, "Every figure of every file")->excludes(check)->excludes(update);
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_tables: {}\n", error.what());
    return 2;
  }
}
