#include "core/printable.h"
#include "model/evaluation/metrics.h"
#include "model/evaluation/reply_figures.h"
#include "model/interface/device_model.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/decode_options.h"

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

using Json = nlohmann::ordered_json;

// The model's own figures; where another one results at the mean of the latent variables, that one, too.
void add_figures(Json& figures, const Model& model, const std::vector<double>& values,
                 const std::vector<double>& at_mean) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const FigureColumn& column = model.figures()[k];
    const std::string name(column.name);
    if (column.count)
      figures[name] = static_cast<std::int64_t>(values[k]);
    else
      figures[name] = values[k];
    if (column.at_mean && !at_mean.empty()) figures[name + "_at_latent_mean"] = at_mean[k];
  }
}

// How much is copied, and how much is said again and again. p_gen where there is a pointer.
void add_reply_figures(Json& figures, const ReplyFigures& replies, const Model& model) {
  if (model.has_pointer()) figures["replies_with_copied_word"] = replies.with_copied();
  figures["replies_with_unknown_word"] = replies.with_unknown();
  if (model.has_pointer()) figures["posts_with_unknown_word"] = replies.to_unknown();
  figures["ten_commonest_share"] = replies.commonest_share();
  if (!model.has_pointer() || replies.replies() == 0) return;
  for (const double q : gate_quantiles) figures[fmt::format("p_gen_{:02.0f}", 100 * q)] = replies.gate_quantile(q);
}

void run_evaluate(const EvaluateArguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const DecodeOptions decode = arguments.decode.checked();
  const LoadedRun run = load_run(arguments.run.run, arguments.run.checkpoint);
  const Model& model = run.model();
  const Dataset data = open_data_of_run(run.info, arguments.run.run, arguments.run.data);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  SplitExamples examples(data.split(arguments.run.split), example_kind(model));
  Evaluator<float> evaluator(context, model, device.model());
  const LatentMode mode = arguments.decode.mode();
  Json figures{
      {"run", printable(arguments.run.run)}, {"checkpoint", arguments.run.checkpoint}, {"model", model.name()},
      {"variant", model.variant()},          {"seed", run.info.config.recipe.seed},    {"split", arguments.run.split}};
  const std::vector<double> values = evaluator.evaluate(examples, mode);
  add_figures(figures, model, values,
              model.has_latent() ? evaluator.evaluate(examples, {.sample = false}) : std::vector<double>());
  if (model.writes_replies()) {
    DistinctCounter distinct;
    ReplyFigures whole(model.vocabulary());
    evaluator.generate(examples, arguments.replies, arguments.decode.reply_mode(run), decode,
                       [&](const GeneratedTurn& turn) {
                         distinct.add(turn.reply.words);
                         whole.add(turn);
                         return true;
                       });
    figures["distinct_1"] = distinct.distinct_1();
    figures["distinct_2"] = distinct.distinct_2();
    figures["replies"] = distinct.replies();
    add_reply_figures(figures, whole, model);
    figures["decode"] = name_of(decode.method);
    figures["decoding"] = description_of(decode);
  }
  if (model.has_latent()) figures["latent"] = mode.sample ? "sample" : "mean";
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  figures["vocabulary"] = data.vocabulary_size();
  figures["parameters"] = model.layout().parameter_count();
  figures["epoch"] = run.info.progress.epoch;
  figures["seconds"] = seconds.count();
  if (arguments.json) {
    fmt::print("{}\n", figures.dump(2));
    return;
  }
  for (const auto& [key, value] : figures.items())
    fmt::print("{:<34}{}\n", key,
               value.is_number_float() ? fmt::format("{:.4f}", value.get<double>())
               : value.is_string()     ? value.get<std::string>()
                                       : value.dump());
  for (const std::string& note : model.notes()) fmt::print("{}\n", note);
}

}  // namespace

void add_evaluate_command(CLI::App& app) {
  const auto a = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand("evaluate", "Accuracies, perplexities and Distinct-n of a trained model");
  add_run_options(*command, a->run, true);
  add_decode_options(*command, a->decode, false);
  command
      ->add_option("--replies", a->replies, "Dialogues to write replies for (Distinct-n depends on it); default: all")
      ->check(CLI::Range(0, 1'000'000'000));
  command->add_flag("--json", a->json, "Print one JSON object");
  command->callback([a] { run_evaluate(*a); });
}

}  // namespace ethreed
