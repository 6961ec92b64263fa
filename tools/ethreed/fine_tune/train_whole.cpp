#include "core/json.h"
#include "model/encoders/classifier_folder.h"
#include "model/encoders/fine_tuning.h"
#include "model/encoders/text_classifier.h"
#include "tools/ethreed/batch_progress.h"
#include "tools/ethreed/fine_tune/work.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

FineTuneRecipe recipe_of(const FineTuneArguments& a, const EncoderConfig& config) {
  FineTuneRecipe recipe = usual_recipe(config);
  recipe.epochs = a.epochs.value_or(recipe.epochs);
  recipe.batch = a.batch.value_or(recipe.batch);
  recipe.accumulate = a.accumulate.value_or(recipe.accumulate);
  recipe.learning_rate = a.learning_rate.value_or(recipe.learning_rate);
  recipe.warm_up = a.warm_up.value_or(recipe.warm_up);
  recipe.weight_decay = a.weight_decay.value_or(recipe.weight_decay);
  recipe.clip_norm = a.clip_norm.value_or(recipe.clip_norm);
  recipe.layer_decay = a.layer_decay.value_or(recipe.layer_decay);
  recipe.seed = a.seed.value_or(recipe.seed);
  return recipe;
}

// The accuracy on valid; none if interrupted.
std::optional<double> accuracy_on_valid(const FineTuneWork& work, Context& context, FineTuning& training) {
  const LabelledRows& valid = work.split("valid");
  std::int64_t right = 0;
  bool whole = true;
  classify_rows(context, training.layout(), training.values(), valid.rows, [&](int i, std::span<const double> p) {
    whole = whole && !interrupted();
    const auto best = std::max_element(p.begin(), p.end()) - p.begin();
    right += best == valid.texts->labels[static_cast<std::size_t>(i)];
  });
  if (!whole) return std::nullopt;
  return static_cast<double>(right) / static_cast<double>(valid.rows.size());
}

}  // namespace

void train_whole(const FineTuneWork& work, Context& context) {
  const FineTuneArguments& a = work.arguments;
  const FineTuneRecipe recipe = recipe_of(a, work.config);
  const LabelledRows& train = work.split("train");
  FineTuning training(with_new_head(a.encoder, work.data.classes, recipe.seed), train.rows,
                      Indices(train.texts->labels), recipe);
  const fs::path state = work.state();
  work.split("valid");  // throws if it is missing
  Json record{{"encoder", work.encoder_name()},       {"frozen", false}, {"precision", a.precision},
              {"recipe", Json::parse(recipe.text())}, {"best_epoch", 0}, {"epochs", Json::array()}};
  if (fs::exists(state)) {
    work.check_resumed();
    record = parse_json<Json>(training.load(state), state.string(), "take the file away to begin anew");
    if (!a.quiet) say(fmt::format("goes on at update {}\n", training.step()));
  }
  work.keep_folder();
  double best_accuracy = -1;
  for (const Json& epoch : record["epochs"]) best_accuracy = std::max(best_accuracy, epoch["accuracy"].get<double>());
  const auto save_and_stop = [&] {
    training.save(state, record.dump());
    work.stop();
  };
  const auto over = [&] {
    const int without = training.epoch() - record["best_epoch"].get<int>();
    return training.finished() || (a.patience > 0 && training.epoch() > 0 && without >= a.patience);
  };
  while (!over()) {
    const auto start = std::chrono::steady_clock::now();
    {
      BatchProgress progress(fmt::format("epoch {} of {}", training.epoch() + 1, recipe.epochs), train.rows.size(),
                             static_cast<std::size_t>(training.texts_done()), a.quiet);
      while (!training.epoch_is_done()) {
        if (interrupted()) save_and_stop();
        training.update(context);
        progress.at(static_cast<std::size_t>(training.texts_done()));
      }
    }
    const std::optional<double> accuracy = accuracy_on_valid(work, context, training);
    if (!accuracy) save_and_stop();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const int epoch = training.epoch() + 1;
    record["epochs"].push_back({{"epoch", epoch}, {"loss", training.mean_loss()}, {"accuracy", *accuracy}});
    if (!a.quiet)
      say(fmt::format("epoch {}: loss {:.4f}, accuracy on valid {:.4f}, {:.0f} s\n", epoch, training.mean_loss(),
                      *accuracy, seconds.count()));
    if (*accuracy > best_accuracy) {
      best_accuracy = *accuracy;
      record["best_epoch"] = epoch;
      write_classifier(work.out, a.encoder, training.layout(), training.values());
    }
    training.next_epoch();
    if (!over()) training.save(state, record.dump());
  }
  work.finish(context, record);
}

}  // namespace ethreed
