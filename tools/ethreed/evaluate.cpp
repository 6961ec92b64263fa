#include "model/evaluation/metrics.h"
#include "model/interface/device_model.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
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

constexpr const char* not_finite_key = "not_finite";

// One that does not exist is null; so is one that is not finite, which is named, too.
Json figure_json(Json& figures, const std::string& name, double value, bool count) {
  if (!std::isfinite(value) && !std::isnan(value)) figures[not_finite_key].push_back(name);
  if (!std::isfinite(value)) return {};
  return count ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

std::string shown(const Json& figures, const std::string& key, const Json& value) {
  if (value.is_null()) {
    const auto names = figures.find(not_finite_key);
    const bool broken = names != figures.end() && std::find(names->begin(), names->end(), key) != names->end();
    return broken ? "not finite" : "–";
  }
  if (value.is_number_float()) return fmt::format("{:.4f}", value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The model's own figures; where another one results at the mean of the latent variables, that one, too.
void add_figures(Json& figures, const Model& model, const std::vector<double>& values,
                 const std::vector<double>& at_mean) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    const FigureColumn& column = model.figures()[k];
    const std::string name(column.name);
    figures[name] = figure_json(figures, name, values[k], column.count);
    const std::string mean_name = name + "_at_latent_mean";
    if (column.at_mean && !at_mean.empty()) figures[mean_name] = figure_json(figures, mean_name, at_mean[k], false);
  }
}

void run_evaluate(const EvaluateArguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const DecodeOptions decode = arguments.decode.checked();
  const LoadedRun run = load_run(arguments.run);
  const Model& model = run.model();
  const Dataset data = open_data(run.info, arguments.run);
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.run.device);
  Context context = runtime->context();
  DeviceModel<float> device(context, *run.state);
  SplitExamples examples(data.split(arguments.run.split), example_kind(model));
  Evaluator<float> evaluator(context, model, device.model());
  const LatentMode mode = arguments.decode.mode();
  Json figures{{"model", model.name()}, {"variant", model.variant()}, {"split", arguments.run.split}};
  const std::vector<double> values = evaluator.evaluate(examples, mode);
  add_figures(figures, model, values,
              model.has_latent() ? evaluator.evaluate(examples, {.sample = false}) : std::vector<double>());
  if (model.writes_replies()) {
    DistinctCounter distinct;
    evaluator.generate(examples, arguments.replies, mode, decode, [&](const GeneratedTurn& turn) {
      distinct.add(turn.reply.words);
      return true;
    });
    figures["distinct_1"] = distinct.distinct_1();
    figures["distinct_2"] = distinct.distinct_2();
    figures["replies"] = distinct.replies();
    figures["decode"] = name_of(decode.method);
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
    if (key != not_finite_key) fmt::print("{:<34}{}\n", key, shown(figures, key, value));
  if (figures.contains(not_finite_key))
    fmt::print("NOTE: not every figure is finite: the parameters of this checkpoint are of no use\n");
  for (const std::string& note : model.notes()) fmt::print("{}\n", note);
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
