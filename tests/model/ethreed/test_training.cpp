// A training step: the same bits at every number of threads, the recipe's Adam, and no memory taken.

#include "model/blocks/dropout.h"
#include "model/training/trainer.h"
#include "tests/kernels/allocation_count.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

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
    return step(context, state, recipe, examples_.make(dialogues), index, learning_rate);
  }
  template <class T>
  StepReport step(Context& context, ModelState<T>& state, const Recipe& recipe, std::span<const Example> examples,
                  std::int64_t index, double learning_rate) {
    batch_->build(examples);
    return training_step(context, *model_, state, recipe, *batch_, {.step = index, .learning_rate = learning_rate});
  }
  int dialogues() const { return examples_.count(); }

 private:
  std::shared_ptr<const Model> model_;
  SplitExamples examples_;
  std::unique_ptr<ModelBatch> batch_;
};

}  // namespace

TEST_CASE("a step may ask for more dropout masks than one launch draws: each is the mask that it is alone") {
  Runtime runtime(2);
  Context context = runtime.context();
  constexpr int masks = 2 * dropout_max_masks + 3, rows = 5, width = 7;
  StepDropout<float> together(context, 0.4, 9, 6);
  std::vector<const float*> drawn;
  for (int k = 0; k < masks; ++k) drawn.push_back(together.mask(k, rows, width));
  together.draw();
  for (int k = 0; k < masks; ++k) {
    INFO("mask " << k);
    StepDropout<float> alone(context, 0.4, 9, 6);
    const float* mask = alone.mask(k, rows, width);
    alone.draw();
    CHECK(std::equal(mask, mask + rows * width, drawn[k]));
  }
}

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

TEST_CASE("word vectors stay as they came over frozen_vector_steps, and everything else learns from the first") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  EthreedConfig config = dataset_config();
  config.frozen_vector_steps = 2;
  Runtime runtime;
  Context context = runtime.context();
  ModelState<float> model = initial_model<float>(data, config);
  Trainee trainee(data, config);
  const ModelState<float> first = initial_model<float>(data, config);
  // The vectors are the first part of the block.
  const std::int64_t vectors = std::int64_t{config.vocabulary} * config.embedding;
  const auto changed = [&](std::int64_t from, std::int64_t to) {
    return !std::equal(first.values.data() + from, first.values.data() + to, model.values.data() + from);
  };
  for (int step = 0; step < 3; ++step) {
    INFO("after update " << step + 1);
    trainee.step(context, model, tiny_recipe(), std::vector<std::int32_t>{0, 1, 2}, step, 0.01);
    CHECK(changed(0, vectors) == (step == 2));
    CHECK(changed(vectors, first.values.count()));
  }
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

TEST_CASE("a parameter that a batch leaves untouched has no gradient, not that of the step before") {
  const TemporaryFolder folder;
  // Without the policy nothing but labels reads the classifier, and the second batch has none.
  const Dialogues labelled{{{{4, 5, 6, 3}, {7, 8, 3}, 1, 1}}}, unlabelled{{{{9, 10, 3}, {11, 9, 12, 3}, -1, -1}}};
  const DialogueExamples with_labels(labelled), without(unlabelled);
  const Dataset data = random_dataset(folder);
  const EthreedConfig config = dataset_config(Ablation::no_policy);
  Runtime runtime;
  Context context = runtime.context();
  const auto zero_entries = [](const ModelState<double>& model) {
    std::vector<std::string> names;
    for (const auto& entry : model.layout.entries()) {
      const double* first = model.gradients.data() + entry.offset;
      if (std::all_of(first, first + entry.shape.count(), [](double g) { return g == 0; })) names.push_back(entry.name);
    }
    return names;
  };
  ModelState<double> model = initial_model<double>(data, config), twin = initial_model<double>(data, config);
  Trainee trainee(data, config);
  for (ModelState<double>* one : {&model, &twin})
    trainee.step(context, *one, tiny_recipe(), with_labels.all(), 0, 0.01);
  const auto zero_at_first = zero_entries(model);
  // Whatever stands where gradients go, a step writes all of it.
  for (const auto& entry : twin.layout.entries())  // what lies between parameters stays zero
    std::fill_n(twin.gradients.data() + entry.offset, entry.shape.count(), std::numeric_limits<double>::quiet_NaN());
  for (ModelState<double>* one : {&model, &twin}) trainee.step(context, *one, tiny_recipe(), without.all(), 1, 0.01);
  CHECK(zero_entries(model).size() > zero_at_first.size());
  CHECK(same_bits(twin, model));
  CHECK(std::equal(model.gradients.data(), model.gradients.data() + model.layout.size(), twin.gradients.data()));
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
    const int n = batch.turns();
    std::vector<std::vector<double>> all{{noise.masks.global, noise.masks.global + 2 * n * config.global_state},
                                         {noise.masks.party, noise.masks.party + 2 * n * config.party_state},
                                         {noise.masks.emotion, noise.masks.emotion + 2 * n * config.emotion_state},
                                         {noise.masks.content, noise.masks.content + n * config.content_state},
                                         {noise.policy, noise.policy + n * config.emotion_state}};
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
    double squares = 0;
    for (const double g : model.gradients.span()) squares += g * g;
    CHECK(report.gradient_norm == Approx(std::sqrt(squares)).epsilon(1e-12));
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
    CHECK_THROWS_WITH(
        trainee.step(context, model, tiny_recipe(), dialogues, 6, 0.01),
        Catch::Contains("the loss is") && Catch::Contains("at step 6") && Catch::Contains("smaller learning rate"));
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
  for (std::int32_t i = 0; i < 100; ++i) CHECK(first[i] == i);
}
