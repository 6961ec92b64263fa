#include "core/atomic_file.h"
#include "core/error.h"
#include "core/printable.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/locked_folder.h"
#include "tools/ethreed/session.h"
#include "tools/ethreed/study/study_answers.h"
#include "tools/ethreed/study/study_sheet.h"
#include "tools/ethreed/text_table.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <memory>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct MakeArguments {
  std::vector<std::string> replies;
  ReplyFileArguments file;
  std::string out, pairs = "first";
  StudyOptions options;
};

struct ScoreArguments {
  std::string key, json;
  std::vector<std::string> sheets;
  BootstrapOptions bootstrap;
  bool markdown = false, allow_open = false;
};

void run_make(MakeArguments arguments) {
  const fs::path out = arguments.out;
  check_output_folder(out);
  ETHREED_CHECK(!fs::exists(out / "key.json"),
                "{}: is there already, and sheets that were handed out belong to it; give --out another folder",
                (out / "key.json").string());
  arguments.options.pairs = arguments.pairs == "all"    ? StudyPairs::all
                            : arguments.pairs == "none" ? StudyPairs::none
                                                        : StudyPairs::first;
  std::vector<ReplyFile> files;
  std::vector<std::string> names;
  for (const std::string& replies : arguments.replies) {
    const std::size_t sign = replies.find('=');  // NAME=FILE, or a file whose name has the sign in it
    const bool named = sign != std::string::npos && !fs::exists(replies);
    const std::string path = named ? replies.substr(sign + 1) : replies;
    files.push_back(read_reply_file(path, arguments.file));
    names.push_back(named ? replies.substr(0, sign) : fs::path(path).stem().string());
    ETHREED_CHECK(!names.back().empty(), "{}: the system has no name; give it as NAME=FILE", replies);
    for (const std::string& note : files.back().notes) fmt::print(stderr, "{}\n", printable(note));
  }
  check_fields(files);
  const Study study = make_study(files, names, arguments.options);
  std::error_code error;
  fs::create_directories(out / "sheets", error);
  ETHREED_CHECK(!error, "{}: cannot be made: {}", (out / "sheets").string(), error.message());
  for (int rater = 1; rater <= study.raters; ++rater) {
    const std::string name = fmt::format("rater-{}", rater);
    write_text_atomically(out / "sheets" / (name + ".csv"), sheet_csv(study, rater));
    write_text_atomically(out / "sheets" / (name + ".html"), sheet_page(study, rater));
  }
  write_text_atomically(out / "key.json", key_text(study));
  fmt::print(
      "study {}: {} contexts, {} systems, {} raters; a rater has {} replies to rate and {} pairs to choose from\n"
      "hand out:  {} (.html to fill in offline, or .csv)\n"
      "keep:      {}, which says who wrote what\n",
      study.id, study.contexts.size(), study.systems.size(), study.raters, study.ratings.size(), study.choices.size(),
      printable((out / "sheets" / "rater-1 …").string()), printable((out / "key.json").string()));
}

std::string shown(double value, int digits = 2) {
  return std::isnan(value) ? "–" : fmt::format("{:.{}f}", value, digits);
}
std::string shown(const Interval& interval, int digits) {
  if (std::isnan(interval.value)) return "–";
  return fmt::format("{:.{}f} … {:.{}f}", interval.low, digits, interval.high, digits);
}
Json number(double value) { return std::isnan(value) ? Json() : Json(value); }
Json as_json(const Interval& interval) {
  return {{"value", number(interval.value)}, {"low", number(interval.low)}, {"high", number(interval.high)}};
}

Cells rating_cells(const Study& study, const StudyFigures& figures) {
  Cells rows{{"system", "aspect", "mean", "95 % interval", "deviation", "ratings"}};
  for (const auto& r : figures.ratings)
    rows.push_back({printable(study.systems[r.system]), std::string(rated_aspects[r.aspect]), shown(r.mean.value),
                    shown(r.mean, 2), shown(r.deviation), std::to_string(r.count)});
  return rows;
}

Cells comparison_cells(const Study& study, const StudyFigures& figures) {
  Cells rows{{"system", "against", "win", "tie", "loss", "win − loss", "95 % interval"}};
  for (const auto& c : figures.comparisons) {
    const bool lead = !std::isnan(c.lead.value);
    rows.push_back({printable(study.systems[c.first]), printable(study.systems[c.second]), std::to_string(c.win),
                    std::to_string(c.tie), std::to_string(c.loss),
                    lead ? fmt::format("{:+.1f} %", 100 * c.lead.value) : "–",
                    lead ? fmt::format("{:+.1f} % … {:+.1f} %", 100 * c.lead.low, 100 * c.lead.high) : "–"});
  }
  return rows;
}

Cells agreement_cells(const StudyFigures& figures) {
  Cells rows{{"question", "Fleiss' κ", "95 % interval", "items", "left out"}};
  for (const auto& a : figures.agreements)
    rows.push_back({a.question, a.absent.empty() ? shown(a.kappa.value, 3) : "– (" + a.absent + ")", shown(a.kappa, 3),
                    std::to_string(a.items), std::to_string(a.left_out)});
  return rows;
}

