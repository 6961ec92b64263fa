#include "model/text/prepare.h"

#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace ethreed {

namespace {

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
  const auto like = std::make_shared<std::string>();
  const auto checkpoint = std::make_shared<std::string>("best");
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
  add_label_column_option(*command, *label_columns);
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
  CLI::Option* like_run =
      command
          ->add_option("--like", *like,
                       "Make data for this run: its vocabulary, classes and lengths; train.csv may be absent")
          ->type_name("RUN");
  command->add_option("--checkpoint", *checkpoint, "With --like: which checkpoint of the run")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str()
      ->needs(like_run);
  for (const char* option : {"--min-frequency", "--max-length", "--max-situation-length", "--dimension"})
    like_run->excludes(command->get_option(option));
  command->callback([options, other_labels, label_columns, like, checkpoint] {
    options->other_labels = *other_labels == "ignore" ? OtherLabels::ignore : OtherLabels::error;
    options->label_columns = parse_label_columns(*label_columns);
    options->like.reset();
    if (!like->empty()) options->like = likeness_of(load_checkpoint_info(checkpoint_in(*like, *checkpoint)));
    run_prepare(*options);
  });
}

}  // namespace ethreed
