// How long an epoch is, what its steps learn from, and from which one on the best is chosen.

#include "model/training/selection.h"
#include "model/training/trainer.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

// A training that goes on from what its folder holds, as a new process would. The data has three batches of four.
struct Training {
  CheckpointInfo info;
  ModelState<float> model;
  std::vector<double> losses;

  Training(const Dataset& data, const std::filesystem::path& folder, const Recipe& recipe, std::int64_t steps = 0)
      : info(run_info(data, dataset_config(), recipe)), model(initial_model<float>(data, dataset_config())) {
    if (has_checkpoint(folder, "last")) {
      info = load_checkpoint_info(folder / "last");
      load_checkpoint_tensors(folder / "last", model);
    }
    Runtime runtime(1);
    Context context = runtime.context();
    TrainingObserver observer;
    observer.step = [&](const TrainingProgress&, const StepReport& report, std::int64_t) {
      losses.push_back(report.total);
    };
    train(context, model, info, data, {.directory = folder, .save_every = 0, .max_steps = steps}, observer);
  }
};

// One rate all along, so that only what a step learns from tells it from another.
Recipe steady_recipe() {
  Recipe recipe = tiny_recipe();
  recipe.learning_rate_factor = 1;
  return recipe;
}

ValidationFigures figures_of(int epoch, double perplexity) {
  return {.epoch = epoch, .values = {{"speaker_accuracy", 0.5}, {"perplexity_token", perplexity}}};
}

}  // namespace

TEST_CASE("an epoch is a pass over the training split, a part of one, or as many steps as are asked for") {
  Recipe recipe;
  recipe.batch = 4;
  CHECK(recipe.steps_per_epoch(12) == 3);
  CHECK(recipe.steps_per_epoch(13) == 4);
  recipe.updates_per_batch = 5;
  CHECK(recipe.steps_per_epoch(13) == 20);
  recipe.epochs_per_pass = 3;
  CHECK(recipe.steps_per_epoch(13) == 7);  // 20/3, rounded up: no step of a pass is left over
  recipe.epochs_per_pass = 1;
  recipe.epoch_steps = 2000;
  CHECK(recipe.steps_per_epoch(13) == 2000);
}

TEST_CASE("steps go through the batches of a pass one after the other, each as often as is asked for") {
  Recipe recipe;
  recipe.batch = 4;
  const auto batches = [&](std::int64_t steps) {
    std::vector<DrawnBatch> drawn;
    for (std::int64_t step = 0; step < steps; ++step) drawn.push_back(recipe.batch_of(step, 9));
    return drawn;
  };
  CHECK(batches(5) == std::vector<DrawnBatch>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}});
  recipe.epoch_steps = 2;  // changes when is validated, not what is learned
  CHECK(batches(5) == std::vector<DrawnBatch>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}});
  recipe.updates_per_batch = 2;
  CHECK(batches(7) == std::vector<DrawnBatch>{{0, 0}, {0, 0}, {0, 1}, {0, 1}, {0, 2}, {0, 2}, {1, 0}});
}

TEST_CASE("a length of epochs in steps and one in parts of a pass exclude each other") {
  Recipe recipe;
  recipe.epoch_steps = 10;
  CHECK_NOTHROW(recipe.check());
  recipe.epochs_per_pass = 2;
  CHECK_THROWS_WITH(recipe.check(), Contains("'epoch_steps' (10)") && Contains("'epochs_per_pass' (2)"));
}

TEST_CASE("epochs of another length make the same steps, to the bit") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe recipe = steady_recipe();
  recipe.epochs = 4;
  const Training passes(data, folder / "passes", recipe);
  REQUIRE(passes.losses.size() == 12);
  recipe.epoch_steps = GENERATE(2, 4, 6);
  recipe.epochs = 12 / recipe.epoch_steps;
  const Training other(data, folder / "other", recipe);
  CHECK(other.losses == passes.losses);
  CHECK(same_bits(other.model, passes.model));
  CHECK(other.info.progress.epoch == recipe.epochs);
  CHECK(other.info.progress.last.epoch == recipe.epochs - 1);
}

TEST_CASE("a part of a pass is validated as often as it says") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe recipe = steady_recipe();
  recipe.epochs = 6;
  recipe.epochs_per_pass = 3;
  const Training run(data, folder / "run", recipe);
  CHECK(run.info.progress.step == 6);
  CHECK(run.info.progress.epoch == 6);
}

TEST_CASE("steps on the same batch learn from it again") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe recipe = steady_recipe();
  recipe.learning_rate = 0;  // the same batch has the same loss, but for the noise of a step
  recipe.epochs = 1;
  const Training once(data, folder / "once", recipe);
  recipe.updates_per_batch = 3;
  const Training thrice(data, folder / "thrice", recipe);
  REQUIRE(once.losses.size() == 3);
  REQUIRE(thrice.losses.size() == 9);
  // Step 0 is the same step; what it learns from comes twice more, and then the second batch.
  CHECK(thrice.losses[0] == once.losses[0]);
  CHECK(thrice.info.progress.last == once.info.progress.last);
  const auto near = [&](std::size_t i, std::size_t k) { return std::abs(thrice.losses[i] - once.losses[k]); };
  for (std::size_t i = 1; i < 3; ++i) CHECK(near(i, 0) < near(i, 1));
}

TEST_CASE(
    "a run with epochs and batches of another length that is stopped anywhere ends with the bits of one that was not") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe recipe = steady_recipe();
  recipe.epochs = 3;
  recipe.epoch_steps = 5;
  recipe.updates_per_batch = 2;
  const Training whole(data, folder / "whole", recipe);
  for (const std::int64_t stop : {1, 4, 5, 6, 9, 10, 13}) {
    INFO("stopped at step " << stop);
    const std::filesystem::path run = folder / ("stopped" + std::to_string(stop));
    (void)Training(data, run, recipe, stop);
    const Training end(data, run, recipe);
    CHECK(same_bits(end.model, whole.model));
    CHECK(end.info.progress == whole.info.progress);
  }
}

TEST_CASE("the first epoch that may be the best takes the place of any before it, and patience counts from it") {
  const TemporaryFolder folder;
  const RunConfig run = run_info(random_dataset(folder), dataset_config(), tiny_recipe()).config;
  Recipe recipe;
  recipe.epochs = 100;
  recipe.patience = 2;
  recipe.first_best_epoch = 4;
  const auto best_of = [&](const std::vector<double>& perplexities) {
    TrainingProgress progress;
    for (const double perplexity : perplexities) {
      if (progress.is_over(recipe)) break;
      progress.last = figures_of(progress.epoch, perplexity);
      if (is_best(*run.model, recipe, progress.last, progress.best)) progress.best = progress.last;
      ++progress.epoch;
    }
    return std::pair(progress.best.epoch, progress.epoch);  // from 0; how many there were
  };
  CHECK(best_of({30}) == std::pair(0, 1));  // before there is one that counts, the best of all
  CHECK(best_of({30, 20, 25}) == std::pair(1, 3));
  CHECK(best_of({30, 20, 25, 40}) == std::pair(3, 4));
  CHECK(best_of({1, 2, 3, 40, 50, 60, 10}) == std::pair(3, 6));  // over after two that are no better
  CHECK(best_of({1, 2, 3, 40, 50, 39, 60, 60, 1}) == std::pair(5, 8));
  recipe.first_best_epoch = 1;
  CHECK(best_of({30, 31, 32, 10}) == std::pair(0, 3));
}
