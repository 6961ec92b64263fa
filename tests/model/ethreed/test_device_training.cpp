// The whole model on the emulated device against the CPU: every gradient of a step, the losses of a run, and replies.

#include "kernels/device/open_device.h"
#include "model/interface/device_model.h"
#include "model/text/prepare.h"
#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tests/distance.h"
#include "tests/model/tiny_model.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

Recipe small_recipe() {
  Recipe training;
  training.batch = 4;
  training.learning_rate = 0.01;
  training.seed = 5;
  return training;
}

/// Trains on one device, batch after batch in the order of the data, and keeps the model on the host up to date.
template <class T> class Trainee {
 public:
  Trainee(Device device, const Dataset& data, const EthreedConfig& config, const Recipe& training, int threads = 2)
      : runtime_(threads),
        training_(training),
        made_(make_model(config)),
        host_(initial_model<T>(data, config)),
        examples_(data.split("train"), {}),
        batch_(made_->new_batch()) {
    runtime_.use(open_device(device, runtime_.pool()));
    context_.emplace(runtime_.context());
    device_.emplace(*context_, host_);
  }

  StepReport step(std::int64_t index, bool graph = false) {
    const auto count = std::min(training_.batch, examples_.count());
    std::vector<std::int32_t> dialogues;
    for (int i = 0; i < count; ++i)
      dialogues.push_back(static_cast<std::int32_t>((index * count + i) % examples_.count()));
    batch_->build(examples_.make(dialogues));
    const StepReport report = training_step(*context_, *made_, device_->model(), training_, *batch_,
                                            {.step = index, .learning_rate = training_.learning_rate, .graph = graph});
    device_->to_host();
    device_->gradients_to_host();
    return report;
  }

  const ModelState<T>& model() const { return host_; }
  DeviceRuntime& device() { return *runtime_.device(); }
  Context& context() { return *context_; }

 private:
  Runtime runtime_;
  Recipe training_;
  std::shared_ptr<const Model> made_;
  ModelState<T> host_;
  SplitExamples examples_;
  std::unique_ptr<ModelBatch> batch_;
  std::optional<Context> context_;
  std::optional<DeviceModel<T>> device_;
};

/// The worst distance between the gradients of two models, parameter by parameter.
template <class T> double gradient_distance(const ModelState<T>& got, const ModelState<T>& wanted) {
  double worst = 0;
  for (const auto& entry : wanted.layout.entries()) {
    const auto part = [&](const ModelState<T>& model) {
      return std::span<const T>(model.gradients.data() + entry.offset, entry.shape.count());
    };
    INFO(entry.name);
    const double error = distance(part(got), part(wanted));
    CHECK(std::isfinite(error));
    worst = std::max(worst, error);
  }
  return worst;
}

template <class T> double one_step_distance(const Dataset& data, Ablation ablation) {
  const EthreedConfig config = dataset_config(ablation);
  Trainee<T> cpu(Device::cpu, data, config, small_recipe()), emulated(Device::emulated, data, config, small_recipe());
  const StepReport wanted = cpu.step(0), got = emulated.step(0);
  CHECK(got.total == Approx(wanted.total).epsilon(1e-6));
  CHECK(got.gradient_norm == Approx(wanted.gradient_norm).epsilon(1e-5));
  return gradient_distance(emulated.model(), cpu.model());
}

}  // namespace

TEST_CASE("every gradient of a training step on the emulated device is the CPU's, for the model and each ablation") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  for (const Ablation ablation : all_ablations) {
    INFO(name_of(ablation));
    const double in_double = one_step_distance<double>(data, ablation);
    const double in_float = one_step_distance<float>(data, ablation);
    fmt::print("ablation {}: worst relative difference of a gradient {:.2e} in double, {:.2e} in float\n",
               name_of(ablation), in_double, in_float);
    CHECK(in_double <= 1e-9);
    CHECK(in_float <= 1e-4);
  }
}

TEST_CASE("steps as graphs, steps without, any number of threads: the same bits on the emulated device") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const EthreedConfig config = dataset_config();
  Trainee<float> plain(Device::emulated, data, config, small_recipe(), 1);
  Trainee<float> graphs(Device::emulated, data, config, small_recipe(), 3);
  for (int step = 0; step < 6; ++step) {
    const StepReport a = plain.step(step), b = graphs.step(step, true);
    CHECK(a.total == b.total);
    CHECK(a.gradient_norm == b.gradient_norm);
  }
  CHECK(same_bits(plain.model(), graphs.model()));
  CHECK(plain.device().graphs_made() == 0);
  CHECK(graphs.device().graphs_made() > 0);
  CHECK(graphs.device().graphs_made() < 6);  // steps of equal shape share one
}

TEST_CASE("training memory is planned before the first step and not exceeded by any") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const std::shared_ptr<const Model> model = make_model(dataset_config());
  Runtime runtime(2);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  const RunConfig config{.model = model, .recipe = small_recipe()};
  const MemoryPlan plan = plan_training_memory(context, config, data);
  CHECK(plan.lines.size() >= 5);
  CHECK(plan.total() > 0);
  CHECK(runtime.device()->launches().empty());  // nothing was launched, and nothing is counted
  ModelState<float> host = initial_model<float>(data, *model);
  DeviceModel<float> device(context, host);
  SplitExamples examples(data.split("train"), {});
  const std::unique_ptr<ModelBatch> batch = model->new_batch();
  for (int first = 0; first + 4 <= examples.count(); ++first) {
    const std::vector<std::int32_t> dialogues{first, first + 1, first + 2, first + 3};
    batch->build(examples.make(dialogues));
    training_step(context, *model, device.model(), config.recipe, *batch, {.step = first, .learning_rate = 0.01});
  }
  const auto planned = [&](std::string_view owner) {
    for (const auto& line : plan.lines)
      if (line.owner == owner) return line.bytes;
    return std::size_t{0};
  };
  CHECK(runtime.values().peak_bytes() <= planned("values and gradients of a step"));
  CHECK(runtime.scratch().peak_bytes() <= planned("workspace of kernels"));
  CHECK(runtime.device()->staging().reserved_bytes() <= planned("staged index arrays"));
}

TEST_CASE("evaluation and replies on the emulated device are the CPU's") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  ModelState<float> host = initial_model<float>(data, dataset_config());
  SplitExamples examples(data.split("valid"), {});
  const std::shared_ptr<const Model> made = make_model(dataset_config());
  std::vector<std::vector<double>> results;
  std::vector<std::vector<std::int32_t>> words[2];
  for (const Device device : {Device::cpu, Device::emulated}) {
    Runtime runtime(2);
    runtime.use(open_device(device, runtime.pool()));
    Context context = runtime.context();
    DeviceModel<float> model(context, host);
    Evaluator<float> evaluator(context, *made, model.model());
    results.push_back(evaluator.evaluate(examples, {}));
    for (const DecodeMethod method : {DecodeMethod::greedy, DecodeMethod::beam, DecodeMethod::sample})
      evaluator.generate(examples, -1, {}, {.method = method, .max_length = 9}, [&](const GeneratedTurn& turn) {
        words[device == Device::cpu ? 0 : 1].push_back(turn.reply.words);
        return true;
      });
  }
  for (std::size_t i = 0; i < made->figures().size(); ++i) {
    INFO(made->figures()[i].name);
    CHECK(results[1][i] == Approx(results[0][i]).epsilon(1e-5));
  }
  CHECK(results[1][0] == results[0][0]);  // the speaker's accuracy
  CHECK(words[0].size() > 0);
  CHECK(words[0] == words[1]);
}
