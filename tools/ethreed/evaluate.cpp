#include "model/training/device_model.h"
#include "model/training/evaluator.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>

namespace ethreed {

namespace {

struct EvaluateArguments {
  RunArguments run;
  DecodeArguments decode;
  int replies = -1;
  bool json = false;
};

void run_evaluate(const EvaluateArguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const DecodeOptions decode = arguments.decode.checked();
  const LoadedRun run = load_run(arguments.run.run, arguments.run.checkpoint);
  const Dataset data = open_data_of_run(run.info, arguments.run.run, arguments.run.data);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.model);
  SplitBatches batches(data.split(arguments.run.split), data.vocabulary_size());
  Evaluator<float> evaluator(context, device.model());
  const PolicyMode mode = arguments.decode.mode();
  const EvaluationResult result = evaluator.evaluate(batches, mode);
  const EvaluationResult at_mean = evaluator.evaluate(batches, {.sample = false});
  DistinctCounter distinct;
  evaluator.generate(batches, arguments.replies, mode, decode, [&](const GeneratedTurn& turn) {
    distinct.add(turn.reply.words);
    return true;
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const nlohmann::ordered_json figures{{"split", arguments.run.split},
                                       {"dialogues", result.dialogues},
                                       {"turns", result.turns},
                                       {"speaker_accuracy", result.speaker_accuracy},
                                       {"listener_accuracy", result.listener_accuracy},
                                       {"listener_turns", result.listener_turns},
                                       {"perplexity_token", result.perplexity_token},
                                       {"perplexity_macro", result.perplexity_macro},
                                       {"perplexity_token_at_policy_mean", at_mean.perplexity_token},
                                       {"perplexity_macro_at_policy_mean", at_mean.perplexity_macro},
                                       {"coverage", result.coverage},
                                       {"policy_divergence", result.policy_divergence},
                                       {"distinct_1", distinct.distinct_1()},
                                       {"distinct_2", distinct.distinct_2()},
                                       {"replies", distinct.replies()},
                                       {"decode", name_of(decode.method)},
                                       {"policy", mode.sample ? "sample" : "mean"},
                                       {"target_tokens", result.tokens},
                                       {"vocabulary", data.vocabulary_size()},
                                       {"unk_share", result.unk_share},
                                       {"parameters", run.model->layout.parameter_count()},
                                       {"epoch", run.info.progress.epoch},
                                       {"seconds", seconds.count()}};
  if (arguments.json) {
    fmt::print("{}\n", figures.dump(2));
    return;
  }
  for (const auto& [key, value] : figures.items())
    fmt::print("{:<34}{}\n", key,
               value.is_number_float() ? fmt::format("{:.4f}", value.get<double>())
               : value.is_string()     ? value.get<std::string>()
                                       : value.dump());
  if (!run.info.config.model.listener_labels)
    fmt::print("the data has no listener labels: listener_accuracy means nothing, the KL term is off\n");
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  const auto a = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand("evaluate", "Accuracies, perplexities and Distinct-n of a trained model");
  add_run_options(*command, a->run, true);
  add_decode_options(*command, a->decode);
  command
      ->add_option("--replies", a->replies, "Dialogues to write replies for (Distinct-n depends on it); default: all")
      ->check(CLI::Range(0, 1'000'000'000));
  command->add_flag("--json", a->json, "Print one JSON object");
  command->callback([a] { run_evaluate(*a); });
}

}  // namespace ethreed
