// Measures everything on this machine: peaks, operations, a training step by stage, training end to end, replies,
// conversations, data, growth; of the first model, or --model NAME. Prints Markdown tables; --json writes the same for
// bench_compare (the format is in harness/report.h).
//   bench_all DATA_DIR --json before.json          everything, some minutes; DATA_DIR is what `ethreed prepare` wrote
//   bench_all --quick                              one minute, on a generated corpus; says little
//   bench_all --only operations --filter gru --threads 1,2
//   bench_all --only data --dialogues 1000,1000000

#include "benchmarks/harness/subprocess.h"
#include "benchmarks/sections/sections.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "model/text/prepare.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>

#include <unistd.h>

namespace {

using namespace ethreed;
using namespace ethreed::bench;
namespace fs = std::filesystem;

const std::vector<std::string> section_names{"operations",   "stages", "training", "decoding",
                                             "conversation", "data",   "growth"};

struct Arguments {
  Options options;
  std::vector<std::string> only = section_names;
  std::string json, point, work;
};

// A folder for generated corpora that is gone afterwards.
class WorkFolder {
 public:
  explicit WorkFolder(const fs::path& parent) : path_(parent / fmt::format("ethreed-bench-{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Where no data are given: a generated corpus. Its vocabulary is small, so the times are no figures of the real corpus.
void generate_data(Options& options) {
  const fs::path corpus = options.work / "corpus", data = options.work / "data";
  output_of({options.generator, "--dialogues", "1000", "--valid", "100", "--out", corpus.string()});
  prepare({.corpus_directory = corpus, .output_directory = data, .vectors = {}, .labels = corpus / "labels.csv"});
  options.data = data.string();
}

// Sections that the model can be measured in, of those that were not asked for by name.
void drop_replies(Arguments& arguments) {
  const Dataset data = Dataset::open(arguments.options.data);
  const RunConfig config = config_for(describe(data), arguments.options.model, 1);
  if (!arguments.options.run.empty() || config.model->writes_replies()) return;
  std::erase_if(arguments.only, [](const std::string& name) { return name == "decoding" || name == "conversation"; });
  fmt::print("Not measured: replies and conversations, for model {} writes no replies.\n\n", config.model->name());
}

void run(Arguments& arguments, std::string command) {
  Options& options = arguments.options;
  const auto wants = [&](const char* name) {
    return std::find(arguments.only.begin(), arguments.only.end(), name) != arguments.only.end();
  };
  const WorkFolder work(arguments.work);
  options.work = work.path();
  const bool generated = options.data.empty();
  if (generated) generate_data(options);
  if (arguments.only == section_names) drop_replies(arguments);
  Report report{.command = std::move(command), .machine = measure_machine(options.quick ? 3 : 25), .sections = {}};
  fmt::print("{}", markdown_of(report.machine));
  if (generated) fmt::print("No DATA_DIR given: on a generated corpus of 1,000 dialogues with a small vocabulary.\n\n");
  const auto add = [&](Section section) {
    fmt::print("{}", markdown_of(section));
    std::fflush(stdout);
    report.sections.push_back(std::move(section));
  };
  if (wants("operations")) add(measure_operations(options, report.machine));
  if (wants("stages"))
    for (Section& section : measure_stages(options, report.machine)) add(std::move(section));
  if (wants("training")) add(measure_training(options));
  if (wants("decoding")) add(measure_decoding(options));
  if (wants("conversation")) add(measure_conversation(options));
  if (wants("data")) add(measure_data(options));
  if (wants("growth")) add(measure_growth(options));
  if (!arguments.json.empty()) write_text_atomically(arguments.json, to_json(report).dump(1) + "\n");
}

// `--quick` stands for smaller defaults; what is given explicitly stays.
void make_quick(Options& options, const CLI::App& app) {
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  if (!given("--batches")) options.batches = 4;
  if (!given("--passes")) options.passes = 3;
  if (!given("--dialogues")) options.dialogues = {1'000};
  if (!given("--batch-sizes")) options.batch_sizes = {8, 32};
  if (!given("--vocabularies")) options.vocabularies = {5'000, 20'000};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  Options& options = arguments.options;
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (cores > 1) options.threads.push_back(cores);
  options.generator = ETHREED_SAMPLE_CORPUS;
  arguments.work = fs::temp_directory_path().string();
  CLI::App app{
      "Measures operations, training steps by stage, training, replies, conversations, data and growth on this "
      "machine. Prints Markdown tables."};
  app.add_option("data", options.data,
                 "Folder that `ethreed prepare --out` wrote; without it, a small generated corpus");
  app.add_option("--only", arguments.only, "Sections to measure, separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember(section_names))
      ->capture_default_str();
  app.add_flag("--quick", options.quick, "Few samples and small sizes: to see that it runs");
  app.add_option("--json", arguments.json, "File to write for bench_compare")->type_name("FILE");
  app.add_option("--threads", options.threads, "Numbers of threads; data and growth take the last")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--filter", options.filter, "Only operations whose name and case hold this")->type_name("TEXT");
  app.add_option("--dtype", options.dtypes, "Types of the operations")
      ->delimiter(',')
      ->check(CLI::IsMember({"float32", "float64"}))
      ->capture_default_str();
  add_model_options(app, options.model);
  app.add_option("--batch", options.batch, "Examples of a batch")->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--batches", options.batches, "Different batches in a pass")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--passes", options.passes, "Timed passes over them")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--run", options.run, "A trained run that writes the replies (its best checkpoint)")->type_name("RUN");
  const CLI::Range sizes(std::int64_t{1}, std::int64_t{1} << 30);
  app.add_option("--dialogues", options.dialogues, "Sizes of generated corpora")
      ->delimiter(',')
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--batch-sizes", options.batch_sizes, "Batch sizes to grow through")
      ->delimiter(',')
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--vocabularies", options.vocabularies, "Vocabularies to grow through")
      ->delimiter(',')
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--generator", options.generator, "The program ethreed-sample-corpus")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--work", arguments.work, "Folder for generated corpora")->type_name("DIR")->capture_default_str();
  app.add_option("--point", arguments.point, "One size of data or growth, for bench_all itself")->group("");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) make_quick(options, app);
  std::string command = "bench_all";
  for (int i = 1; i < argc; ++i) command += std::string(" ") + argv[i];
  try {
    if (arguments.point.empty()) {
      run(arguments, std::move(command));
    } else {
      options.work = arguments.work;
      print_point(options, arguments.point);
    }
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "bench_all: {}\n", error.what());
    return 1;
  }
  return 0;
}
