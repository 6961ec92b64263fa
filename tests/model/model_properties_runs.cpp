// Runs of a model: stopped and taken up again, saved and loaded, within their memory, by their names.

#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tests/kernels/allocation_count.h"
#include "tests/model/model_properties.h"
#include "tests/unchecked_accesses.h"

#include <algorithm>
#include <set>

namespace ethreed::test {

namespace {

// Trains from a checkpoint (or from the start) in FOLDER until `max_steps`.
void run_some(const RunConfig& config, const TemporaryFolder& folder, std::int64_t max_steps) {
  Runtime runtime;
  Context context = runtime.context();
  ModelState<float> state = initial_model<float>(tiny_data(), *config.model);
  CheckpointInfo info = run_info(tiny_data(), config);
  if (has_checkpoint(folder.path(), "last")) {
    const auto directory = checkpoint_in(folder.path(), "last");
    info = load_checkpoint_info(directory);
    load_checkpoint_tensors(directory, state);
  }
  train(context, state, info, tiny_data(),
        {.directory = folder.path(), .log_every = 3, .save_every = 0, .max_steps = max_steps}, {});
}

// The first file of a run's checkpoints that is not the same in both.
Failure compare_runs(const TemporaryFolder& got, const TemporaryFolder& wanted) {
  for (const char* which : {"last", "best"})
    for (const auto& entry : std::filesystem::directory_iterator(wanted / which)) {
      const auto name = std::filesystem::path(which) / entry.path().filename();
      if (content_of(got.path() / name) != content_of(wanted.path() / name)) return name.string() + " differs";
    }
  return {};
}

template <class Columns> Failure unique(std::string_view what, const Columns& columns) {
  std::set<std::string> names;
  for (const auto& column : columns) {
    if (column.name.empty()) return fmt::format("a {} has no name", what);
    if (!names.insert(std::string(column.name)).second) return fmt::format("two {}s '{}'", what, column.name);
  }
  return names.empty() ? Failure(fmt::format("no {}", what)) : Failure();
}

}  // namespace

Failure stop_and_resume_change_no_bit(const Subject& subject) {
  RunConfig config = subject.run(tiny_data());
  const int examples = SplitExamples(tiny_data().split("train"), example_kind(*config.model)).count();
  const std::int64_t epoch = config.recipe.steps_per_epoch(examples);
  if (epoch < 2) config.recipe.epochs = 4;  // epochs are parts of a pass: a run of four steps
  if (epoch * config.recipe.epochs < epoch + 2) return "wanted a run of two epochs of two steps at least";
  const TemporaryFolder whole;
  run_some(config, whole, 0);
  for (const std::int64_t stop : {std::int64_t{1}, epoch, epoch + 1}) {
    const TemporaryFolder parts;
    run_some(config, parts, stop);
    if (load_checkpoint_info(parts / "last").progress.step != stop) return fmt::format("did not stop at {}", stop);
    run_some(config, parts, 0);
    if (const Failure failure = compare_runs(parts, whole)) return fmt::format("stopped at {}: {}", stop, *failure);
  }
  return {};
}

Failure checkpoint_brings_all_back(const Subject& subject) {
  const RunConfig config = subject.run(tiny_data());
  ModelState<float> state = random_state<float>(*config.model, 5);
  randomise(state.first_moment, state.layout, 6);
  randomise(state.second_moment, state.layout, 7);
  CheckpointInfo info = run_info(tiny_data(), config);
  info.progress = {.epoch = 1, .next_batch = 2, .step = 5};
  info.progress.running.steps = 1;
  info.progress.running.total = 1.0 / 3;
  for (std::size_t k = 0; k < config.model->losses().size(); ++k)
    info.progress.running.term[k] = 1.0 / (static_cast<double>(k) + 7);
  info.progress.last.epoch = info.progress.best.epoch = 0;
  for (const FigureColumn& column : config.model->figures())
    if (column.logged)
      info.progress.last.values[std::string(column.name)] = info.progress.best.values[std::string(column.name)] = 1.1;
  const TemporaryFolder folder;
  save_checkpoint(folder / "last", state, info);
  const CheckpointInfo back = load_checkpoint_info(folder / "last");
  if (to_json(back.config) != to_json(config)) return "another configuration: " + to_json(back.config).dump();
  if (back.progress != info.progress) return "another progress";
  if (back.data_fingerprint != info.data_fingerprint || back.vocabulary != info.vocabulary) return "other data";
  ModelState<float> loaded(back.config.model->layout(), true);
  load_checkpoint_tensors(folder / "last", loaded);
  if (!same_bits(loaded, state)) return "other tensors";
  // What evaluation reads, in double: the very same numbers.
  ModelState<double> wider(back.config.model->layout(), false);
  load_checkpoint_tensors(folder / "last", wider);
  if (!std::equal(wider.values.span().begin(), wider.values.span().end(), state.values.span().begin()))
    return "other parameters in double";
  return {};
}

Failure steps_take_no_memory(const Subject& subject) {
  const RunConfig config = subject.run(tiny_data());
  SplitExamples examples(tiny_data().split("train"), example_kind(*config.model));
  const std::unique_ptr<ModelBatch> batch = config.model->new_batch();
  for (const int threads : {1, 2}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    ModelState<float> state = random_state<float>(*config.model, 5);
    std::vector<std::int32_t> numbers;
    std::int64_t step = 0;
    const auto pass = [&] {
      const std::int64_t before = allocation_count();
      for (int first = 0; first < examples.count(); first += config.recipe.batch) {
        numbers.resize(std::min(config.recipe.batch, examples.count() - first));
        std::iota(numbers.begin(), numbers.end(), first);
        batch->build(examples.make(numbers));
        training_step(context, *config.model, state, config.recipe, *batch, {.step = step++, .learning_rate = 1e-3});
      }
      return allocation_count() - before;
    };
    if (pass() == 0) return "the counter of allocations does not count";
    if (const std::int64_t taken = pass(); taken != 0)
      return fmt::format("{} allocations in steps of shapes that were seen before, {} threads", taken, threads);
  }
  return {};
}

Failure steps_stay_within_plan(const Subject& subject) {
  const UncheckedAccesses unchecked;
  const RunConfig config = subject.run(tiny_data());
  Runtime runtime(2);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  const MemoryPlan plan = plan_training_memory(context, config, tiny_data());
  ModelState<float> state = random_state<float>(*config.model, 5);
  DeviceModel<float> device(context, state);
  // Batches of the training split, and the validation of the trainer.
  const TinyExamples train(tiny_data().split("train"), *config.model);
  const std::unique_ptr<ModelBatch> batch = config.model->new_batch();
  const auto count = std::min(train.all().size(), static_cast<std::size_t>(config.recipe.batch));
  for (std::size_t first = 0; first + count <= train.all().size(); first += count) {
    batch->build(train.all().subspan(first, count));
    training_step(context, *config.model, device.model(), config.recipe, *batch,
                  {.step = static_cast<std::int64_t>(first), .learning_rate = 1e-3});
  }
  SplitExamples valid(tiny_data().split("valid"), example_kind(*config.model));
  Evaluator<float>(context, *config.model, device.model()).evaluate(valid, {});
  const std::size_t parameters = bytes_of<float>(config.model->layout().size());
  const std::array<std::pair<std::string_view, std::size_t>, 6> used{
      {{"parameters", parameters},
       {"gradients", parameters},
       {"moments of Adam", 2 * parameters},
       {"values and gradients of a step", runtime.values().peak_bytes()},
       {"workspace of kernels", runtime.scratch().peak_bytes()},
       {"staged index arrays", runtime.device()->staging().reserved_bytes()}}};
  for (const auto& [owner, bytes] : used) {
    const auto line = std::find_if(plan.lines.begin(), plan.lines.end(),
                                   [&](const MemoryPlan::Line& one) { return one.owner == owner; });
    if (line == plan.lines.end()) return fmt::format("the plan has no line '{}'", owner);
    if (bytes > line->bytes) return fmt::format("{}: {} bytes, planned {}", owner, bytes, line->bytes);
  }
  return {};
}

Failure names_are_unique(const Subject& subject) {
  const RunConfig config = subject.run(tiny_data());
  const Model& model = *config.model;
  if (model.losses().size() > max_loss_terms) return "too many losses";
  if (const Failure failure = unique("loss", model.losses())) return failure;
  if (const Failure failure = unique("figure", model.figures())) return failure;
  if (const Failure failure = unique("parameter", model.layout().entries())) return failure;
  const Selection selection = model.selection();
  for (const int selected : {selection.figure, selection.divisor}) {
    if (selected == -1 && selection.divisor == -1) continue;
    if (selected < 0 || selected >= count_of(model.figures())) return "a figure that selects is none of the figures";
    if (!model.figures()[static_cast<std::size_t>(selected)].logged)
      return "a figure that selects is not kept with the checkpoint";
  }
  for (const LossColumn& loss : model.losses())
    if (loss.name == "total") return "a loss is called 'total', which is what their sum is called";
  return {};
}

Failure configuration_goes_round(const Subject& subject) {
  const RunConfig config = subject.run(tiny_data());
  const nlohmann::json written = to_json(config);
  const DataDescription description = describe(tiny_data());
  const ConfigPatch patch{&written, "written"};
  for (const DataDescription* data : {static_cast<const DataDescription*>(nullptr), &description}) {
    const RunConfig read = make_run_config({}, data, {&patch, 1});
    if (to_json(read) != written) return "read back as " + to_json(read).dump();
    if (read.model->layout().size() != config.model->layout().size()) return "read back, the parameters are others";
    if (read.model->variant() != config.model->variant()) return "read back, the variant is another";
    if (!(read.recipe == config.recipe)) return "read back, the recipe is another";
  }
  return {};
}

}  // namespace ethreed::test