Json figures_json(const Study& study, const StudyFigures& figures, const ScoreArguments& arguments) {
  Json out{{"study", study.id},
           {"raters", arguments.sheets.size()},
           {"contexts", study.contexts.size()},
           {"level", arguments.bootstrap.level},
           {"resamples", arguments.bootstrap.resamples},
           {"seed", arguments.bootstrap.seed},
           {"ratings", Json::array()},
           {"choices", Json::array()},
           {"agreement", Json::array()}};
  for (const auto& r : figures.ratings)
    out["ratings"].push_back({{"system", study.systems[r.system]},
                              {"aspect", rated_aspects[r.aspect]},
                              {"mean", as_json(r.mean)},
                              {"deviation", number(r.deviation)},
                              {"count", r.count}});
  for (const auto& c : figures.comparisons)
    out["choices"].push_back({{"system", study.systems[c.first]},
                              {"against", study.systems[c.second]},
                              {"win", c.win},
                              {"tie", c.tie},
                              {"loss", c.loss},
                              {"lead", as_json(c.lead)}});
  for (const auto& a : figures.agreements)
    out["agreement"].push_back({{"question", a.question},
                                {"fleiss_kappa", as_json(a.kappa)},
                                {"items", a.items},
                                {"left_out", a.left_out},
                                {"absent", a.absent.empty() ? Json() : Json(a.absent)}});
  return out;
}

void run_study_score(const ScoreArguments& arguments) {
  if (!arguments.json.empty()) {
    std::vector<std::string> inputs = arguments.sheets;
    inputs.push_back(arguments.key);
    check_output_file(arguments.json, inputs);
  }
  const Study study = read_key(arguments.key);
  std::vector<FilledSheet> sheets;
  for (const std::string& path : arguments.sheets) {
    sheets.push_back(read_sheet(path, study, !arguments.allow_open));
    if (sheets.back().open > 0)
      fmt::print(stderr, "{}: {} answers are open and left out\n", printable(path), sheets.back().open);
  }
  check_raters(sheets);
  const StudyFigures figures = figures_of(study, sheets, arguments.bootstrap);
  if (!arguments.json.empty())
    write_text_atomically(arguments.json, figures_json(study, figures, arguments).dump(2) + "\n");
  const auto table = arguments.markdown ? as_markdown : aligned;
  fmt::print("{}\n", table(rating_cells(study, figures), 2));
  if (!figures.comparisons.empty()) fmt::print("{}\n", table(comparison_cells(study, figures), 2));
  fmt::print("{}\n", table(agreement_cells(figures), 1));
  fmt::print("{} contexts, {} of {} raters; intervals by drawing contexts again (κ: items), {} draws, seed {}\n",
             study.contexts.size(), sheets.size(), study.raters, arguments.bootstrap.resamples,
             arguments.bootstrap.seed);
}

void add_make(CLI::App& study) {
  const auto a = std::make_shared<MakeArguments>();
  CLI::App* command =
      study.add_subcommand("make", "Draws contexts, hides who wrote which reply, and writes a sheet for each rater");
  command
      ->add_option("replies", a->replies,
                   "Files of replies to the same posts with their contexts (`generate --format jsonl`), one a system, "
                   "as FILE or NAME=FILE")
      ->required()
      ->type_name("REPLIES");
  command->add_option("--out", a->out, "Folder for key.json and sheets/")->required()->type_name("DIR");
  command->add_option("--contexts", a->options.contexts, "Contexts to draw")
      ->check(CLI::Range(1, 9999))
      ->capture_default_str();
  command->add_option("--raters", a->options.raters, "Sheets to write, each in an order of its own")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--pairs", a->pairs, "Which systems are compared: the first with each other one, all, none")
      ->check(CLI::IsMember({"first", "all", "none"}))
      ->capture_default_str();
  command->add_flag("--gold", a->options.gold, "The human replies take part as the system gold");
  command->add_option("--seed", a->options.seed, "Of all drawing")->check(check_seed)->capture_default_str();
  add_reply_file_options(*command, a->file);
  command->callback([a] { run_make(*a); });
}

void add_score(CLI::App& study) {
  const auto a = std::make_shared<ScoreArguments>();
  CLI::App* command =
      study.add_subcommand("score", "Means, wins and losses, and the raters' agreement of filled sheets");
  command->add_option("key", a->key, "The study's key.json")->required()->type_name("KEY");
  command->add_option("sheets", a->sheets, "Filled sheets (.csv), one of each rater")->required()->type_name("SHEETS");
  command->add_flag("--allow-open", a->allow_open, "Leave out answers that are open in place of refusing the sheet");
  command->add_option("--resamples", a->bootstrap.resamples, "Draws for the intervals")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", a->bootstrap.seed, "Of these draws")->check(check_seed)->capture_default_str();
  command->add_flag("--markdown", a->markdown, "Print Markdown");
  command->add_option("--json", a->json, "File to write all figures to")->type_name("FILE");
  command->callback([a] { run_study_score(*a); });
}

}  // namespace

void add_study_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("study", "Sheets for human raters, and the figures of filled ones");
  command->require_subcommand(1);
  add_make(*command);
  add_score(*command);
}

}  // namespace ethreed
