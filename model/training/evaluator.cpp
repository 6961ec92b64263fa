#include "model/training/evaluator.h"

#include "model/training/random_streams.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

// Calls run(indices) for every batch of dialogues 0 … n−1.
template <class Run> void for_each_batch(int n, Run run) {
  std::vector<std::int32_t> indices;
  for (int first = 0; first < n; first += evaluation_batch) {
    indices.resize(static_cast<std::size_t>(std::min(evaluation_batch, n - first)));
    std::iota(indices.begin(), indices.end(), first);
    run(indices);
  }
}

std::int64_t turn_index(const SplitBatches& batches, std::span<const std::int32_t> dialogues, const Batch& batch,
                        int row) {
  const auto i = static_cast<std::size_t>(row);
  return batches.turn_index(dialogues[static_cast<std::size_t>(batch.turn_dialogue[i])], batch.turn_time[i]);
}

}  // namespace

template <class T>
const T* evaluation_noise(Context& context, const ModelConfig& config, const SplitBatches& batches,
                          std::span<const std::int32_t> dialogues, const Batch& batch, const PolicyMode& mode) {
  if (!mode.sample || !config.has_policy()) return nullptr;
  const std::int64_t width = config.emotion_state;
  const std::int64_t count = batch.turns() * width;
  T* noise = context.arena.allocate<T>(count);
  const PhiloxStream random = random_stream(mode.seed, Draw::policy_evaluation, 0);
  for (int i = 0; i < batch.turns(); ++i) {
    const std::int64_t first = turn_index(batches, dialogues, batch, i) * width;
    for (std::int64_t j = 0; j < width; ++j)
      noise[i * width + j] = static_cast<T>(random.normal(static_cast<std::uint64_t>(first + j)));
  }
  return context.to_device(noise, count);
}

template <class T>
EvaluationResult Evaluator<T>::evaluate(SplitBatches& batches, const PolicyMode& mode,
                                        const std::function<bool(int)>& progress) {
  EvaluationSums sums;
  int done = 0;
  for_each_batch(batches.dialogues(), [&](std::span<const std::int32_t> dialogues) {
    const Batch& batch = batches.make(dialogues);
    context_.begin_step();
    context_.stage(batch.arrays());
    Tape<T> tape(context_, false);
    const auto parameters = model_.bind(tape);
    const StepNoise<T> noise{.policy = evaluation_noise<T>(context_, model_.config, batches, dialogues, batch, mode)};
    sums.add(batch, on_host(context_, forward_pass(tape, model_.config, LossWeights{}, parameters, batch, noise)));
    done += static_cast<int>(dialogues.size());
    ETHREED_CHECK(!progress || progress(done), "evaluation interrupted");
  });
  return sums.result();
}

template <class T>
void Evaluator<T>::generate(SplitBatches& batches, int limit, const PolicyMode& mode, const DecodeOptions& options,
                            const std::function<bool(const GeneratedTurn&)>& consume) {
  const int dialogues = limit < 0 ? batches.dialogues() : std::min(limit, batches.dialogues());
  bool go_on = true;
  for_each_batch(dialogues, [&](std::span<const std::int32_t> indices) {
    if (!go_on) return;
    const Batch& batch = batches.make(indices);
    context_.begin_step();
    context_.stage(batch.arrays());
    Tape<T> tape(context_, false);
    const auto parameters = model_.bind(tape);
    const StepNoise<T> noise{.policy = evaluation_noise<T>(context_, model_.config, batches, indices, batch, mode)};
    const DialogueState<T> state = read_dialogues(tape, model_.config, parameters, batch, noise);
    const DialogueState<T> seen = on_host(context_, state);
    std::vector<std::uint64_t> draws;
    for (int i = 0; i < batch.turns(); ++i)
      draws.push_back(static_cast<std::uint64_t>(turn_index(batches, indices, batch, i)));
    const std::vector<Reply> replies = generate_replies(tape, parameters, batch, state, options, draws);
    // Back into the order of the split: dialogue by dialogue, turn by turn.
    std::vector<int> order(static_cast<std::size_t>(batch.turns()));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return draws[static_cast<std::size_t>(a)] < draws[static_cast<std::size_t>(b)]; });
    for (const int i : order) {
      const auto row = static_cast<std::size_t>(i);
      const auto best = [&](const Variable<T>& logits) {
        return argmax(std::span<const T>(logits.value().row(i), static_cast<std::size_t>(logits.columns())));
      };
      const GeneratedTurn turn{.dialogue = indices[static_cast<std::size_t>(batch.turn_dialogue[row])],
                               .turn = batch.turn_time[row],
                               .reply = replies[row],
                               .speaker_emotion = best(seen.speaker_logits),
                               .reply_emotion = best(seen.reply_logits)};
      if (go_on) go_on = consume(turn);
    }
  });
}

template const float* evaluation_noise(Context&, const ModelConfig&, const SplitBatches&, std::span<const std::int32_t>,
                                       const Batch&, const PolicyMode&);
template const double* evaluation_noise(Context&, const ModelConfig&, const SplitBatches&,
                                        std::span<const std::int32_t>, const Batch&, const PolicyMode&);
template class Evaluator<float>;
template class Evaluator<double>;

}  // namespace ethreed
