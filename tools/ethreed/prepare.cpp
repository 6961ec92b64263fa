#include "tools/ethreed/prepare_options.h"

#include "core/error.h"
#include "model/text/table_reader.h"
#include "model/text/tokenizer.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/locked_folder.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace ethreed {

namespace {

void add_corpus_options(CLI::App& command, PrepareOptions& options, PrepareArguments& choices) {
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
      .add_option("--replies", choices.replies,
                  "Which replies the data has; but-last: of no dialogue the last one, as in EmpDG's release")
      ->check(CLI::IsMember({"all", "but-last"}))
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

}  // namespace

PrepareOptions PrepareArguments::checked() const {
  PrepareOptions result = options;
  result.other_labels = other_labels == "ignore" ? OtherLabels::ignore : OtherLabels::error;
  result.labels_of = labels_of == "both"       ? LabelsOf::both
                     : labels_of == "listener" ? LabelsOf::listener
                                               : LabelsOf::automatic;
  result.emotions.per = emotion_per == "dialogue"    ? EmotionPer::dialogue
                        : emotion_per == "utterance" ? EmotionPer::utterance
                                                     : EmotionPer::automatic;
  result.corpus.empty = empty == "keep"     ? EmptyUtterances::keep
                        : empty == "refuse" ? EmptyUtterances::refuse
                                            : EmptyUtterances::drop;
  result.corpus.listener_first = listener_first == "drop" ? ListenerFirst::drop : ListenerFirst::keep;
  result.corpus.replies = replies == "but-last" ? Replies::but_last : Replies::all;
  if (!delimiter.empty()) result.corpus.delimiter = parse_delimiter(delimiter);
  result.label_columns = parse_label_columns(label_columns);
  for (const std::string& name : column_distributions) {
    const auto column = std::find_if(result.label_columns.begin(), result.label_columns.end(),
                                     [&](const LabelColumnFile& file) { return file.name == name; });
    ETHREED_CHECK(column != result.label_columns.end(),
                  "--column-distributions {}: there is no such label column; give its file with --label-column {}=FILE",
                  name, name);
    column->distributions = true;
  }
  result.tokens = token_rules_named(tokens);
  result.vocabulary = vocabulary == "full" ? VocabularyOf::full : VocabularyOf::train;
  ETHREED_CHECK(result.vocabulary == VocabularyOf::train || min_frequency.value_or(1) == 1,
                "--min-frequency {}: a full vocabulary has every word; leave it out", *min_frequency);
  result.min_frequency = min_frequency.value_or(result.min_frequency);
  result.like.reset();
  if (!like.empty()) result.like = likeness_of(load_checkpoint_info(checkpoint_in(like, checkpoint)));
  return result;
}

namespace {

void run_prepare(const PrepareOptions& options) {
  check_output_folder(options.output_directory);
  const auto start = std::chrono::steady_clock::now();
  const PrepareSummary summary = prepare(options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}\nwrote {} in {:.2f} s\n", summary.text(), options.output_directory.string(), seconds.count());
}

}  // namespace

void add_prepare_options(CLI::App& command, PrepareArguments& arguments) {
  PrepareOptions& options = arguments.options;
  command
      .add_option("corpus", options.corpus_directory,
                  "Folder with train.csv, and valid.csv (or validation, dev) and test.csv where present; also .tsv, "
                  ".jsonl, .json")
      ->required()
      ->type_name("CORPUS_DIR");
  add_corpus_options(command, options, arguments);
  command.add_option("--out", options.output_directory, "Folder for the data set")->required()->type_name("DIR");
  command.add_option("--vectors", options.vectors, "Word vectors in text form (GloVe, word2vec), also as .gz or .zip")
      ->type_name("FILE");
  command
      .add_option("--labels", options.labels,
                  "Emotions of the replies: a table with the columns conv_id, utterance_idx, label")
      ->type_name("FILE");
  command
      .add_option("--labels-of", arguments.labels_of,
                  "Whose labels --labels gives; auto: the speaker's, too, where the corpus does not have one emotion a "
                  "dialogue")
      ->check(CLI::IsMember({"auto", "listener", "both"}))
      ->capture_default_str();
  command.add_flag("--label-distributions", options.label_distributions,
                   "The file of --labels has the probability of every emotion, too, as `ethreed label --distribution` "
                   "writes them: kept for \"listener_distributions\" in training");
  command.add_option("--other-labels", arguments.other_labels, "What to do with a label that is none of the emotions")
      ->check(CLI::IsMember({"error", "ignore"}))
      ->capture_default_str();
  add_label_column_option(command, arguments.label_columns);
  command
      .add_option("--column-distributions", arguments.column_distributions,
                  "The file of this label column has the probability of every class, too, as `ethreed label "
                  "--distribution` writes them: kept for \"unlabelled\": \"classifier\" of EmpHi (may be given again)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option("--tokens", arguments.tokens,
                  "By which rules texts become tokens: this project's, or those of the releases of MoEL and MIME "
                  "(older), of KEMP and later reruns (newer)")
      ->check(CLI::IsMember(std::vector<std::string>(token_rule_names.begin(), token_rule_names.end())))
      ->capture_default_str();
  command
      .add_option(
          "--vocabulary", arguments.vocabulary,
          "Words of the vocabulary; full: every word of every split and of its situations, as in these releases")
      ->check(CLI::IsMember({"train", "full"}))
      ->capture_default_str();
  command
      .add_option("--min-frequency", arguments.min_frequency,
                  "How often a word must occur in train to enter the vocabulary; not for a full one")
      ->check(CLI::Range(1, 1'000'000'000))
      ->default_str(std::to_string(options.min_frequency));
  command
      .add_option("--max-length", options.max_length,
                  "Longest utterance in tokens, end mark included; longer ones are cut")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  command
      .add_option("--max-situation-length", options.max_situation_length,
                  "Longest situation in tokens, end mark included; longer ones are cut")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  command.add_option("--dimension", options.dimension, "Size of the word vectors where no file is given")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  CLI::Option* like_run =
      command
          .add_option("--like", arguments.like,
                      "Make data for this run: its tokens, vocabulary, classes and lengths; train.csv may be absent")
          ->type_name("RUN");
  command.add_option("--checkpoint", arguments.checkpoint, "With --like: which checkpoint of the run")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str()
      ->needs(like_run);
  for (const char* option : {"--tokens", "--vocabulary", "--min-frequency", "--max-length", "--max-situation-length",
                             "--dimension", "--emotions"})
    like_run->excludes(command.get_option(option));
}

void add_prepare_command(CLI::App& app) {
  const auto a = std::make_shared<PrepareArguments>();
  CLI::App* command = app.add_subcommand("prepare", "Turn a corpus into a data set for training");
  add_prepare_options(*command, *a);
  command->callback([a] { run_prepare(a->checked()); });
}

}  // namespace ethreed
