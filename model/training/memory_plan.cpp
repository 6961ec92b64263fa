#include "model/training/memory_plan.h"

#include "core/planned_memory.h"
#include "model/evaluation/evaluator.h"
#include "model/training/parameter_average.h"
#include "model/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// Examples that no batch of so many examples of this split exceeds in any respect.
class LargestExamples {
 public:
  LargestExamples(SplitExamples& examples, int count, std::int32_t vocabulary) {
    std::vector<int> turns;  // of each example; a text has none
    std::size_t post = 1, response = 1, text = 1;
    for (std::int32_t i = 0; i < examples.count(); ++i) {
      const Example example = examples.make({&i, 1}).front();
      turns.push_back(static_cast<int>(example.turns.size()));
      text = std::max(text, example.text.size());
      for (const TurnInput& turn : example.turns) {
        post = std::max(post, turn.post.size());
        response = std::max(response, turn.response.size());
      }
    }
    std::sort(turns.rbegin(), turns.rend());
    turns.resize(std::min(turns.size(), static_cast<std::size_t>(count)));
    if (turns.empty()) turns.push_back(1);
    // As many different words as can be: responses count up through the vocabulary, posts and texts down.
    const auto all = static_cast<std::size_t>(std::accumulate(turns.begin(), turns.end(), 0));
    const auto word = [&](std::size_t i) {
      return static_cast<std::int32_t>(i % static_cast<std::size_t>(vocabulary));
    };
    posts_.resize(all * post);
    responses_.resize(all * response);
    // A dialogue has a text if the model wants situations.
    const bool texts = all == 0 || text > 1;
    texts_.resize(texts ? turns.size() * text : 0);
    for (std::size_t i = 0; i < posts_.size(); ++i) posts_[i] = vocabulary - 1 - word(i);
    for (std::size_t i = 0; i < responses_.size(); ++i) responses_[i] = word(i);
    for (std::size_t i = 0; i < texts_.size(); ++i) texts_[i] = vocabulary - 1 - word(i);
    for (std::size_t i = 0; i < all; ++i)
      turns_.push_back({.post = std::span(posts_).subspan(i * post, post),
                        .response = std::span(responses_).subspan(i * response, response),
                        .emotion = 0,
                        .listener_label = 0,
                        .reply_class = 0});
    std::size_t first = 0;
    for (std::size_t i = 0; i < turns.size(); ++i) {
      const auto here = static_cast<std::size_t>(turns[i]);
      Example& example = examples_.emplace_back(Example{.turns = std::span(turns_).subspan(first, here), .label = 0});
      if (texts) example.text = std::span(texts_).subspan(i * text, text);
      first += here;
    }
  }
  std::span<const Example> examples() const { return examples_; }

 private:
  std::vector<std::int32_t> posts_, responses_, texts_;
  std::vector<TurnInput> turns_;
  std::vector<Example> examples_;
};

// While it lives, the device does nothing.
class Planning {
 public:
  explicit Planning(DeviceRuntime& runtime) : runtime_(runtime) { runtime.plan(true); }
  ~Planning() {
    runtime_.plan(false);
    runtime_.forget_launches();
  }
  Planning(const Planning&) = delete;
  Planning& operator=(const Planning&) = delete;

 private:
  DeviceRuntime& runtime_;
};

}  // namespace

std::size_t MemoryPlan::total() const {
  std::size_t sum = 0;
  for (const Line& line : lines) sum += line.bytes;
  return sum;
}

std::string MemoryPlan::table() const {
  std::string text;
  for (const Line& line : lines) text += fmt::format("  {:<36}{:>10.1f} MiB\n", line.owner, mebibytes(line.bytes));
  return text + fmt::format("  {:<36}{:>10.1f} MiB\n  {:<36}{:>10.1f} MiB\n", "total", mebibytes(total()),
                            "free on the device", mebibytes(free_bytes));
}

MemoryPlan plan_training_memory(Context& context, const RunConfig& config, const Dataset& data) {
  if (context.on_host()) return {};
  PlannedMemory nothing(context.runtime->memory().guard_bytes());
  constexpr std::size_t address_space = std::size_t{1} << 40;  // one block, so that the peak is what was asked for
  Arena values(address_space, nothing), scratch(address_space, nothing);
  Context plan{context.device, context.pool, context.arena, values, scratch, context.runtime};
  const Model& model = *config.model;
  ModelState<float> state(model.layout(), false);
  const Shape block{state.layout.size()};
  for (Tensor<float>* tensor : {&state.values, &state.gradients, &state.first_moment, &state.second_moment})
    *tensor = Tensor<float>::uninitialised(block, nothing);
  const bool averaged = config.recipe.average_updates > 0;
  if (averaged) state.average = Tensor<float>::uninitialised(block, nothing);
  {
    const Planning planning(*context.runtime);
    const std::unique_ptr<ModelBatch> batch = model.new_batch();
    SplitExamples train(data.split("train"), example_kind(model)), valid(data.split("valid"), example_kind(model));
    batch->build(LargestExamples(train, config.recipe.batch, model.vocabulary()).examples());
    training_step(plan, model, state, config.recipe, *batch, {.learning_rate = config.recipe.learning_rate});
    average_parameters(plan, state, config.recipe, updates_per_average);
    batch->build(LargestExamples(valid, evaluation_batch, model.vocabulary()).examples());
    plan.begin_step();
    plan.stage(batch->arrays());
    Tape<float> tape(plan, false);
    model.steps<float>().forward(tape, state.bind(tape), *batch,
                                 {.purpose = Purpose::validate, .sample_latent = false});
    plan.begin_step();
  }
  const std::size_t parameters = static_cast<std::size_t>(block.count()) * sizeof(float);
  MemoryPlan result{.lines = {{"parameters", parameters},
                              {"gradients", parameters},
                              {"moments of Adam", 2 * parameters},
                              {"average of the parameters", averaged ? parameters : 0},
                              {"values and gradients of a step", values.peak_bytes()},
                              {"workspace of kernels", scratch.peak_bytes()},
                              {"staged index arrays", context.runtime->staging().reserved_bytes()}},
                    .free_bytes = context.runtime->free_bytes()};
  ETHREED_CHECK(result.total() <= result.free_bytes,
                "training takes {:.1f} MiB of device memory, {:.1f} MiB are free; use a smaller --batch. By owner:\n{}",
                mebibytes(result.total()), mebibytes(result.free_bytes), result.table());
  context.values.release(values.peak_bytes());
  context.scratch.release(scratch.peak_bytes());
  return result;
}

}  // namespace ethreed
