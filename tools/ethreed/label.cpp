#include "core/atomic_file.h"
#include "model/text/corpus_folder.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/table_notes.h"
#include "tools/ethreed/text_labeller.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct LabelArguments {
  RunArguments run;
  std::string out;
  std::string parties = "both";
  std::optional<int> max_length;
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
  std::vector<std::string> texts;
};

Utterances read_utterances(const fs::path& path, const std::string& split, const std::string& parties) {
  const CorpusSplit corpus = read_corpus_split(path, split);
  for (const std::string& note : table_notes(corpus)) fmt::print(stderr, "note: {}\n", note);
  Utterances out;
  const bool speaker = parties != "listener", listener = parties != "speaker";
  for (const auto* dialogues : {&corpus.dialogues, &corpus.dropped})
    for (const Dialogue& dialogue : *dialogues)
      for (std::int32_t number = 1; number <= dialogue.rows; ++number) {
        if (dialogue.by_listener(number) ? !listener : !speaker) continue;
        out.rows.push_back(fmt::format("{},{},{}", split, quoted(dialogue.conversation_id), number));
        out.texts.push_back(dialogue.utterance(number));
      }
  return out;
}

std::string header(const LabelArguments& arguments, const std::vector<std::string>& classes) {
  std::string text = "split,conv_id,utterance_idx,label,probability";
  if (arguments.distribution)
    for (const std::string& name : classes) text += "," + quoted("p_" + name);
  return text + "\n";
}

void run_label(const LabelArguments& arguments) {
  check_output_file(arguments.out, corpus_files(arguments.run));
  const std::unique_ptr<TextLabeller> labeller = open_labeller(arguments.run, arguments.max_length);
  const std::vector<std::string>& classes = labeller->classes();
  AtomicFile file{fs::path(arguments.out)};
  file.write(std::string_view(header(arguments, classes)));
  std::size_t labelled = 0, splits = 0;
  catch_interruptions();
  for (const auto& [split, path] : find_split_files(arguments.run.corpus)) {
    ++splits;
    const Utterances utterances = read_utterances(path, split, arguments.parties);
    std::vector<std::vector<double>> distributions(utterances.texts.size());
    BatchProgress progress("labels", distributions.size(), 0, false);
    std::size_t done = 0;
    labeller->label(utterances.texts, [&](int i, std::span<const double> p) {
      ETHREED_CHECK(!interrupted(), "{}: interrupted, not written", arguments.out);
      distributions[static_cast<std::size_t>(i)].assign(p.begin(), p.end());
      progress.at(++done);
    });
    for (std::size_t i = 0; i < distributions.size(); ++i) {
      const std::vector<double>& p = distributions[i];
      const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
      std::string line = fmt::format("{},{},{:.6f}", utterances.rows[i], quoted(classes[best]), p[best]);
      if (arguments.distribution) line += fmt::format(",{:.6f}", fmt::join(p, ","));
      file.write(std::string_view(line + "\n"));
    }
    labelled += distributions.size();
  }
  ETHREED_CHECK(splits > 0, "{}: holds no train.csv, valid.csv or test.csv; give the folder of a corpus",
                arguments.run.corpus);
  file.commit();
  const std::string label_set = labeller->label_set();
  fmt::print("{}: {} utterances of {} splits, {} classes{}, by {}\n", arguments.out, labelled, splits, classes.size(),
             label_set.empty() ? "" : fmt::format(" of '{}'", label_set), labeller->description());
}

}  // namespace

void add_label_command(CLI::App& app) {
  const auto a = std::make_shared<LabelArguments>();
  CLI::App* command = app.add_subcommand("label",
                                         "Label every utterance of a corpus by a classifier of texts, trained or "
                                         "fine-tuned, in the format that prepare reads");
  add_run_options(*command, a->run, false);
  command->add_option("corpus", a->run.corpus, "Folder with train.csv, valid.csv and test.csv, where present")
      ->required()
      ->type_name("CORPUS_DIR");
  command->add_option("--out", a->out, "CSV file to write")->required()->type_name("FILE");
  command->add_option("--parties", a->parties, "Whose utterances")
      ->check(CLI::IsMember({"both", "speaker", "listener"}))
      ->capture_default_str();
  command
      ->add_option("--max-length", a->max_length,
                   "Tokens read of an utterance, end mark included; default: 100, of encoders 128")
      ->check(CLI::Range(2, 10000));
  command->add_flag("--distribution", a->distribution, "Write the probability of every class, too");
  command->callback([a] { run_label(*a); });
}

}  // namespace ethreed
