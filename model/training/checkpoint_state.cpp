#include "model/training/checkpoint_state.h"

#include "core/error.h"
#include "core/json.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace ethreed {

namespace {

using Json = nlohmann::json;

constexpr const char* steps_with_key = "steps_with";

// A checkpoint that has no figures yet still names them.
Json to_json(const ValidationFigures& figures, const Model& model) {
  Json json{{"epoch", figures.epoch}};
  for (const FigureColumn& column : model.figures()) {
    if (!column.logged) continue;
    const double value = figures.value(std::string(column.name));
    json[std::string(column.name)] = std::isfinite(value) ? Json(value) : Json();
  }
  return json;
}

ValidationFigures figures_from(const Json& json, const Model& model) {
  ValidationFigures figures{.epoch = json.at("epoch").get<int>(), .values = {}};
  for (const FigureColumn& column : model.figures()) {
    if (!column.logged) continue;
    const std::string name(column.name);
    if (const Json& value = json.at(name); !value.is_null()) figures.values[name] = value.get<double>();
  }
  return figures;
}

Json to_json(const RecipeChange& change) {
  return {{"epoch", change.epoch}, {"step", change.step}, {"change", change.text}};
}

TrainingProgress progress_from(const Json& json, const Model& model) {
  TrainingProgress progress{.epoch = json.at("epoch").get<int>(),
                            .next_batch = json.at("next_batch").get<std::int64_t>(),
                            .step = json.at("step").get<std::int64_t>(),
                            .finished = json.at("finished").get<bool>(),
                            .last = figures_from(json.at("last"), model),
                            .best = figures_from(json.at("best"), model),
                            .running = {}};
  const Json& running = json.at("running");
  progress.running.total = running.at("total").get<double>();
  progress.running.gradient_norm = running.at("gradient_norm").get<double>();
  progress.running.steps = running.at("steps").get<std::int64_t>();
  progress.running.tokens = running.at("tokens").get<std::int64_t>();
  for (std::size_t k = 0; k < model.losses().size(); ++k) {
    const std::string name(model.losses()[k].name);
    const double term = progress.running.term[k] = running.at(name).get<double>();
    // Older checkpoints do not say whether a term of 0 was there.
    progress.running.steps_with[k] = running.contains(steps_with_key)
                                         ? running.at(steps_with_key).at(name).get<std::int64_t>()
                                         : (term == 0 ? 0 : progress.running.steps);
  }
  return progress;
}

void check_progress(const TrainingProgress& progress, const Recipe& recipe, const std::string& path) {
  const auto check = [&](bool good, std::string_view what) {
    ETHREED_CHECK(good, "{}: {}; the file is damaged, use another checkpoint", path, what);
  };
  check(progress.epoch >= 0 && progress.next_batch >= 0 && progress.step >= 0, "a counter is negative");
  check(progress.last.epoch == progress.epoch - 1,
        fmt::format("the last figures are of epoch {} (from 0), though {} epochs are done", progress.last.epoch,
                    progress.epoch));
  check(progress.best.epoch <= progress.last.epoch && (progress.best.epoch >= 0) == (progress.epoch > 0),
        fmt::format("the best epoch is {} (from 0), though {} epochs are done", progress.best.epoch, progress.epoch));
  check(!progress.finished || (progress.next_batch == 0 && progress.is_over(recipe)),
        fmt::format("the run is said to be over after {} of {} epochs", progress.epoch, recipe.epochs));
  for (const ValidationFigures* figures : {&progress.last, &progress.best})
    for (const auto& [name, value] : figures->values)
      check(!name.starts_with("perplexity") || figures->epoch < 0 || value >= 1,
            fmt::format("'{}' is {}, a perplexity is 1 or more", name, value));
  const RunningLosses& running = progress.running;
  check(running.steps >= 0 && running.steps <= progress.step && running.tokens >= 0 && running.gradient_norm >= 0,
        fmt::format("the losses since the last line of the log are of {} steps and {} targets, {} steps are done",
                    running.steps, running.tokens, progress.step));
}

}  // namespace

Json state_to_json(const CheckpointInfo& info) {
  const TrainingProgress& progress = info.progress;
  const Model& model = *info.config.model;
  Json running{{"total", progress.running.total},
               {"gradient_norm", progress.running.gradient_norm},
               {"steps", progress.running.steps},
               {"tokens", progress.running.tokens}};
  for (std::size_t k = 0; k < model.losses().size(); ++k) {
    const std::string name(model.losses()[k].name);
    running[name] = progress.running.term[k];
    running[steps_with_key][name] = progress.running.steps_with[k];
  }
  Json json{
      {"epoch", progress.epoch},       {"next_batch", progress.next_batch},     {"step", progress.step},
      {"finished", progress.finished}, {"last", to_json(progress.last, model)}, {"best", to_json(progress.best, model)},
      {"running", std::move(running)}};
  for (const RecipeChange& change : info.changes) json["changes"].push_back(to_json(change));
  return json;
}

void read_state(const Json& state, const std::filesystem::path& path, CheckpointInfo& info) {
  try {
    info.progress = progress_from(state, *info.config.model);
    if (state.contains("changes"))
      for (const Json& change : state.at("changes"))
        info.changes.push_back({.epoch = change.at("epoch").get<int>(),
                                .step = change.at("step").get<std::int64_t>(),
                                .text = change.at("change").get<std::string>()});
  } catch (const Json::exception& error) {
    fail("{}: damaged ({}); use another checkpoint", path.string(), reason_of(error));
  }
  check_progress(info.progress, info.config.recipe, path.string());
}

}  // namespace ethreed
