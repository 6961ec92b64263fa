#include "tools/ethreed/commands.h"
#include "tools/ethreed/fine_tune/work.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace ethreed {

namespace {

void run_fine_tune(const FineTuneArguments& arguments) {
  const FineTuneArguments& a = arguments;
  ETHREED_CHECK(
      !a.frozen || (!a.accumulate && !a.layer_decay && !a.warm_up && !a.clip_norm),
      "--frozen: has no --accumulate, --layer-decay, --warm-up and --clip-norm: only a linear head is trained");
  check_output_folder(a.out);
  const std::unique_ptr<Runtime> runtime =
      open_runtime({.threads = arguments.threads, .precision = arguments.precision});
  const FineTuneWork work(arguments);
  catch_interruptions();
  Context context = runtime->context();
  if (arguments.frozen)
    train_frozen(work, context);
  else
    train_whole(work, context);
}

}  // namespace

void add_fine_tune_command(CLI::App& app) {
  const auto a = std::make_shared<FineTuneArguments>();
  CLI::App* command = app.add_subcommand(
      "fine-tune", "Train a classifier of texts on a pretrained encoder: for ethreed label (docs/encoders.md)");
  command->add_option("encoder", a->encoder, "Folder with config.json, model.safetensors and a tokenizer's files")
      ->required()
      ->type_name("MODEL_DIR");
  command->add_option("corpus", a->corpus, "Folder with train.csv and valid.csv, and perhaps test.csv")
      ->required()
      ->type_name("CORPUS_DIR");
  command->add_option("--out", a->out, "Folder for the classifier")->required()->type_name("DIR");
  command->add_option("--labels", a->labels, "Learn the labels of these utterances; default: the situations' emotions")
      ->type_name("FILE");
  command->add_flag("--frozen", a->frozen, "Leave the encoder as it is: a linear head on its sentence vectors");
  command->add_option("--epochs", a->epochs, "Default: 5; 8 up to a width of 384; frozen: 30")
      ->check(CLI::Range(1, 100000));
  command->add_option("--batch", a->batch, "Texts of an update; default: 32; frozen: 128")->check(CLI::Range(1, 65536));
  command->add_option("--accumulate", a->accumulate, "Compute a batch in so many parts: less memory, the same update")
      ->check(CLI::Range(1, 65536));
  command
      ->add_option("--learning-rate", a->learning_rate,
                   "The highest; default: 1e-5 to 1e-4 by the encoder's size (docs/encoders.md); frozen: 1e-3")
      ->check(check_number)
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--warm-up", a->warm_up, "Share of the updates over which the rate rises; default: 0.1")
      ->check(check_number)
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--weight-decay", a->weight_decay, "Decoupled, not of biases and layer norms; default: 0.01")
      ->check(check_number)
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--clip-norm", a->clip_norm, "Default: 1")->check(check_number)->check(CLI::Range(1e-6, 1e9));
  command->add_option("--layer-decay", a->layer_decay, "× the rate for every layer below the head; default: 1")
      ->check(check_number)
      ->check(CLI::Range(0.01, 1.0));
  command->add_option("--seed", a->seed, "Default: 1")->check(check_seed);
  command->add_option("--patience", a->patience, "Stop after so many epochs without a better one; 0: never")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  command->add_option("--max-length", a->max_length, "Tokens read of a text; its end is cut")
      ->check(CLI::Range(3, 100000))
      ->capture_default_str();
  command->add_option("--threads", a->threads, "Threads of the CPU")->check(CLI::Range(1, 1024))->capture_default_str();
  add_precision_option(*command, a->precision);
  command->add_flag("--resume", a->resume, "Go on with what was interrupted");
  command->add_flag("--quiet", a->quiet, "Print figures alone");
  command->callback([a] { run_fine_tune(*a); });
}

}  // namespace ethreed
