#include "model/text/prepare.h"

#include "model/text/table_reader.h"
#include "tools/ethreed/commands.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace ethreed {

namespace {

// NAME=FILE. A name that is none, or one twice, is refused by prepare.
LabelColumnFile parse_label_column(const std::string& text) {
  const std::size_t mark = text.find('=');
  return {text.substr(0, mark), text.substr(mark + 1)};
}

std::string check_label_column(const std::string& text) {
  const std::size_t mark = text.find('=');
  if (mark != std::string::npos && mark > 0 && mark + 1 < text.size()) return {};
  return fmt::format("'{}' is no column; give NAME=FILE", text);
}

// Options that are words.
struct Choices {
  std::string other_labels = "error", labels_of = "auto", emotion_per = "auto", empty = "drop", listener_first = "keep";
  std::string delimiter;
};

void take(const Choices& choices, PrepareOptions& options) {
  options.other_labels = choices.other_labels == "ignore" ? OtherLabels::ignore : OtherLabels::error;
  options.labels_of = choices.labels_of == "both"       ? LabelsOf::both
                      : choices.labels_of == "listener" ? LabelsOf::listener
                                                        : LabelsOf::automatic;
  options.emotions.per = choices.emotion_per == "dialogue"    ? EmotionPer::dialogue
                         : choices.emotion_per == "utterance" ? EmotionPer::utterance
                                                              : EmotionPer::automatic;
  options.corpus.empty = choices.empty == "keep"     ? EmptyUtterances::keep
                         : choices.empty == "refuse" ? EmptyUtterances::refuse
                                                     : EmptyUtterances::drop;
  options.corpus.listener_first = choices.listener_first == "drop" ? ListenerFirst::drop : ListenerFirst::keep;
  if (!choices.delimiter.empty()) options.corpus.delimiter = parse_delimiter(choices.delimiter);
}

void add_corpus_options(CLI::App& command, PrepareOptions& options, Choices& choices) {
  command
      .add_option("--delimiter", choices.delimiter,
                  "What separates columns: comma, tab, semicolon or one mark (default: seen from the header)")
      ->type_name("NAME");
  command.add_flag("--join-consecutive", options.corpus.join_consecutive,
                   "Rows of one party that follow each other are one utterance");
  command.add_option("--empty", choices.empty, "What becomes of a turn whose post or response has no word")
      ->check(CLI::IsMember({"drop", "keep", "refuse"}))
      ->capture_default_str();
  command
      .add_option("--listener-first", choices.listener_first, "What becomes of a listener's row that opens a dialogue")
      ->check(CLI::IsMember({"keep", "drop"}))
      ->capture_default_str();
  command
      .add_option("--emotions", options.emotions.set,
                  "The emotions' names, one a line (default: the 32 of EmpatheticDialogues or, where train has others, "
                  "those of train)")
      ->type_name("FILE");
  command
      .add_option(
          "--emotion-per", choices.emotion_per,
          "What the column of emotions is of; auto: of utterances where it differs within half of the dialogues")
      ->check(CLI::IsMember({"auto", "dialogue", "utterance"}))
      ->capture_default_str();
}

void run_prepare(const PrepareOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const PrepareSummary summary = prepare(options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}\nwrote {} in {:.2f} s\n", summary.text(), options.output_directory.string(), seconds.count());
}

}  // namespace

void add_prepare_command(CLI::App& app) {
  const auto options = std::make_shared<PrepareOptions>();
  const auto choices = std::make_shared<Choices>();
  const auto label_columns = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("prepare", "Turn a corpus into a data set for training");
  command
      ->add_option("corpus", options->corpus_directory,
                   "Folder with train.csv, and valid.csv (or validation, dev) and test.csv where present; also .tsv, "
                   ".jsonl, .json")
      ->required()
      ->type_name("CORPUS_DIR");
  add_corpus_options(*command, *options, *choices);
  command->add_option("--out", options->output_directory, "Folder for the data set")->required()->type_name("DIR");
  command->add_option("--vectors", options->vectors, "Word vectors in text form (GloVe, word2vec), also as .gz or .zip")
      ->type_name("FILE");
  command
      ->add_option("--labels", options->labels,
                   "Emotions of the replies: a table with the columns conv_id, utterance_idx, label")
      ->type_name("FILE");
  command
      ->add_option(
          "--labels-of", choices->labels_of,
          "Whose labels --labels gives; auto: the speaker's, too, where the corpus does not have one emotion a "
          "dialogue")
      ->check(CLI::IsMember({"auto", "listener", "both"}))
      ->capture_default_str();
  command->add_option("--other-labels", choices->other_labels, "What to do with a label that is none of the emotions")
      ->check(CLI::IsMember({"error", "ignore"}))
      ->capture_default_str();
  command
      ->add_option(
          "--label-column", *label_columns,
          "Labels of all utterances under a name: a table with the columns conv_id, utterance_idx, label (may be "
          "given again for another column)")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false)
      ->check(check_label_column);
  command
      ->add_option("--min-frequency", options->min_frequency,
                   "How often a word must occur in train to enter the vocabulary")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--max-length", options->max_length,
                   "Longest utterance in tokens, end mark included; longer ones are cut")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  command
      ->add_option("--max-situation-length", options->max_situation_length,
                   "Longest situation in tokens, end mark included; longer ones are cut")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  command->add_option("--dimension", options->dimension, "Size of the word vectors where no file is given")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->callback([options, choices, label_columns] {
    take(*choices, *options);
    options->label_columns.clear();
    for (const std::string& column : *label_columns) options->label_columns.push_back(parse_label_column(column));
    run_prepare(*options);
  });
}

}  // namespace ethreed
