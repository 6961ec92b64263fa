// A training step and a whole run: the same bits at every number of threads and after every stop, and no memory taken.

#include "model/training/trainer.h"
#include "tests/kernels/allocation_count.h"
#include "tests/model/tiny_dataset.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

TrainingConfig tiny_training() {
  TrainingConfig training;
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
  TinyRun(const Dataset& data, std::filesystem::path directory, const ModelConfig& model,
          const TrainingConfig& training)
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
    observer.epoch = [&](const TrainingProgress&, const EvaluationResult&, double rate) {
      trace_.epoch_rates.push_back(rate);
    };
    observer.validation = [&](int, int) { validating_ = true; };
    observer.stop = std::move(stop);
    return train(context, model_, info_, data_, options_, observer);
  }
  // Forgets everything and reads RUN/last.
  void reload() {
    info_ = load_checkpoint_info(options_.directory / "last");
    model_ = ModelState<float>(info_.config.model, true);
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
  const TrainingConfig training = tiny_training();
  // Wide enough for products, sums and Adam to be cut into pieces.
  ModelConfig config = dataset_config();
  config.decoder_state = 96;
  config.bottleneck = 130;
  const auto train_with = [&](int threads, std::vector<double>& norms) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> model = initial_model<float>(data, config);
    SplitBatches batches(data.split("train"), data.vocabulary_size());
    std::int64_t step = 0;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (const auto& dialogues : batches_of(batches.dialogues(), training.batch))
        norms.push_back(training_step(context, model, training, batches.make(dialogues), step++, 0.01).gradient_norm);
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
  TinyRun whole(data, folder / "whole", dataset_config(), tiny_training());
  CHECK(whole.run());
  CHECK(whole.progress().step == 9);
  CHECK(whole.progress().finished);
  REQUIRE(whole.trace().log.size() == 4);
  for (const std::int64_t stop : {1, 2, 3, 5, 7, 9}) {
    INFO("stopped at step " << stop);
    TinyRun run(data, folder / ("stopped" + std::to_string(stop)), dataset_config(), tiny_training());
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
  TinyRun whole(data, folder / "whole", dataset_config(), tiny_training());
  REQUIRE(whole.run());
  TinyRun run(data, folder / "stopped", dataset_config(), tiny_training());
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
  TinyRun run(data, folder / "run", dataset_config(), tiny_training());
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
  TinyRun run(data, folder / "run", dataset_config(), tiny_training());
  REQUIRE(run.run());
  const RunTrace trace = run.trace();
  REQUIRE(trace.log.size() == 4);  // of two steps each; the ninth step waits
  for (std::size_t line = 0; line < trace.log.size(); ++line) {
    const StepReport &first = trace.steps[2 * line], &second = trace.steps[2 * line + 1];
    const RunningLosses& sums = trace.log[line];
    CHECK(sums.steps == 2);
    CHECK(sums.tokens == first.tokens + second.tokens);
    CHECK(sums.total == first.total + second.total);
    CHECK(sums.emotion_speaker == first.emotion_speaker + second.emotion_speaker);
    CHECK(sums.emotion_listener == first.emotion_listener + second.emotion_listener);
    CHECK(sums.policy == first.policy + second.policy);
    CHECK(sums.generation == first.generation + second.generation);
    CHECK(sums.coverage == first.coverage + second.coverage);
    CHECK(sums.gradient_norm == first.gradient_norm + second.gradient_norm);
  }
  CHECK(run.progress().running.total == trace.steps.back().total);
}

TEST_CASE("the best checkpoint is the one of the lowest validation perplexity") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TrainingConfig training = tiny_training();
  training.learning_rate = 0.1;  // so high that later epochs do worse
  training.epochs = 5;
  TinyRun run(data, folder / "run", dataset_config(), training);
  REQUIRE(run.run());
  const CheckpointInfo best = load_checkpoint_info(run.directory() / "best");
  CHECK(best.progress.best == best.progress.last);
  CHECK(best.progress.best == run.progress().best);
  CHECK(best.progress.best.epoch < run.progress().last.epoch);
  CHECK(best.progress.best.perplexity_token < run.progress().last.perplexity_token);
  Runtime runtime;
  ModelState<float> model(best.config.model, false);
  load_checkpoint_tensors(run.directory() / "best", model);
  SplitBatches valid(data.split("valid"), data.vocabulary_size());
  const auto figures = Evaluator<float>(runtime.context(), model).evaluate(valid, PolicyMode{.seed = training.seed});
  CHECK(figures.perplexity_token == best.progress.best.perplexity_token);
}

TEST_CASE("the loss of a small task falls to a fraction") {
  const TemporaryFolder folder;
  const Dialogues dialogues{{{{4, 5, 6, 3}, {7, 8, 3}, 1, 1}}, {{{9, 10, 3}, {11, 9, 12, 3}, 2, 3}}};
  const Dataset data = make_dataset(folder, {{"train", dialogues}, {"valid", dialogues}});
  TrainingConfig training = tiny_training();
  training.dropout = 0.0;
  ModelState<float> model = initial_model<float>(data, dataset_config());
  Runtime runtime;
  Context context = runtime.context();
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  const std::vector<std::int32_t> both{0, 1};
  StepReport first, last;
  for (int step = 0; step < 300; ++step) {
    last = training_step(context, model, training, batches.make(both), step, 0.01);
    if (step == 0) first = last;
  }
  CHECK(last.emotion_speaker < 0.05 * first.emotion_speaker);
  CHECK(last.emotion_listener < 0.05 * first.emotion_listener);
  CHECK(last.generation < 0.2 * first.generation);
  CHECK(last.tokens == 7);
}

