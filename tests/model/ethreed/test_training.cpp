// A training step and a whole run: the same bits at every number of threads and after every stop, and no memory taken.

#include "model/training/trainer.h"
#include "tests/kernels/allocation_count.h"
#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

Recipe tiny_recipe() {
  Recipe training;
  training.epochs = 3;
  training.batch = 4;
  training.learning_rate = 0.01;
  training.learning_rate_epochs = 2;
  training.seed = 5;
  return training;
}

std::vector<std::vector<std::int32_t>> batches_of(int dialogues, int size) {
  std::vector<std::vector<std::int32_t>> batches;
  for (int d = 0; d < dialogues; ++d) {
    if (d % size == 0) batches.emplace_back();
    batches.back().push_back(d);
  }
  return batches;
}

// The batches of one split and the steps that a model takes on them.
class Trainee {
 public:
  Trainee(const Dataset& data, const EthreedConfig& config)
      : model_(make_model(config)), examples_(data.split("train"), {}), batch_(model_->new_batch()) {}

  template <class T>
  StepReport step(Context& context, ModelState<T>& state, const Recipe& recipe,
                  const std::vector<std::int32_t>& dialogues, std::int64_t index, double learning_rate) {
    batch_->build(examples_.make(dialogues));
    return training_step(context, *model_, state, recipe, *batch_, {.step = index, .learning_rate = learning_rate});
  }
  int dialogues() const { return examples_.count(); }

 private:
  std::shared_ptr<const Model> model_;
  SplitExamples examples_;
  std::unique_ptr<ModelBatch> batch_;
};

// Everything a run leaves behind.
struct RunTrace {
  std::vector<RunningLosses> log;
  std::vector<StepReport> steps;
  std::vector<double> step_totals, epoch_rates;
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
    observer.epoch = [&](const TrainingProgress&, std::span<const double>, double rate) {
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

TEST_CASE("training gives the same bits with one, two and three threads") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const Recipe training = tiny_recipe();
  // Wide enough for products, sums and Adam to be cut into pieces.
  EthreedConfig config = dataset_config();
  config.decoder_state = 96;
  config.bottleneck = 130;
  const auto train_with = [&](int threads, std::vector<double>& norms) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> model = initial_model<float>(data, config);
    Trainee trainee(data, config);
    std::int64_t step = 0;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (const auto& dialogues : batches_of(trainee.dialogues(), training.batch))
        norms.push_back(trainee.step(context, model, training, dialogues, step++, 0.01).gradient_norm);
    return model;
  };
  std::vector<double> norms;
  const ModelState<float> one = train_with(1, norms);
  CHECK_FALSE(same_bits(one.values, initial_model<float>(data, config).values));
  for (const int threads : {1, 2, 3}) {
    INFO(threads << " threads");
    std::vector<double> others;
    CHECK(same_bits(train_with(threads, others), one));
    CHECK(others == norms);
  }
}

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

TEST_CASE("the loss of a small task falls to a fraction") {
  const TemporaryFolder folder;
  const Dialogues dialogues{{{{4, 5, 6, 3}, {7, 8, 3}, 1, 1}}, {{{9, 10, 3}, {11, 9, 12, 3}, 2, 3}}};
  const Dataset data = make_dataset(folder, {{"train", dialogues}, {"valid", dialogues}});
  const Recipe training = tiny_recipe();
  EthreedConfig config = dataset_config();
  config.dropout = 0.0;
  ModelState<float> model = initial_model<float>(data, config);
  Runtime runtime;
  Context context = runtime.context();
  Trainee trainee(data, config);
  const std::vector<std::int32_t> both{0, 1};
  StepReport first, last;
  for (int step = 0; step < 300; ++step) {
    last = trainee.step(context, model, training, both, step, 0.01);
    if (step == 0) first = last;
  }
  CHECK(last.term[loss_emotion_speaker] < 0.05 * first.term[loss_emotion_speaker]);
  CHECK(last.term[loss_emotion_listener] < 0.05 * first.term[loss_emotion_listener]);
  CHECK(last.term[loss_generation] < 0.2 * first.term[loss_generation]);
  CHECK(last.targets == 7);
}

