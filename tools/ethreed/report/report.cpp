#include "core/atomic_file.h"
#include "core/printable.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/report/case_study.h"
#include "tools/ethreed/report/latent_modes.h"
#include "tools/ethreed/report/report_page.h"
#include "tools/ethreed/report/report_run.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int report_format = 1;

struct ReportArguments {
  EvaluateArguments evaluate;
  std::string out, title;
  int dialogues = 6;
  std::vector<std::string> cases, latents;
  std::string classifier;
  bool quiet = false;
};

// How the page calls the runs: by their folders' names, where these differ, else by their paths.
std::vector<std::string> names_of(const std::vector<std::string>& runs) {
  std::vector<std::string> names;
  for (const std::string& run : runs) names.push_back(printable(fs::path(run + "/").parent_path().filename().string()));
  if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) return names;
  names.clear();
  for (const std::string& run : runs) names.push_back(printable(run));
  return names;
}

void run_report(const ReportArguments& arguments) {
  check_output_file(arguments.out, corpus_files(arguments.evaluate.run));
  arguments.evaluate.decode.checked();
  std::vector<std::string> runs{arguments.evaluate.run.run};
  runs.insert(runs.end(), arguments.evaluate.more_runs.begin(), arguments.evaluate.more_runs.end());
  const std::vector<std::string> names = names_of(runs);
  ETHREED_CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size(),
                "report: a run is given twice: {}; give each once", fmt::join(names, ", "));
  const std::string title =
      arguments.title.empty() ? fmt::format("Report of {}", fmt::join(names, ", ")) : printable(arguments.title);
  for (const std::string& mode : arguments.latents)
    ETHREED_CHECK(std::count(arguments.latents.begin(), arguments.latents.end(), mode) == 1,
                  "--latents: {} stands there twice", mode);
  ETHREED_CHECK(arguments.latents.size() != 1,
                "--latents {}: wanted two or more, to be compared; for one give --latent", arguments.latents.front());
  std::optional<ReplyClassifier> emotions;
  if (!arguments.classifier.empty())
    emotions.emplace(RunArguments{.run = arguments.classifier, .device = arguments.evaluate.run.device});
  const std::unique_ptr<BertScorer> bert = arguments.evaluate.bert_scorer();
  catch_interruptions();
  Json all = Json::array(), cases;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    if (!arguments.quiet) fmt::print("run {} of {}: {}\n", r + 1, runs.size(), names[r]);
    std::fflush(stdout);
    EvaluateArguments one = arguments.evaluate;
    one.run.run = runs[r];
    OpenedRun opened(one.run);
    std::vector<std::string> left_out;
    const std::vector<std::string> latents = latent_modes_of(opened.model(), arguments.latents, left_out);
    if (!latents.empty()) one.decode.latent = latents.front();
    if (r == 0)
      cases = case_dialogues(opened, arguments.cases.empty()
                                         ? draw_dialogues(opened.split, one.decode.options.seed, arguments.dialogues)
                                         : arguments.cases);
    add_case_answers(opened, one.decode, latents, cases);  // first, as it fails first
    all.push_back(report_run(opened, one, names[r], arguments.latents, emotions ? &*emotions : nullptr, bert.get()));
  }
  const Json data{{"format", report_format},
                  {"title", title},
                  {"program", "ethreed " ETHREED_VERSION},
                  {"library", "Chart.js " ETHREED_CHART_VERSION},
                  {"split", arguments.evaluate.run.split},
                  {"seed", arguments.evaluate.decode.options.seed},
                  {"runs", std::move(all)},
                  {"cases", std::move(cases)}};
  AtomicFile file{fs::path(arguments.out)};
  file.write(std::string_view(report_page(data, title)));
  file.commit();
  if (!arguments.quiet)
    fmt::print("{}: {} runs, {} dialogues; open it in a browser\n", arguments.out, runs.size(), data["cases"].size());
}

}  // namespace

void add_report_command(CLI::App& app) {
  const auto a = std::make_shared<ReportArguments>();
  CLI::App* command = app.add_subcommand(
      "report", "A page that compares runs: learning curves, figures, emotions, calibration, replies side by side");
  add_run_options(*command, a->evaluate.run, true);
  command->add_option("more_runs", a->evaluate.more_runs, "Other runs, to be compared")->type_name("RUN");
  command->add_option("--out", a->out, "Page to write (HTML); it needs no network")->required()->type_name("FILE");
  command->add_option("--title", a->title, "Title of the page")->type_name("TEXT");
  command
      ->add_option("--limit", a->evaluate.replies,
                   "Replies to the first N dialogues only; other figures are of the whole split")
      ->check(CLI::Range(1, 1'000'000'000))
      ->type_name("N");
  CLI::Option* dialogues =
      command->add_option("--dialogues", a->dialogues, "Dialogues of the case study, drawn by the seed")
          ->check(CLI::Range(0, 1000))
          ->type_name("N")
          ->capture_default_str();
  command->add_option("--cases", a->cases, "These dialogues in place of drawn ones: names, commas between them")
      ->delimiter(',')
      ->type_name("IDS")
      ->excludes(dialogues);
  add_decode_options(*command, a->evaluate.decode, false, true);
  command
      ->add_option("--latents", a->latents,
                   "Values of --latent with commas between them, the first for the whole page: replies side by side, "
                   "and how figures differ, with intervals")
      ->delimiter(',')
      ->check(CLI::IsMember({"sample", "mean", "shuffled"}))
      ->type_name("MODES")
      ->excludes(command->get_option("--latent"));
  command
      ->add_option("--classifier", a->classifier,
                   "Classifier of texts, a run or what fine-tune made, for the emotions of replies in that comparison")
      ->type_name("RUN")
      ->needs(command->get_option("--latents"));
  add_bert_score_options(*command, a->evaluate.bert_score, false);
  command->add_flag("--quiet", a->quiet, "Print nothing but errors");
  command->callback([a] { run_report(*a); });
}

}  // namespace ethreed