TEST_CASE("a step reports the terms of its loss and their weighted sum") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TrainingConfig training = tiny_training();
  training.weights = {.emotion = 0.5, .policy = 2.0, .generation = 1.5, .coverage = 3.0};
  ModelState<double> model = initial_model<double>(data, dataset_config());
  Runtime runtime;
  Context context = runtime.context();
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  const std::vector<std::int32_t> dialogues{0, 1, 2};
  const StepReport report = training_step(context, model, training, batches.make(dialogues), 0, 0.01);
  for (const double term :
       {report.emotion_speaker, report.emotion_listener, report.policy, report.generation, report.coverage})
    CHECK(term > 0);
  CHECK(report.total == Approx(0.5 * (report.emotion_speaker + report.emotion_listener) + 2.0 * report.policy +
                               1.5 * report.generation + 3.0 * report.coverage)
                            .epsilon(1e-12));
}

TEST_CASE("dropout and noise of a step depend on the step alone") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const ModelConfig config = dataset_config();
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  const std::vector<std::int32_t> dialogues{0, 1, 2, 3};
  const Batch& batch = batches.make(dialogues);
  Runtime runtime;
  Context context = runtime.context();
  const auto draw = [&](std::int64_t step) {
    const StepNoise<double> noise = draw_training_noise<double>(context, config, tiny_training(), batch, step);
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
  TrainingConfig off = tiny_training();
  off.dropout = 0.0;
  const StepNoise<double> none = draw_training_noise<double>(context, config, off, batch, 0);
  CHECK(none.masks.global == nullptr);
  CHECK(none.masks.content == nullptr);
  CHECK(none.policy != nullptr);
}

TEST_CASE("the learning rate falls by its factor every so many epochs, and a run uses it") {
  TrainingConfig recipe;
  for (const int epoch : {0, 1, 2}) CHECK(recipe.learning_rate_at(epoch) == Approx(5e-4));
  for (const int epoch : {3, 4, 5}) CHECK(recipe.learning_rate_at(epoch) == Approx(1.5e-4));
  CHECK(recipe.learning_rate_at(6) == Approx(4.5e-5));
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  TinyRun run(data, folder / "run", dataset_config(), tiny_training());
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
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  const std::vector<std::int32_t> dialogues{0, 1, 2, 3};
  Runtime runtime;
  Context context = runtime.context();
  for (const double bound : {0.01, 1e6}) {
    TrainingConfig training = tiny_training();
    training.clip_norm = bound;
    ModelState<double> model = initial_model<double>(data, dataset_config());
    const StepReport report = training_step(context, model, training, batches.make(dialogues), 0, 0.01);
    double squares = 0;  // of m / (1 − β₁): what Adam was given at its first step
    for (const double m : model.first_moment.span()) squares += m * m / (0.1 * 0.1);
    CHECK(report.gradient_norm > 0.01);
    CHECK(std::sqrt(squares) == Approx(std::min(bound, report.gradient_norm)).epsilon(1e-3));
  }
}

TEST_CASE("steps are those of Adam on the clipped gradient") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  Runtime runtime;
  Context context = runtime.context();
  TrainingConfig training = tiny_training();
  training.clip_norm = 0.5;
  ModelState<double> model = initial_model<double>(data, dataset_config());
  std::vector<double> theta(model.values.span().begin(), model.values.span().end()), m(theta.size()), v(theta.size());
  for (int step = 0; step < 3; ++step) {
    const std::vector<std::int32_t> dialogues{step, step + 1};
    const double rate = 0.01 / (step + 1);
    const StepReport report = training_step(context, model, training, batches.make(dialogues), step, rate);
    double worst = 0;
    for (std::size_t i = 0; i < theta.size(); ++i) {
      const double g = model.gradients.span()[i] * std::min(1.0, 0.5 / (report.gradient_norm + 1e-6));
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      const double m_hat = m[i] / (1 - std::pow(0.9, step + 1)), v_hat = v[i] / (1 - std::pow(0.999, step + 1));
      theta[i] -= rate * m_hat / (std::sqrt(v_hat) + 1e-8);
      worst = std::max(worst, std::abs(model.values.span()[i] - theta[i]));
    }
    CHECK(worst < 1e-12);
    CHECK(report.gradient_norm > 0.5);
  }
}

