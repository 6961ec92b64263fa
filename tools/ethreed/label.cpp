#include "core/atomic_file.h"
#include "model/blocks/softmax.h"
#include "model/encoders/text_classifier.h"
#include "model/interface/device_model.h"
#include "model/text/corpus_folder.h"
#include "model/text/word_table.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

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

using Distributions = std::vector<std::vector<double>>;  // [texts][classes]

// A trained run, or a classifier on a pretrained encoder.
class Labeller {
 public:
  virtual ~Labeller() = default;
  virtual const std::vector<std::string>& classes() const = 0;
  virtual std::string description() const = 0;
  // Throws Error at Ctrl-C.
  virtual Distributions label(const std::vector<std::string>& texts) = 0;
};

void check_going_on(const LabelArguments& arguments) {
  ETHREED_CHECK(!interrupted(), "{}: interrupted, not written", arguments.out);
}

class RunLabeller final : public Labeller {
 public:
  explicit RunLabeller(const LabelArguments& arguments)
      : arguments_(arguments),
        run_(load_run(arguments.run)),
        runtime_(open_runtime(arguments.run.device)),
        context_(runtime_->context()) {
    const Model& model = run_.model();
    ETHREED_CHECK(
        model.unit() == Unit::text,
        "{}: is a run of model '{}', which labels no texts; train a classifier of texts (see: ethreed models)",
        arguments.run.run, model.name());
    classes_ = classes_of(run_.info, model.label_set());
    vocabulary_ = run_.info.word_table();
    device_.emplace(context_, *run_.state);
    evaluator_.emplace(context_, model, device_->model());
  }
  const std::vector<std::string>& classes() const override { return classes_; }
  std::string description() const override {
    return fmt::format("classes of '{}', by model '{}'", run_.model().label_set(), run_.model().name());
  }
  Distributions label(const std::vector<std::string>& texts) override {
    std::vector<std::vector<std::int32_t>> words;
    for (const std::string& text : texts)
      words.push_back(encode_known(text, vocabulary_, arguments_.max_length.value_or(100)));
    std::vector<Example> examples;
    for (const auto& text : words)
      examples.push_back({.text = text, .place = static_cast<std::int64_t>(examples.size())});
    Distributions out;
    evaluator_->label(examples, [&](int, std::span<const float> logits) {
      check_going_on(arguments_);
      out.push_back(softmax_of(logits));
    });
    return out;
  }

 private:
  const LabelArguments& arguments_;
  LoadedRun run_;
  std::vector<std::string> classes_;
  WordTable vocabulary_;
  std::unique_ptr<Runtime> runtime_;
  Context context_;
  std::optional<DeviceModel<float>> device_;
  std::optional<Evaluator<float>> evaluator_;
};

class EncoderLabeller final : public Labeller {
 public:
  explicit EncoderLabeller(const LabelArguments& arguments)
      : arguments_(arguments),
        classifier_(arguments.run.run),
        runtime_(open_runtime(arguments.run.device)),
        context_(runtime_->context()) {
    ETHREED_CHECK(context_.on_host(), "{}: classifiers on encoders run on the CPU; use --device cpu",
                  arguments.run.run);
  }
  const std::vector<std::string>& classes() const override { return classifier_.labels(); }
  std::string description() const override { return "classes, by " + classifier_.description(); }
  Distributions label(const std::vector<std::string>& texts) override {
    std::vector<SubwordRow> rows;
    for (const std::string& text : texts) rows.push_back(classifier_.row_of(text, arguments_.max_length.value_or(128)));
    Distributions out(texts.size());
    BatchProgress progress("labels", texts.size(), 0, false);
    std::size_t done = 0;
    classifier_.classify(context_, rows, [&](int row, std::span<const double> p) {
      check_going_on(arguments_);
      out[static_cast<std::size_t>(row)].assign(p.begin(), p.end());
      progress.at(++done);
    });
    return out;
  }

 private:
  const LabelArguments& arguments_;
  TextClassifier classifier_;
  std::unique_ptr<Runtime> runtime_;
  Context context_;
};

std::unique_ptr<Labeller> labeller_of(const LabelArguments& arguments) {
  if (TextClassifier::is_folder_of_one(arguments.run.run)) return std::make_unique<EncoderLabeller>(arguments);
  return std::make_unique<RunLabeller>(arguments);
}

std::string header(const LabelArguments& arguments, const std::vector<std::string>& classes) {
  std::string text = "split,conv_id,utterance_idx,label,probability";
  if (arguments.distribution)
    for (const std::string& name : classes) text += "," + quoted("p_" + name);
  return text + "\n";
}

void run_label(const LabelArguments& arguments) {
  check_output_file(arguments.out, corpus_files(arguments.run));
  const std::unique_ptr<Labeller> labeller = labeller_of(arguments);
  const std::vector<std::string>& classes = labeller->classes();
  AtomicFile file{fs::path(arguments.out)};
  file.write(std::string_view(header(arguments, classes)));
  std::size_t labelled = 0, splits = 0;
  catch_interruptions();
  for (const auto& [split, path] : find_split_files(arguments.run.corpus)) {
    ++splits;
    const Utterances utterances = read_utterances(path, split, arguments.parties);
    const Distributions distributions = labeller->label(utterances.texts);
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
  fmt::print("{}: {} utterances of {} splits, {} {}\n", arguments.out, labelled, splits, classes.size(),
             labeller->description());
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
