// MoEL on a device: no choice of listeners takes more memory than the plan says, and a step that reads logits in its
// middle is recorded as graphs, too. And the rows that its listeners' results are put together from.

#include "model/blocks/stacked_rows.h"
#include "model/moel/moel.h"
#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tests/model/model_bench.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/loss_sum_function.h"

#include <catch2/catch.hpp>

#include <numeric>

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

TEST_CASE("whoever listens to whom, MoEL's steps stay within the plan, and the plan within twice a step") {
  const RunConfig run = tiny_run();
  EmulatedTraining training(run);
  const MemoryPlan plan = training.plan();
  std::size_t most = 0;
  for (const bool all_alike : {true, false}) {
    ModelState<float> state = random_state<float>(*run.model, 5);
    if (all_alike)
      for (float& key : parameter(state, "keys.weight")) key = 0;
    training.start(std::move(state));
    for (int number = 0; number < 3; ++number) training.step(number, false);
    CHECK(training.runtime().values().peak_bytes() <= planned(plan, "values and gradients of a step"));
    CHECK(training.runtime().scratch().peak_bytes() <= planned(plan, "workspace of kernels"));
    CHECK(training.runtime().device()->staging().reserved_bytes() <= planned(plan, "staged index arrays"));
    most = std::max(most, training.runtime().values().peak_bytes());
  }
  INFO("planned " << planned(plan, "values and gradients of a step") << ", used " << most);
  CHECK(most > 0);
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

TEST_CASE("stacked rows are their parts one above the other, and so are gradients") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  std::vector<double> x(12), dx(12);
  std::iota(x.begin(), x.end(), 1.0);
  const Variable<double> all = tape.parameter(View<double>(x.data(), {4, 3}), dx.data());
  const std::vector<std::int32_t> last{3, 2}, first{0};
  const std::vector<Variable<double>> parts{gather_rows<double>(tape, {{all, last}}),
                                            scale(tape, gather_rows<double>(tape, {{all, first}}), 2.0)};
  const Variable<double> stacked = stack_rows<double>(tape, parts);
  const std::vector<double> wanted{10, 11, 12, 7, 8, 9, 2, 4, 6};
  REQUIRE(stacked.rows() == 3);
  CHECK(std::equal(wanted.begin(), wanted.end(), stacked.data()));
  // One column of every element, the third of which counts alone: x[3, 2].
  const std::vector<std::int32_t> third{2, 6};
  const Variable<double> picked = gather_rows<double>(tape, {{as_column(tape, stacked), third}});
  CHECK(picked.data()[0] == 12);
  CHECK(picked.data()[1] == 2);
  tape.backward(loss_sum<double>(tape, {{picked, 1.0}}).total);
  const std::vector<double> gradient{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  CHECK(dx == gradient);
}

TEST_CASE("stacked rows refuse parts that do not fit and a part that something else reads") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  std::vector<double> x(12, 1.0), dx(12);
  const Variable<double> all = tape.parameter(View<double>(x.data(), {4, 3}), dx.data());
  const Variable<double> wide = tape.parameter(View<double>(x.data(), {3, 4}), dx.data());
  const std::vector<Variable<double>> different{all, wide}, views{tape.rows(all, 0, 2)}, absent{Variable<double>()};
  CHECK_THROWS_WITH(stack_rows<double>(tape, different), Catch::Contains("[3, 4]"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, views), Catch::Contains("rows of another matrix"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, absent), Catch::Contains("absent"));
  CHECK_THROWS_WITH(stack_rows<double>(tape, {}), Catch::Contains("no parts"));
  const Variable<double> part = scale(tape, all, 2.0);
  const std::vector<Variable<double>> parts{part};
  const Variable<double> stacked = stack_rows<double>(tape, parts);
  const Variable<double> other = scale(tape, part, 3.0);
  const LossSum<double> sum = loss_sum<double>(tape, {{stacked, 1.0}, {other, 1.0}});
  CHECK_THROWS_WITH(tape.backward(sum.total), Catch::Contains("second reader"));
}
