#include "model/text/prepare.h"

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

void run_prepare(const PrepareOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const PrepareSummary summary = prepare(options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}\nwrote {} in {:.2f} s\n", summary.text(), options.output_directory.string(), seconds.count());
}

}  // namespace

void add_prepare_command(CLI::App& app) {
  const auto options = std::make_shared<PrepareOptions>();
  const auto other_labels = std::make_shared<std::string>("error");
  const auto label_columns = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("prepare", "Turn the corpus's CSV files into a data set for training");
  command
      ->add_option("corpus", options->corpus_directory,
                   "Folder with train.csv, and valid.csv and test.csv where present")
      ->required()
      ->type_name("CORPUS_DIR");
  command->add_option("--out", options->output_directory, "Folder for the data set")->required()->type_name("DIR");
  command->add_option("--vectors", options->vectors, "Word vectors in text form (GloVe, word2vec)")->type_name("FILE");
  command
      ->add_option("--labels", options->labels,
                   "Emotions of the replies: CSV with the columns conv_id, utterance_idx, label")
      ->type_name("FILE");
  command->add_option("--other-labels", *other_labels, "What to do with a label that is none of the 32 emotions")
      ->check(CLI::IsMember({"error", "ignore"}))
      ->capture_default_str();
  command
      ->add_option("--label-column", *label_columns,
                   "Labels of all utterances under a name: CSV with the columns conv_id, utterance_idx, label (may be "
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
  command->callback([options, other_labels, label_columns] {
    options->other_labels = *other_labels == "ignore" ? OtherLabels::ignore : OtherLabels::error;
    options->label_columns.clear();
    for (const std::string& column : *label_columns) options->label_columns.push_back(parse_label_column(column));
    run_prepare(*options);
  });
}

}  // namespace ethreed