TEST_CASE("a training step takes no memory once its shape has been seen") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const TrainingConfig training = tiny_training();
  ModelConfig config = dataset_config();  // so large that a step needs several blocks of the arena at first
  config.encoder = config.decoder_state = config.bottleneck = 200;
  for (const int threads : {1, 2}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> model = initial_model<float>(data, config);
    SplitBatches batches(data.split("train"), data.vocabulary_size());
    DeferredUpdate<float> update(model.layout.encoder_end());
    // The last batch is the smallest: after the largest the arena has to merge its blocks once more.
    const auto order = batches_of(batches.dialogues(), training.batch);
    std::int64_t step = 0;
    const auto pass = [&] {
      const std::int64_t before = allocation_count();
      for (const auto& dialogues : order)
        training_step(context, model, training, batches.make(dialogues), step++, 0.001, {.update = &update});
      update.finish(context);
      return allocation_count() - before;
    };
    CHECK(pass() > 0);  // the counter counts
    CHECK(pass() == 0);
    CHECK(runtime.arena().peak_bytes() > std::size_t{1} << 20);
  }
}

TEST_CASE("an update that is deferred to the next step's encoder gives the bits of one that is not") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const TrainingConfig training = tiny_training();
  ModelConfig config = dataset_config();  // so large that the rest of the update is several chunks
  config.encoder = config.decoder_state = config.bottleneck = 200;
  const auto train_with = [&](int threads, bool deferred) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> model = initial_model<float>(data, config);
    SplitBatches batches(data.split("train"), data.vocabulary_size());
    DeferredUpdate<float> update(model.layout.encoder_end());
    std::int64_t step = 0;
    for (const auto& dialogues : batches_of(batches.dialogues(), training.batch))
      training_step(context, model, training, batches.make(dialogues), step++, 0.01,
                    {.update = deferred ? &update : nullptr});
    const Tensor<float> before = model.values.clone();
    update.finish(context);
    CHECK(same_bits(model.values, before) != deferred);  // something was left for finish(), if anything was deferred
    const Tensor<float> finished = model.values.clone();
    update.finish(context);
    CHECK(same_bits(model.values, finished));
    return model;
  };
  const ModelState<float> whole = train_with(1, false);
  CHECK(whole.layout.size() - whole.layout.encoder_end() > 4 << 16);
  for (const int threads : {1, 2, 3}) {
    INFO(threads << " threads");
    CHECK(same_bits(train_with(threads, true), whole));
  }
}

TEST_CASE("a deferred update is done even if what it was to run beside fails, and done once") {
  Runtime runtime(2);
  Context context = runtime.context();
  constexpr std::int64_t n = 300000;
  Tensor<float> values({n}), gradients({n}), m({n}), v({n});
  for (std::int64_t i = 0; i < n; ++i) gradients[i] = 1.0F + static_cast<float>(i % 7);
  const Adam<float> adam{.count = n,
                         .step = 1,
                         .learning_rate = 0.5,
                         .parameters = values.data(),
                         .gradients = gradients.data(),
                         .m = m.data(),
                         .v = v.data()};
  DeferredUpdate<float> update(1000);
  update.start(context, adam);
  CHECK(values[999] != 0.0F);
  CHECK(values[n - 1] == 0.0F);
  CHECK_THROWS_WITH(update.beside(context, [] { fail("the encoder broke"); }), "the encoder broke");
  CHECK(std::all_of(values.data(), values.data() + n, [](float value) { return value != 0.0F; }));
  const Tensor<float> once = values.clone();
  update.finish(context);
  CHECK(same_bits(values, once));
}

TEST_CASE("a model that is not finite is refused and left as it was") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  SplitBatches batches(data.split("train"), data.vocabulary_size());
  const std::vector<std::int32_t> dialogues{0, 1};
  Runtime runtime;
  Context context = runtime.context();
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ModelState<float> model = initial_model<float>(data, dataset_config());
    parameter(model, "decoder.vocabulary.bias")[7] = broken;
    const Tensor<float> before = model.values.clone();
    CHECK_THROWS_WITH(training_step(context, model, tiny_training(), batches.make(dialogues), 6, 0.01),
                      Catch::Contains("the loss is") && Catch::Contains("at step 6") &&
                          Catch::Contains("resume from the last checkpoint"));
    CHECK(same_bits(model.values, before));
    CHECK(same_bits(model.first_moment, Tensor<float>({model.layout.size()})));
    CHECK(same_bits(model.second_moment, Tensor<float>({model.layout.size()})));
    DeferredUpdate<float> update(model.layout.encoder_end());
    CHECK_THROWS(training_step(context, model, tiny_training(), batches.make(dialogues), 6, 0.01, {.update = &update}));
    update.finish(context);
    CHECK(same_bits(model.values, before));
  }
}

TEST_CASE("the order of dialogues is a permutation that depends on seed and epoch alone") {
  std::vector<std::int32_t> first, again, next, other;
  shuffle_dialogues(100, 3, 0, first);
  shuffle_dialogues(100, 3, 0, again);
  shuffle_dialogues(100, 3, 1, next);
  shuffle_dialogues(100, 4, 0, other);
  CHECK(first == again);
  CHECK(first != next);
  CHECK(first != other);
  std::sort(first.begin(), first.end());
  for (std::int32_t i = 0; i < 100; ++i) CHECK(first[static_cast<std::size_t>(i)] == i);
}
