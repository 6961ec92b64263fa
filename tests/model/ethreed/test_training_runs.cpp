// A whole run: the same bits after every stop, its log, its best checkpoint and its end.

#include "model/training/selection.h"
#include "model/training/trainer.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>

using namespace ethreed;
using namespace ethreed::test;

namespace {

// Everything a run leaves behind.
struct RunTrace {
  std::vector<RunningLosses> log;
  std::vector<StepReport> steps;
  std::vector<double> step_totals, epoch_rates, accuracies;
  std::string last_model, last_optimizer, last_state, best_model, best_state;
};

// A run over one data set that can be stopped and taken up again by reading its checkpoint, as a new process would.
class TinyRun {
 public:
  TinyRun(const Dataset& data, std::filesystem::path directory, const EthreedConfig& model, const Recipe& training)
      : data_(data),
        options_{.directory = std::move(directory), .log_every = 2, .save_every = 0},
        info_(run_info(data, model, training)),
        model_(initial_model<float>(data, model)) {}

  bool run(std::int64_t max_steps = 0, std::function<bool()> stop = {}) {
    Runtime runtime(1);
    Context context = runtime.context();
    options_.max_steps = max_steps;
    TrainingObserver observer;
    observer.step = [&](const TrainingProgress&, const StepReport& report, std::int64_t) {
      trace_.steps.push_back(report);
      trace_.step_totals.push_back(report.total);
    };
    observer.log_line = [&](const TrainingProgress& progress, double) { trace_.log.push_back(progress.running); };
    observer.epoch = [&](const TrainingProgress&, std::span<const double> figures, const LossMeans&, double rate) {
      trace_.accuracies.push_back(figures[EthreedFigures::speaker_accuracy]);
      trace_.epoch_rates.push_back(rate);
    };
    observer.validation = [&](int, int) { validating_ = true; };
    observer.stop = std::move(stop);
    return train(context, model_, info_, data_, options_, observer);
  }
  // Forgets everything and reads RUN/last.
  void reload() {
    info_ = load_checkpoint_info(options_.directory / "last");
    model_ = ModelState<float>(info_.config.model->layout(), true);
    load_checkpoint_tensors(options_.directory / "last", model_);
  }
  void save_every(std::int64_t steps) { options_.save_every = steps; }
  bool validating() const { return validating_; }
  const TrainingProgress& progress() const { return info_.progress; }
  const std::filesystem::path& directory() const { return options_.directory; }
  const ModelState<float>& model() const { return model_; }

  RunTrace trace() const {
    RunTrace trace = trace_;
    const auto read = [&](const char* name) { return content_of(options_.directory / name); };
    trace.last_model = read("last/model.safetensors");
    trace.last_optimizer = read("last/optimizer.safetensors");
    trace.last_state = read("last/state.json");
    trace.best_model = read("best/model.safetensors");
    trace.best_state = read("best/state.json");
    return trace;
  }

 private:
  const Dataset& data_;
  RunOptions options_;
  CheckpointInfo info_;
  ModelState<float> model_;
  RunTrace trace_;
  bool validating_ = false;
};

void check_same(const RunTrace& got, const RunTrace& wanted) {
  CHECK(got.step_totals == wanted.step_totals);
  CHECK(got.log == wanted.log);
  CHECK(got.epoch_rates == wanted.epoch_rates);
  CHECK(got.last_state == wanted.last_state);
  CHECK(got.best_state == wanted.best_state);
  const bool same_last = got.last_model == wanted.last_model && got.last_optimizer == wanted.last_optimizer;
  const bool same_best = got.best_model == wanted.best_model;
  CHECK(same_last);
  CHECK(same_best);
}

}  // namespace

TEST_CASE("a run that is stopped and taken up again ends with the bits of one that was not") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun whole(data, folder / "whole", dataset_config(), tiny_recipe());
  CHECK(whole.run());
  CHECK(whole.progress().step == 9);
  CHECK(whole.progress().finished);
  REQUIRE(whole.trace().log.size() == 4);
  for (const std::int64_t stop : {1, 2, 3, 5, 7, 9}) {
    INFO("stopped at step " << stop);
    TinyRun run(data, folder / ("stopped" + std::to_string(stop)), dataset_config(), tiny_recipe());
    CHECK_FALSE(run.run(stop) == (stop < 9));
    CHECK(run.progress().step == stop);
    run.reload();
    CHECK(run.progress().step == stop);
    if (stop < 9) CHECK(run.run());
    check_same(run.trace(), whole.trace());
    CHECK(same_bits(run.model(), whole.model()));
  }
}

