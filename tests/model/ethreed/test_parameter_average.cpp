// The average of the parameters: the textbook's on every device, and what a run, its checkpoints and their readers make
// of it.

#include "kernels/device/open_device.h"
#include "model/interface/device_model.h"
#include "model/training/memory_plan.h"
#include "model/training/parameter_average.h"
#include "model/training/trainer.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

Recipe averaging_recipe() {
  Recipe training = tiny_recipe();
  training.epochs = 8;  // of three updates
  training.average_updates = 100;
  return training;
}

// A training of its own that goes on from what its folder holds, as a new process would.
struct Training {
  CheckpointInfo info;
  ModelState<float> model;

  Training(const Dataset& data, const std::filesystem::path& folder, const Recipe& recipe, std::int64_t updates = 0,
           Device device = Device::cpu)
      : info(run_info(data, dataset_config(), recipe)), model(initial_model<float>(data, dataset_config())) {
    if (has_checkpoint(folder, "last")) {
      info = load_checkpoint_info(folder / "last");
      load_checkpoint_tensors(folder / "last", model);
    }
    Runtime runtime(2);
    if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
    Context context = runtime.context();
    train(context, model, info, data, {.directory = folder, .save_every = 0, .max_steps = updates}, {});
  }
};

ModelState<float> read(const std::filesystem::path& checkpoint, bool for_training) {
  ModelState<float> model(load_checkpoint_info(checkpoint).config.model->layout(), for_training);
  load_checkpoint_tensors(checkpoint, model);
  return model;
}

}  // namespace

TEMPLATE_TEST_CASE("the average of the parameters is the textbook's, on the CPU and on the emulated device", "", float,
                   double) {
  using T = TestType;
  const Device device = GENERATE(Device::cpu, Device::emulated);
  const Recipe recipe = averaging_recipe();
  Runtime runtime(2);
  if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  ModelState<T> host = initial_model<T>(random_dataset(TemporaryFolder()), dataset_config());
  host.average = host.values.clone();
  std::vector<double> wanted(host.values.span().begin(), host.values.span().end());
  DeviceModel<T> model(context, host);
  for (int updates = 1; updates <= 1300; ++updates) {
    context.begin_step();
    if (updates % 10 != 0) {
      average_parameters(context, model.model(), recipe, updates);  // nothing
      continue;
    }
    // Other parameters each time.
    for (std::int64_t i = 0; i < host.values.count(); ++i)
      host.values[i] = static_cast<T>(std::sin(static_cast<double>(i) + updates));
    if (device != Device::cpu)
      context.runtime->upload(model.model().values.data(), host.values.data(), bytes_of<T>(host.values.count()));
    average_parameters(context, model.model(), recipe, updates);
    const double k = updates / 10;
    const double d = std::min(1 - 10.0 / 100, (1 + k) / (10 + k));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      wanted[i] = d * wanted[i] + (1 - d) * static_cast<double>(host.values[static_cast<std::int64_t>(i)]);
  }
  model.to_host();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(host.average[static_cast<std::int64_t>(i)]) - wanted[i]));
  CHECK(worst < (std::is_same_v<T, float> ? 1e-6 : 1e-14));
}

TEST_CASE("the average of a parameter that never changes is the parameter, to the bit") {
  ModelState<float> state = initial_model<float>(random_dataset(TemporaryFolder()), dataset_config());
  state.average = state.values.clone();
  Runtime runtime;
  Context context = runtime.context();
  for (int updates = 10; updates <= 3000; updates += 10)
    average_parameters(context, state, averaging_recipe(), updates);
  CHECK(same_bits(state.average, state.values));
}

TEST_CASE("the average of more parameters than are averaged at a time has none left out") {
  EthreedConfig config = dataset_config();
  config.vocabulary = 1 << 18;
  ModelState<double> state(make_model(config)->layout(), false);
  REQUIRE(state.layout.size() > 2 * (1 << 20));
  state.average = state.values.clone();
  const auto filled = [](std::int64_t i) { return 1.0 + static_cast<double>(i % 7); };
  for (std::int64_t i = 0; i < state.values.count(); ++i) state.values[i] = filled(i);
  Runtime runtime(2);
  Context context = runtime.context();
  average_parameters(context, state, averaging_recipe(), 10);
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < state.values.count(); ++i)
    wrong += std::abs(state.average[i] - (1 - 2.0 / 11) * filled(i)) > 1e-14 ? 1 : 0;
  CHECK(wrong == 0);
}

