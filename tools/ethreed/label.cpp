#include "core/atomic_file.h"
#include "model/interface/device_model.h"
#include "model/text/corpus_folder.h"
#include "model/text/word_table.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <memory>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct LabelArguments {
  RunArguments run;
  std::string out;
  std::string parties = "both";
  int max_length = 100;
  bool distribution = false;
};

// A field of the file to be: in quotation marks where it needs them.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

// The utterances of one split, as rows of the file to be.
struct Utterances {
  std::vector<std::string> rows;  // "split,conv_id,utterance_idx"
  std::vector<std::vector<std::int32_t>> words;
};

Utterances read_utterances(const fs::path& path, const std::string& split, const LabelArguments& arguments,
                           const WordTable& vocabulary) {
  const CorpusSplit corpus = read_corpus_split(path, split);
  Utterances out;
  const bool speaker = arguments.parties != "listener", listener = arguments.parties != "speaker";
  for (const auto* dialogues : {&corpus.dialogues, &corpus.dropped})
    for (const Dialogue& dialogue : *dialogues)
      for (std::int32_t number = 1; number <= dialogue.rows; ++number) {
        if (dialogue.by_listener(number) ? !listener : !speaker) continue;
        out.rows.push_back(fmt::format("{},{},{}", split, quoted(dialogue.conversation_id), number));
        out.words.push_back(encode_known(dialogue.utterance(number), vocabulary, arguments.max_length));
      }
  return out;
}

std::vector<double> softmax_of(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  double sum = 0;
  for (const float x : logits) sum += p.emplace_back(std::exp(static_cast<double>(x) - most));
  for (double& x : p) x /= sum;
  return p;
}

std::string header(const LabelArguments& arguments, const std::vector<std::string>& classes) {
  std::string text = "split,conv_id,utterance_idx,label,probability";
  if (arguments.distribution)
    for (const std::string& name : classes) text += "," + quoted("p_" + name);
  return text + "\n";
}

void run_label(const LabelArguments& arguments) {
  check_output_file(arguments.out, corpus_files(arguments.run));
  const LoadedRun run = load_run(arguments.run);
  const Model& model = run.model();
  ETHREED_CHECK(model.unit() == Unit::text,
                "{}: is a run of model '{}', which labels no texts; train a classifier of texts (see: ethreed models)",
                arguments.run.run, model.name());
  const std::vector<std::string> classes = classes_of(run.info, model.label_set());
  WordTable vocabulary;
  for (const std::string& word : run.info.vocabulary) vocabulary.id(word);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  Evaluator<float> evaluator(context, model, device.model());
  AtomicFile file{fs::path(arguments.out)};
  file.write(std::string_view(header(arguments, classes)));
  std::size_t labelled = 0, splits = 0;
  catch_interruptions();
  for (const auto& [split, path] : find_split_files(arguments.run.corpus)) {
    ++splits;
    const Utterances utterances = read_utterances(path, split, arguments, vocabulary);
    std::vector<Example> texts;
    for (const auto& words : utterances.words)
      texts.push_back({.text = words, .place = static_cast<std::int64_t>(texts.size())});
    evaluator.label(texts, [&](int i, std::span<const float> logits) {
      ETHREED_CHECK(!interrupted(), "{}: interrupted, not written", arguments.out);
      const std::vector<double> p = softmax_of(logits);
      const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
      std::string line =
          fmt::format("{},{},{:.6f}", utterances.rows[static_cast<std::size_t>(i)], quoted(classes[best]), p[best]);
      if (arguments.distribution) line += fmt::format(",{:.6f}", fmt::join(p, ","));
      file.write(std::string_view(line + "\n"));
    });
    labelled += texts.size();
  }
  ETHREED_CHECK(splits > 0, "{}: holds no train.csv, valid.csv or test.csv; give the folder of a corpus",
                arguments.run.corpus);
  file.commit();
  fmt::print("{}: {} utterances of {} splits, {} classes of '{}', by model '{}'\n", arguments.out, labelled, splits,
             classes.size(), model.label_set(), model.name());
}

}  // namespace

void add_label_command(CLI::App& app) {
  const auto a = std::make_shared<LabelArguments>();
  CLI::App* command = app.add_subcommand(
      "label", "Label every utterance of a corpus by a trained classifier of texts, in the format that prepare reads");
  add_run_options(*command, a->run, false);
  command->add_option("corpus", a->run.corpus, "Folder with train.csv, valid.csv and test.csv, where present")
      ->required()
      ->type_name("CORPUS_DIR");
  command->add_option("--out", a->out, "CSV file to write")->required()->type_name("FILE");
  command->add_option("--parties", a->parties, "Whose utterances")
      ->check(CLI::IsMember({"both", "speaker", "listener"}))
      ->capture_default_str();
  command->add_option("--max-length", a->max_length, "Tokens read of an utterance, end mark included")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str();
  command->add_flag("--distribution", a->distribution, "Write the probability of every class, too");
  command->callback([a] { run_label(*a); });
}

}  // namespace ethreed