TEST_CASE("a step reports the terms of its loss and their weighted sum") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const Recipe training = tiny_recipe();
  EthreedConfig config = dataset_config();
  config.weights = {.emotion = 0.5, .policy = 2.0, .generation = 1.5, .coverage = 3.0};
  ModelState<double> model = initial_model<double>(data, config);
  Runtime runtime;
  Context context = runtime.context();
  Trainee trainee(data, config);
  const std::vector<std::int32_t> dialogues{0, 1, 2};
  const StepReport report = trainee.step(context, model, training, dialogues, 0, 0.01);
  for (const double term : {report.term[loss_emotion_speaker], report.term[loss_emotion_listener],
                            report.term[loss_policy], report.term[loss_generation], report.term[loss_coverage]})
    CHECK(term > 0);
  CHECK(report.total ==
        Approx(0.5 * (report.term[loss_emotion_speaker] + report.term[loss_emotion_listener]) +
               2.0 * report.term[loss_policy] + 1.5 * report.term[loss_generation] + 3.0 * report.term[loss_coverage])
            .epsilon(1e-12));
}

TEST_CASE("dropout and noise of a step depend on the step alone") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const EthreedConfig config = dataset_config();
  const std::vector<std::int32_t> dialogues{0, 1, 2, 3};
  DialogueBatch batch;
  batch.build(SplitExamples(data.split("train"), {}).make(dialogues), config.vocabulary);
  Runtime runtime;
  Context context = runtime.context();
  const auto draw = [&](std::int64_t step) {
    const StepNoise<double> noise = draw_training_noise<double>(context, config, batch, tiny_recipe().seed, step);
    const std::size_t n = static_cast<std::size_t>(batch.turns());
    std::vector<std::vector<double>> all{
        {noise.masks.global, noise.masks.global + 2 * n * static_cast<std::size_t>(config.global_state)},
        {noise.masks.party, noise.masks.party + 2 * n * static_cast<std::size_t>(config.party_state)},
        {noise.masks.emotion, noise.masks.emotion + 2 * n * static_cast<std::size_t>(config.emotion_state)},
        {noise.masks.content, noise.masks.content + n * static_cast<std::size_t>(config.content_state)},
        {noise.policy, noise.policy + n * static_cast<std::size_t>(config.emotion_state)}};
    return all;
  };
  const auto first = draw(0), again = draw(0), second = draw(1);
  CHECK(first == again);
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i] != second[i]);
  for (std::size_t i = 0; i < 4; ++i)
    for (const double multiplier : first[i]) CHECK((multiplier == 0.0 || multiplier == 2.0));
  // Different states draw different masks.
  CHECK_FALSE(std::equal(first[0].begin(), first[0].begin() + 32, first[1].begin()));
  EthreedConfig off = config;
  off.dropout = 0.0;
  const StepNoise<double> none = draw_training_noise<double>(context, off, batch, tiny_recipe().seed, 0);
  CHECK(none.masks.global == nullptr);
  CHECK(none.masks.content == nullptr);
  CHECK(none.policy != nullptr);
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

TEST_CASE("a gradient longer than the bound is scaled down to it, a shorter one is left alone") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Trainee trainee(data, dataset_config());
  const std::vector<std::int32_t> dialogues{0, 1, 2, 3};
  Runtime runtime;
  Context context = runtime.context();
  for (const double bound : {0.01, 1e6}) {
    Recipe training = tiny_recipe();
    training.clip_norm = bound;
    ModelState<double> model = initial_model<double>(data, dataset_config());
    const StepReport report = trainee.step(context, model, training, dialogues, 0, 0.01);
    double squares = 0;  // of m / (1 − β₁): what Adam was given at its first step
    for (const double m : model.first_moment.span()) squares += m * m / (0.1 * 0.1);
    CHECK(report.gradient_norm > 0.01);
    CHECK(std::sqrt(squares) == Approx(std::min(bound, report.gradient_norm)).epsilon(1e-3));
  }
}

