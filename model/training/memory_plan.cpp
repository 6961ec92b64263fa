#include "model/training/memory_plan.h"

#include "core/planned_memory.h"
#include "model/training/evaluator.h"
#include "model/training/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// A batch that no batch of so many dialogues of this split exceeds in any respect.
class LargestBatch {
 public:
  LargestBatch(const Split& split, int dialogues, std::int32_t vocabulary) {
    std::vector<int> turns;
    std::size_t post = 1, response = 1;
    for (int d = 0; d < static_cast<int>(split.dialogues()); ++d) {
      turns.push_back(static_cast<int>(split.turns(d)));
      for (int t = 0; t < turns.back(); ++t) {
        post = std::max(post, split.post(d, t).size());
        response = std::max(response, split.response(d, t).size());
      }
    }
    std::sort(turns.rbegin(), turns.rend());
    turns.resize(std::min(turns.size(), static_cast<std::size_t>(dialogues)));
    if (turns.empty()) turns.push_back(1);
    // As many different words as can be: responses count up through the vocabulary, posts down.
    const auto all = static_cast<std::size_t>(std::accumulate(turns.begin(), turns.end(), 0));
    std::vector<std::int32_t> posts(all * post), responses(all * response);
    for (std::size_t i = 0; i < posts.size(); ++i)
      posts[i] = vocabulary - 1 - static_cast<std::int32_t>(i % static_cast<std::size_t>(vocabulary));
    for (std::size_t i = 0; i < responses.size(); ++i)
      responses[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(vocabulary));
    std::vector<TurnInput> inputs;
    for (std::size_t i = 0; i < all; ++i)
      inputs.push_back({.post = std::span(posts).subspan(i * post, post),
                        .response = std::span(responses).subspan(i * response, response),
                        .emotion = 0,
                        .listener_label = 0});
    std::vector<DialogueInput> dialogue_inputs;
    std::size_t first = 0;
    for (const int count : turns) {
      dialogue_inputs.emplace_back(inputs.data() + first, static_cast<std::size_t>(count));
      first += static_cast<std::size_t>(count);
    }
    batch_.build(dialogue_inputs, vocabulary);
  }
  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
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
  PlannedMemory nothing;
  constexpr std::size_t address_space = std::size_t{1} << 40;  // one block, so that the peak is what was asked for
  Arena values(address_space, nothing), scratch(address_space, nothing);
  Context plan{context.device, context.pool, context.arena, values, scratch, context.runtime};
  ModelState<float> model(config.model, false);
  const Shape block{model.layout.size()};
  for (Tensor<float>* tensor : {&model.values, &model.gradients, &model.first_moment, &model.second_moment})
    *tensor = Tensor<float>::uninitialised(block, nothing);
  {
    const Planning planning(*context.runtime);
    const LargestBatch training(data.split("train"), config.training.batch, data.vocabulary_size());
    training_step(plan, model, config.training, training.batch(), 0, config.training.learning_rate);
    const LargestBatch validation(data.split("valid"), evaluation_batch, data.vocabulary_size());
    plan.begin_step();
    plan.stage(validation.batch().arrays());
    Tape<float> tape(plan, false);
    forward_pass(tape, config.model, LossWeights{}, model.bind(tape), validation.batch(), StepNoise<float>{});
    plan.begin_step();
  }
  const std::size_t parameters = static_cast<std::size_t>(block.count()) * sizeof(float);
  MemoryPlan result{.lines = {{"parameters", parameters},
                              {"gradients", parameters},
                              {"moments of Adam", 2 * parameters},
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
