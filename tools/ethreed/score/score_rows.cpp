#include "tools/ethreed/score/score_rows.h"

#include "core/error.h"
#include "model/metrics/reply_scores.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <numeric>

namespace ethreed {

namespace {

std::vector<std::size_t> last_rows(const ReplyFile& file) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < file.rows.size(); ++i) {
    ETHREED_CHECK(file.rows[i].conversation,
                  "--rows last: {} says no conversation; give records with the field conversation (--field), or "
                  "leave --rows out",
                  file.place(i));
    last[*file.rows[i].conversation] = i;
  }
  std::vector<std::size_t> rows;
  for (const auto& [conversation, row] : last) rows.push_back(row);
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

void add_row_options(CLI::App& command, RowArguments& arguments) {
  command.add_option("--rows", arguments.rows, "Score all rows, or of each conversation the last one")
      ->check(CLI::IsMember({"all", "last"}))
      ->capture_default_str();
  CLI::Option* limit = command.add_option("--limit", arguments.limit, "Score the first N of these rows")
                           ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
                           ->type_name("N");
  command
      .add_option("--sample", arguments.sample,
                  "Score N of these rows, drawn by the seed: the same ones of every file of these posts")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("N")
      ->excludes(limit);
}

std::vector<std::size_t> chosen_rows(const ReplyFile& file, const RowArguments& arguments, std::uint64_t seed) {
  std::vector<std::size_t> rows(file.rows.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (arguments.rows == "last") rows = last_rows(file);
  const auto count = static_cast<std::size_t>(std::max(arguments.limit, arguments.sample));
  ETHREED_CHECK(count <= rows.size(), "{} {}: {} has {} rows to choose from; give fewer",
                arguments.sample > 0 ? "--sample" : "--limit", count, file.path, rows.size());
  if (arguments.limit > 0) rows.resize(count);
  if (arguments.sample > 0) {
    std::vector<std::size_t> drawn;
    for (const std::size_t place : sample_rows(rows.size(), count, seed)) drawn.push_back(rows[place]);
    rows = std::move(drawn);
  }
  return rows;
}

std::string description_of(const RowArguments& arguments, std::size_t chosen, std::size_t rows, std::uint64_t seed) {
  std::string text = fmt::format("{} of {} rows: ", chosen, rows);
  text += arguments.rows == "last" ? "the last of each conversation" : "of all";
  if (arguments.limit > 0) text += fmt::format(", the first {}", arguments.limit);
  if (arguments.sample > 0) text += fmt::format(", {} drawn with seed {}", arguments.sample, seed);
  return text;
}

}  // namespace ethreed
