#pragma once
// One model with one configuration on the bench: what the properties that every model has to have are asked of.

#include "core/context.h"
#include "kernels/device/open_device.h"
#include "model/interface/device_model.h"
#include "model/interface/loss_terms.h"
#include "model/interface/model_cases.h"
#include "model/interface/run_config.h"
#include "model/interface/split_examples.h"
#include "tests/model/tiny_dataset.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ethreed::test {

/// Splits "train" and "valid" of awkward dialogues and random ones, "test" of two dialogues with few tokens and yet
/// repeated words, words to copy and labels that are missing. V = 30. Made once.
const Dataset& tiny_data();
/// So small a vocabulary (V = 7) that every reply of a few words can be tried. Made once.
const Dataset& smallest_data();

/// A model, a configuration of it and its textbook.
struct Subject {
  ModelKind kind;
  ModelCase one;
  TextbookPass (*textbook)(const TextbookInput&) = nullptr;
  std::vector<std::string_view> sums{};  ///< losses that are sums over examples

  std::string name() const { return std::string(kind.name) + ", " + one.name; }
  /// Two short epochs of batches of 4 (unless the case says otherwise) on these data.
  RunConfig run(const Dataset& data) const;
  /// The same where the gradient is held against differences (ModelCase::gradient_keys).
  RunConfig run_for_gradient(const Dataset& data) const;
};

/// Every case of every model of the table. Throws Error if a model's cases do not stand at its line.
std::vector<Subject> all_subjects();

/// The examples of a split as the model wants them. Every third dialogue is without its emotion.
class TinyExamples {
 public:
  TinyExamples(const Split& split, const Model& model);
  TinyExamples(const TinyExamples&) = delete;
  TinyExamples& operator=(const TinyExamples&) = delete;
  std::span<const Example> all() const { return examples_; }

 private:
  SplitExamples source_;
  std::vector<std::vector<TurnInput>> turns_;
  std::vector<Example> examples_;
};

/// Parameters drawn from ±bound: every one of them matters, unlike at the start of a run. Those of float are those of
/// double, rounded. Numbers of the data are those of `data`.
template <class T>
ModelState<T> random_state(const Model& model, std::uint64_t seed, double bound = 0.5,
                           const Dataset& data = tiny_data()) {
  ModelState<T> state(model.layout(), true);
  randomise(state, seed, bound);
  start_from_data(model, data, state);
  return state;
}

/// Steps of a model on a device, batch after batch.
template <class T> class Bench {
 public:
  Bench(const Model& model, ModelState<T> state, Device device = Device::cpu, int threads = 1)
      : model_(model), state_(std::move(state)), runtime_(threads), batch_(model.new_batch()) {
    runtime_.use(open_device(device, runtime_.pool()));
    context_.emplace(runtime_.context());
    device_.emplace(*context_, state_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const ModelBatch& load(std::span<const Example> examples) {
    batch_->build(examples);
    context_->begin_step();
    context_->stage(batch_->arrays());
    return *batch_;
  }
  /// Every loss in the order of losses(), NaN where the batch has none, then the total.
  std::vector<double> losses(std::span<const Example> examples, const PassOptions& options) {
    load(examples);
    Tape<T> tape(*context_, false);
    return values_of(model_.steps<T>().forward(tape, bind(tape), *batch_, options));
  }
  /// The figures over these batches.
  std::vector<double> figures(std::span<const std::vector<Example>> batches, const PassOptions& options) {
    return measure(batches, options)->result();
  }
  /// The same, with what every example adds to them.
  std::unique_ptr<FigureSums> measure(std::span<const std::vector<Example>> batches, const PassOptions& options) {
    std::unique_ptr<FigureSums> sums = model_.new_figures();
    for (const std::vector<Example>& examples : batches) {
      load(examples);
      Tape<T> tape(*context_, false);
      model_.steps<T>().measure(tape, bind(tape), *batch_, options, *sums);
    }
    return sums;
  }
  /// Losses as above; the gradients are then in state().
  std::vector<double> differentiate(std::span<const Example> examples, const PassOptions& options) {
    load(examples);
    Tape<T> tape(*context_);
    const ParameterHandles<T> parameters = bind(tape);
    const StepLosses<T> losses = model_.steps<T>().forward(tape, parameters, *batch_, options);
    tape.backward(losses.total);
    zero_untouched_gradients(*context_, state_.layout, parameters);
    device_->gradients_to_host();
    return values_of(losses);
  }

  ParameterHandles<T> bind(Tape<T>& tape) { return device_->model().bind(tape); }
  Context& context() { return *context_; }
  Runtime& runtime() { return runtime_; }
  const ModelBatch& batch() const { return *batch_; }
  ModelState<T>& state() { return state_; }
  DeviceModel<T>& device() { return *device_; }

 private:
  std::vector<double> values_of(const StepLosses<T>& losses) {
    const StepLosses<T> host = on_host(*context_, losses);
    std::vector<double> values;
    for (std::size_t k = 0; k < model_.losses().size(); ++k)
      values.push_back(host.term[k] ? static_cast<double>(host.term[k].data()[0])
                                    : std::numeric_limits<double>::quiet_NaN());
    values.push_back(static_cast<double>(host.total.data()[0]));
    return values;
  }

  const Model& model_;
  ModelState<T> state_;
  Runtime runtime_;
  std::unique_ptr<ModelBatch> batch_;
  std::optional<Context> context_;
  std::optional<DeviceModel<T>> device_;
};

}  // namespace ethreed::test
