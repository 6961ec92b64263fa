#include "model/evaluation/evaluator.h"

#include "core/error.h"
#include "model/blocks/figure_sums.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

// Calls run(numbers) for every batch of examples 0 … n−1.
template <class Run> void for_each_batch(int n, Run run) {
  std::vector<std::int32_t> numbers;
  for (int first = 0; first < n; first += evaluation_batch) {
    numbers.resize(static_cast<std::size_t>(std::min(evaluation_batch, n - first)));
    std::iota(numbers.begin(), numbers.end(), first);
    run(numbers);
  }
}

void start_step(const Context& context, const ModelBatch& batch) {
  context.begin_step();
  context.stage(batch.arrays());
}

}  // namespace

template <class T>
std::vector<double> Evaluator<T>::evaluate(SplitExamples& examples, const LatentMode& mode,
                                           const std::function<bool(int)>& progress) {
  const std::unique_ptr<FigureSums> sums = model_.new_figures();
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  const PassOptions options{.purpose = Purpose::validate, .seed = mode.seed, .sample_latent = mode.sample};
  int done = 0;
  for_each_batch(examples.count(), [&](std::span<const std::int32_t> numbers) {
    batch->build(examples.make(numbers));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    model_.steps<T>().measure(tape, state_.bind(tape), *batch, options, *sums);
    done += static_cast<int>(numbers.size());
    ETHREED_CHECK(!progress || progress(done), "evaluation interrupted");
  });
  losses_ = sums->losses();
  return sums->result();
}

template <class T>
void Evaluator<T>::generate(SplitExamples& examples, int limit, const LatentMode& mode, const DecodeOptions& options,
                            const std::function<bool(const GeneratedTurn&)>& consume) {
  const int count = limit < 0 ? examples.count() : std::min(limit, examples.count());
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  const ReplyOptions reply_options{
      .sample_latent = mode.sample, .seed = mode.seed, .hypotheses_per_row = hypotheses(options)};
  bool go_on = true;
  for_each_batch(count, [&](std::span<const std::int32_t> numbers) {
    if (!go_on) return;
    batch->build(examples.make(numbers));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    const auto session = model_.steps<T>().replies(tape, state_.bind(tape), *batch, reply_options);
    const std::vector<Reply> replies = search_replies(context_, *session, model_.vocabulary(), options);
    // Back into the order of the split: dialogue by dialogue, turn by turn.
    std::vector<int> order(replies.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) { return session->row(a).place < session->row(b).place; });
    for (const int r : order) {
      if (!go_on) return;
      const ReplyRow row = session->row(r);
      GeneratedTurn turn{.dialogue = numbers[static_cast<std::size_t>(row.dialogue)],
                         .turn = row.turn,
                         .reply = replies[static_cast<std::size_t>(r)]};
      for (std::size_t i = 0; i < model_.insights().size(); ++i)
        turn.insights.push_back(argmax(session->insight(r, static_cast<int>(i))));
      go_on = consume(turn);
    }
  });
}

template <class T>
void Evaluator<T>::label(SplitExamples& examples, const std::function<void(int, std::span<const T>)>& consume) {
  for_each_batch(examples.count(), [&](std::span<const std::int32_t> numbers) {
    label(examples.make(numbers),
          [&](int i, std::span<const T> logits) { consume(numbers[static_cast<std::size_t>(i)], logits); });
  });
}

template <class T>
void Evaluator<T>::label(std::span<const Example> texts, const std::function<void(int, std::span<const T>)>& consume) {
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  for_each_batch(static_cast<int>(texts.size()), [&](std::span<const std::int32_t> numbers) {
    batch->build(texts.subspan(static_cast<std::size_t>(numbers.front()), numbers.size()));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    const Variable<T> logits = model_.steps<T>().label_logits(tape, state_.bind(tape), *batch);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      consume(numbers[i],
              {logits.value().row(static_cast<std::int64_t>(i)), static_cast<std::size_t>(logits.columns())});
  });
}

template class Evaluator<float>;
template class Evaluator<double>;

}  // namespace ethreed