TEST_CASE("a run that is stopped during validation validates again and ends with the same bits") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun whole(data, folder / "whole", dataset_config(), tiny_recipe());
  REQUIRE(whole.run());
  TinyRun run(data, folder / "stopped", dataset_config(), tiny_recipe());
  REQUIRE_FALSE(run.run(0, [&] { return run.validating(); }));
  CHECK(run.progress().epoch == 0);
  CHECK(run.progress().next_batch == 3);
  CHECK(run.progress().best.epoch == -1);
  CHECK_FALSE(has_checkpoint(run.directory(), "best"));
  run.reload();
  REQUIRE(run.run());
  check_same(run.trace(), whole.trace());
}

TEST_CASE("a run saves itself every so many steps, whatever comes afterwards") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun run(data, folder / "run", dataset_config(), tiny_recipe());
  run.save_every(2);
  std::map<std::int64_t, std::int64_t> saved;  // by step; an epoch has three
  REQUIRE(run.run(0, [&] {
    const std::filesystem::path last = run.directory() / "last";
    if (!run.validating())
      saved[run.progress().step] = std::filesystem::exists(last) ? load_checkpoint_info(last).progress.step : -1;
    return false;
  }));
  CHECK(saved == std::map<std::int64_t, std::int64_t>{{0, -1}, {1, -1}, {2, 2}});
}

TEST_CASE("the sums of the log survive a stop between two lines") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun run(data, folder / "run", dataset_config(), tiny_recipe());
  REQUIRE_FALSE(run.run(3));
  const RunningLosses before = run.progress().running;
  CHECK(before.steps == 1);
  CHECK(before.tokens > 0);
  CHECK(before.total > 0);
  run.reload();
  CHECK(run.progress().running == before);
}

TEST_CASE("a line of the log holds the sums of its steps") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun run(data, folder / "run", dataset_config(), tiny_recipe());
  REQUIRE(run.run());
  const RunTrace trace = run.trace();
  REQUIRE(trace.log.size() == 4);  // of two steps each; the ninth step waits
  for (std::size_t line = 0; line < trace.log.size(); ++line) {
    const StepReport &first = trace.steps[2 * line], &second = trace.steps[2 * line + 1];
    const RunningLosses& sums = trace.log[line];
    CHECK(sums.steps == 2);
    CHECK(sums.tokens == first.targets + second.targets);
    CHECK(sums.total == first.total + second.total);
    CHECK(sums.term[loss_emotion_speaker] == first.term[loss_emotion_speaker] + second.term[loss_emotion_speaker]);
    CHECK(sums.term[loss_emotion_listener] == first.term[loss_emotion_listener] + second.term[loss_emotion_listener]);
    CHECK(sums.term[loss_policy] == first.term[loss_policy] + second.term[loss_policy]);
    CHECK(sums.term[loss_generation] == first.term[loss_generation] + second.term[loss_generation]);
    CHECK(sums.term[loss_coverage] == first.term[loss_coverage] + second.term[loss_coverage]);
    CHECK(sums.gradient_norm == first.gradient_norm + second.gradient_norm);
  }
  CHECK(run.progress().running.total == trace.steps.back().total);
}

TEST_CASE("the best checkpoint is the one of the lowest validation perplexity") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe training = tiny_recipe();
  training.learning_rate = 0.1;  // so high that later epochs do worse
  training.epochs = 5;
  TinyRun run(data, folder / "run", dataset_config(), training);
  REQUIRE(run.run());
  const CheckpointInfo best = load_checkpoint_info(run.directory() / "best");
  CHECK(best.progress.best == best.progress.last);
  CHECK(best.progress.best == run.progress().best);
  CHECK(best.progress.best.epoch < run.progress().last.epoch);
  const double perplexity = best.progress.best.values.at("perplexity_token");
  CHECK(perplexity < run.progress().last.values.at("perplexity_token"));
  Runtime runtime;
  ModelState<float> model(best.config.model->layout(), false);
  load_checkpoint_tensors(run.directory() / "best", model);
  SplitExamples valid(data.split("valid"), {});
  const std::vector<double> figures =
      Evaluator<float>(runtime.context(), *best.config.model, model).evaluate(valid, LatentMode{.seed = training.seed});
  CHECK(figures[EthreedFigures::perplexity_token] == perplexity);
}

