// MoEL on a device: no choice of listeners takes more memory than the plan says, and a step that reads logits in its
// middle is recorded as graphs, too.

#include "model/moel/moel.h"
#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tests/model/model_bench.h"
#include "tests/unchecked_accesses.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

RunConfig tiny_run() {
  MoelConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 4, .heads = 1, .depth = 2, .inner = 2, .layers = 1};
  config.oracle = false;
  RunConfig run{.model = std::make_shared<ModelOf<MoelModel>>(config), .recipe = MoelModel::recipe()};
  run.recipe.batch = 4;
  run.recipe.learning_rate = 0.01;
  run.recipe.seed = 5;
  return run;
}

/// Training steps on the emulated device, the batches of the tiny data one after the other.
class EmulatedTraining {
 public:
  explicit EmulatedTraining(const RunConfig& run) : run_(run), runtime_(2), batch_(run.model->new_batch()) {
    runtime_.use(open_device(Device::emulated, runtime_.pool()));
    context_.emplace(runtime_.context());
  }
  MemoryPlan plan() { return plan_training_memory(*context_, run_, tiny_data()); }
  void start(ModelState<float> state) {
    device_.reset();
    state_.emplace(std::move(state));
    device_.emplace(*context_, *state_);
  }
  StepReport step(int number, bool graph) {
    const TinyExamples train(tiny_data().split("train"), *run_.model);
    const std::size_t count = static_cast<std::size_t>(run_.recipe.batch);
    const std::size_t first = static_cast<std::size_t>(number) * count % (train.all().size() - count + 1);
    batch_->build(train.all().subspan(first, count));
    return training_step(*context_, *run_.model, device_->model(), run_.recipe, *batch_,
                         {.step = number, .learning_rate = run_.recipe.learning_rate, .graph = graph});
  }
  const ModelState<float>& state() {
    device_->to_host();
    return *state_;
  }
  Runtime& runtime() { return runtime_; }

 private:
  const UncheckedAccesses unchecked_;
  const RunConfig& run_;
  Runtime runtime_;
  std::optional<Context> context_;
  std::unique_ptr<ModelBatch> batch_;
  std::optional<ModelState<float>> state_;
  std::optional<DeviceModel<float>> device_;
};

std::size_t planned(const MemoryPlan& plan, std::string_view owner) {
  for (const MemoryPlan::Line& line : plan.lines)
    if (line.owner == owner) return line.bytes;
  FAIL("the plan has no line " << owner);
  return 0;
}

}  // namespace

TEST_CASE("whoever listens to whom, MoEL's steps stay within the plan") {
  const RunConfig run = tiny_run();
  EmulatedTraining training(run);
  const MemoryPlan plan = training.plan();
  for (const bool all_alike : {true, false}) {
    ModelState<float> state = random_state<float>(*run.model, 5);
    if (all_alike)
      for (float& key : parameter(state, "keys.weight")) key = 0;
    training.start(std::move(state));
    for (int number = 0; number < 3; ++number) training.step(number, false);
    CHECK(training.runtime().values().peak_bytes() <= planned(plan, "values and gradients of a step"));
    CHECK(training.runtime().scratch().peak_bytes() <= planned(plan, "workspace of kernels"));
    CHECK(training.runtime().device()->staging().reserved_bytes() <= planned(plan, "staged index arrays"));
  }
}

TEST_CASE("MoEL's steps as graphs, which read the logits in their middle, are its steps without") {
  const RunConfig run = tiny_run();
  EmulatedTraining plain(run), graphs(run);
  plain.start(random_state<float>(*run.model, 5));
  graphs.start(random_state<float>(*run.model, 5));
  for (int number = 0; number < 3; ++number) {
    const StepReport a = plain.step(number, false), b = graphs.step(number, true);
    CHECK(a.total == b.total);
    CHECK(a.gradient_norm == b.gradient_norm);
  }
  CHECK(same_bits(plain.state(), graphs.state()));
  CHECK(plain.runtime().device()->graphs_made() == 0);
  CHECK(graphs.runtime().device()->graphs_made() >= 2);
}