TEST_CASE("steps are those of Adam on the clipped gradient, with decoupled weight decay if the recipe has it") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Trainee trainee(data, dataset_config());
  Runtime runtime;
  Context context = runtime.context();
  Recipe training = tiny_recipe();
  training.clip_norm = 0.5;
  training.weight_decay = GENERATE(0.0, 0.2);
  ModelState<double> model = initial_model<double>(data, dataset_config());
  std::vector<double> theta(model.values.span().begin(), model.values.span().end()), m(theta.size()), v(theta.size());
  for (int step = 0; step < 3; ++step) {
    const std::vector<std::int32_t> dialogues{step, step + 1};
    const double rate = 0.01 / (step + 1);
    const StepReport report = trainee.step(context, model, training, dialogues, step, rate);
    double worst = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double g = model.gradients.span()[i] * std::min(1.0, 0.5 / (report.gradient_norm + 1e-6));
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const double m_hat = m[i] / (1 - std::pow(0.9, step + 1)), v_hat = v[i] / (1 - std::pow(0.999, step + 1));
      theta[i] -= rate * (m_hat / (std::sqrt(v_hat) + 1e-8) + training.weight_decay * theta[i]);
      worst = std::max(worst, std::abs(model.values.span()[i] - theta[i]));
    }
    CHECK(worst < 1e-12);
    CHECK(report.gradient_norm > 0.5);
  }
}

TEST_CASE("a training step takes no memory once its shape has been seen") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const Recipe training = tiny_recipe();
  EthreedConfig config = dataset_config();  // so large that a step needs several blocks of the arena at first
  config.encoder = config.decoder_state = config.bottleneck = 200;
  for (const int threads : {1, 2}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> model = initial_model<float>(data, config);
    Trainee trainee(data, config);
    // The last batch is the smallest: after the largest the arena has to merge its blocks once more.
    const auto order = batches_of(trainee.dialogues(), training.batch);
    std::int64_t step = 0;
    const auto pass = [&] {
      const std::int64_t before = allocation_count();
      for (const auto& dialogues : order) trainee.step(context, model, training, dialogues, step++, 0.001);
      return allocation_count() - before;
    };
    CHECK(pass() > 0);  // the counter counts
    CHECK(pass() == 0);
    CHECK(runtime.arena().peak_bytes() > std::size_t{1} << 20);
  }
}

TEST_CASE("a model that is not finite is refused and left as it was") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Trainee trainee(data, dataset_config());
  const std::vector<std::int32_t> dialogues{0, 1};
  Runtime runtime;
  Context context = runtime.context();
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ModelState<float> model = initial_model<float>(data, dataset_config());
    parameter(model, "decoder.vocabulary.bias")[7] = broken;
    const Tensor<float> before = model.values.clone();
    CHECK_THROWS_WITH(trainee.step(context, model, tiny_recipe(), dialogues, 6, 0.01),
                      Catch::Contains("the loss is") && Catch::Contains("at step 6") &&
                          Catch::Contains("resume from the last checkpoint"));
    CHECK(same_bits(model.values, before));
    CHECK(same_bits(model.first_moment, Tensor<float>({model.layout.size()})));
    CHECK(same_bits(model.second_moment, Tensor<float>({model.layout.size()})));
  }
}

TEST_CASE("the order of examples is a permutation that depends on seed and epoch alone") {
  std::vector<std::int32_t> first, again, next, other;
  shuffle_examples(100, 3, 0, first);
  shuffle_examples(100, 3, 0, again);
  shuffle_examples(100, 3, 1, next);
  shuffle_examples(100, 4, 0, other);
  CHECK(first == again);
  CHECK(first != next);
  CHECK(first != other);
  std::sort(first.begin(), first.end());
  for (std::int32_t i = 0; i < 100; ++i) CHECK(first[static_cast<std::size_t>(i)] == i);
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