TEST_CASE("selection says by which figures an epoch is better, and nothing that is not finite ever is") {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  struct Epoch {
    double accuracy, perplexity;
  };
  struct Case {
    SelectedBy by;
    Epoch before, now;
    bool better;
  };
  const auto [by, before, now, better] =
      GENERATE(values<Case>({{SelectedBy::perplexity, {.5, 30}, {.4, 29}, true},
                             {SelectedBy::perplexity, {.4, 30}, {.5, 30}, false},  // of equal ones the earlier
                             {SelectedBy::perplexity, {.4, 30}, {.5, none}, false},
                             {SelectedBy::perplexity, {.4, none}, {.3, 90}, true},
                             {SelectedBy::accuracy, {.4, 30}, {.41, 60}, true},
                             {SelectedBy::accuracy, {.4, 30}, {.4, 29}, false},
                             {SelectedBy::accuracy, {.4, 30}, {none, 29}, false},
                             {SelectedBy::both, {.40, 30}, {.41, 30.5}, true},   // 2.5 % better, 1.7 % worse
                             {SelectedBy::both, {.40, 30}, {.41, 31.5}, false},  // 2.5 % better, 5 % worse
                             {SelectedBy::both, {.40, 30}, {.39, 29}, true},
                             {SelectedBy::both, {.40, 30}, {.9, none}, false},
                             {SelectedBy::both, {.40, 30}, {.9, infinite}, false},
                             {SelectedBy::both, {.40, none}, {.1, 90}, true}}));
  EthreedConfig config = dataset_config();
  config.selection = by;
  const RunConfig run = run_info(data, config, tiny_recipe()).config;
  const auto figures = [](const Epoch& epoch) {
    return ValidationFigures{.epoch = 0,
                             .values = {{"speaker_accuracy", epoch.accuracy}, {"perplexity_token", epoch.perplexity}}};
  };
  CAPTURE(static_cast<int>(by), before.accuracy, before.perplexity, now.accuracy, now.perplexity);
  CHECK(is_better(*run.model, figures(now), figures(before)) == better);
}

TEST_CASE("a run that selects by accuracy keeps the first of its most accurate epochs") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  EthreedConfig config = dataset_config();
  config.selection = SelectedBy::accuracy;
  Recipe training = tiny_recipe();
  training.epochs = 6;
  TinyRun run(data, folder / "run", config, training);
  REQUIRE(run.run());
  const std::vector<double>& accuracies = run.trace().accuracies;
  REQUIRE(accuracies.size() == 6);
  const auto most = std::max_element(accuracies.begin(), accuracies.end());
  CHECK(run.progress().best.epoch == most - accuracies.begin());
  CHECK(run.progress().best.values.at("speaker_accuracy") == *most);
  CHECK(load_checkpoint_info(run.directory() / "best").progress.best == run.progress().best);
}

TEST_CASE("a run uses the learning rate of its epoch") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun run(data, folder / "run", dataset_config(), tiny_recipe());
  REQUIRE(run.run());
  const auto rates = run.trace().epoch_rates;
  REQUIRE(rates.size() == 3);
  CHECK(rates[0] == Approx(0.01));
  CHECK(rates[1] == Approx(0.01));
  CHECK(rates[2] == Approx(0.003));
}

TEST_CASE("a run that gets no better ends when its patience is over, and stays ended") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe training = tiny_recipe();
  training.learning_rate = 0.1;  // so high that later epochs do worse
  training.epochs = 9;
  TinyRun whole(data, folder / "whole", dataset_config(), training);
  REQUIRE(whole.run());
  REQUIRE(whole.progress().epoch == 9);
  training.patience = 2;
  TinyRun run(data, folder / "run", dataset_config(), training);
  REQUIRE(run.run());
  CHECK(run.progress().finished);
  CHECK(run.progress().epoch < 9);
  CHECK(run.progress().last.epoch == run.progress().best.epoch + 2);
  run.reload();
  const std::int64_t steps = run.progress().step;
  CHECK(run.run());
  CHECK(run.progress().step == steps);
}