TEST_CASE("a run with an average updates its parameters as one without, and validates, saves and selects the average") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe plain = averaging_recipe();
  plain.average_updates = 0;
  const Training without(data, folder / "without", plain), with(data, folder / "with", averaging_recipe());
  CHECK(same_bits(with.model.values, without.model.values));
  CHECK(same_bits(with.model.first_moment, without.model.first_moment));
  REQUIRE(with.model.average.count() == with.model.values.count());
  CHECK_FALSE(same_bits(with.model.average, with.model.values));
  for (const char* which : {"last", "best"}) {
    INFO(which);
    const ModelState<float> saved = read(folder / "with" / which, false);
    if (which == std::string("last")) CHECK(same_bits(saved.values, with.model.average));
    // What validation said of it is what it does.
    const CheckpointInfo info = load_checkpoint_info(folder / "with" / which);
    SplitExamples valid(data.split("valid"), {});
    Runtime runtime;
    ModelState<float> model = read(folder / "with" / which, false);
    const std::vector<double> figures =
        Evaluator<float>(runtime.context(), *info.config.model, model).evaluate(valid, LatentMode{.seed = plain.seed});
    CHECK(figures[EthreedFigures::perplexity_token] == info.progress.last.values.at("perplexity_token"));
  }
  CHECK(with.info.progress.last.values != without.info.progress.last.values);
  const ModelState<float> again = read(folder / "with" / "last", true);
  CHECK(same_bits(again, with.model));
}

TEST_CASE("a run with an average that is stopped anywhere and taken up again ends with the bits of one that was not") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const Training whole(data, folder / "whole", averaging_recipe());
  for (const std::int64_t stop : {1, 9, 10, 11, 20, 23}) {
    INFO("stopped at update " << stop);
    const std::filesystem::path run = folder / ("stopped" + std::to_string(stop));
    (void)Training(data, run, averaging_recipe(), stop);
    const Training end(data, run, averaging_recipe());
    CHECK(same_bits(end.model, whole.model));
    CHECK(end.info.progress == whole.info.progress);
  }
}

TEST_CASE("a run with an average on the emulated device is that of the CPU, and plans the memory for it") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const Training cpu(data, folder / "cpu", averaging_recipe(), 12),
      emulated(data, folder / "emulated", averaging_recipe(), 12, Device::emulated);
  double worst = 0;
  for (std::int64_t i = 0; i < cpu.model.average.count(); ++i)
    worst = std::max<double>(worst, std::abs(cpu.model.average[i] - emulated.model.average[i]));
  CHECK(worst < 1e-3);
  CHECK_FALSE(same_bits(emulated.model.average, emulated.model.values));
  Runtime runtime(2);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  const MemoryPlan plan = plan_training_memory(context, cpu.info.config, data);
  const auto line = std::find_if(plan.lines.begin(), plan.lines.end(),
                                 [](const MemoryPlan::Line& one) { return one.owner == "average of the parameters"; });
  REQUIRE(line != plan.lines.end());
  CHECK(line->bytes == bytes_of<float>(cpu.model.average.count()));
}

TEST_CASE("an average over too few updates is refused, and so is a checkpoint that lacks the average of its recipe") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  Recipe few = averaging_recipe();
  few.average_updates = 99;
  CHECK_THROWS_WITH(few.check(), Contains("'average_updates' is 99") && Contains("100"));
  (void)Training(data, folder / "run", averaging_recipe(), 5);
  CheckpointInfo info = load_checkpoint_info(folder / "run" / "last");
  ModelState<float> model = read(folder / "run" / "last", true);
  model.average = Tensor<float>();
  Runtime runtime;
  Context context = runtime.context();
  CHECK_THROWS_WITH(train(context, model, info, data, {.directory = folder / "run"}, {}),
                    Contains("'average_updates' is 100") && Contains("does not have an average"));
}
