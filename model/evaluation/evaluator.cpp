#include "model/evaluation/evaluator.h"

#include "core/error.h"
#include "model/blocks/figure_sums.h"
#include "model/evaluation/reply_batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

// Calls run(numbers) for every batch of examples 0 … n−1.
template <class Run> void for_each_batch(int n, Run run) {
  std::vector<std::int32_t> numbers;
  for (int first = 0; first < n; first += evaluation_batch) {
    numbers.resize(std::min(evaluation_batch, n - first));
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
  sums_ = model_.new_figures();
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  const PassOptions options{.purpose = Purpose::validate,
                            .seed = mode.seed,
                            .sample_latent = mode.sample,
                            .shuffle_plans = mode.shuffle_plans,
                            .latent_samples = mode.samples};
  int done = 0;
  for_each_batch(examples.count(), [&](Indices numbers) {
    batch->build(examples.make(numbers));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    model_.steps<T>().measure(tape, state_.bind(tape), *batch, options, *sums_);
    done += count_of(numbers);
    ETHREED_CHECK(!progress || progress(done), "evaluation interrupted");
  });
  return sums_->result();
}

template <class T>
void Evaluator<T>::generate(SplitExamples& examples, int limit, const ReplyMode& mode, const DecodeOptions& options,
                            const std::function<bool(const GeneratedTurn&)>& consume) {
  const int count = limit < 0 ? examples.count() : std::min(limit, examples.count());
  bool go_on = true;
  for_each_batch(count, [&](Indices numbers) {
    if (!go_on) return;
    go_on = reply(examples.make(numbers), Answer::every_turn, mode, options, [&](const GeneratedTurn& turn) {
      GeneratedTurn numbered = turn;
      numbered.dialogue = numbers[turn.dialogue];
      return consume(numbered);
    });
  });
}

template <class T>
bool Evaluator<T>::reply(std::span<const Example> examples, Answer answer, const ReplyMode& mode,
                         const DecodeOptions& options, const std::function<bool(const GeneratedTurn&)>& consume) {
  if (!batch_) batch_ = model_.new_batch();
  batch_->build(examples);
  start_step(context_, *batch_);
  Tape<T> tape(context_, false);
  const auto session = model_.steps<T>().replies(tape, state_.bind(tape), *batch_,
                                                 {.answer = answer,
                                                  .sample_latent = mode.latent.sample,
                                                  .shuffle_plans = mode.latent.shuffle_plans,
                                                  .seed = mode.latent.seed,
                                                  .hypotheses_per_row = hypotheses(options),
                                                  .planned_class = mode.planned_class,
                                                  .look = mode.look});
  std::vector<Reply> replies = search_replies(context_, *session, model_.vocabulary(), options);
  // Back into the order of the examples: dialogue by dialogue, turn by turn.
  std::vector<int> order(replies.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    const ReplyRow x = session->row(a), y = session->row(b);
    return x.dialogue != y.dialogue ? x.dialogue < y.dialogue : x.turn < y.turn;
  });
  for (const int r : order) {
    if (!consume(generated_turn(model_, *session, r, std::move(replies[static_cast<std::size_t>(r)])))) return false;
  }
  return true;
}

template <class T>
void Evaluator<T>::label_utterances(std::span<const Example> dialogues,
                                    const std::function<void(const LabelledTurn<T>&)>& consume) {
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  for_each_batch(count_of(dialogues), [&](Indices numbers) {
    batch->build(dialogues.subspan(numbers.front(), numbers.size()));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    const UtteranceLogits<T> logits = model_.steps<T>().utterance_logits(tape, state_.bind(tape), *batch);
    const auto row_of = [](const Variable<T>& all, std::size_t i) {
      return std::span<const T>{all.value().row(static_cast<std::int64_t>(i)), static_cast<std::size_t>(all.columns())};
    };
    std::vector<std::size_t> order(logits.rows.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const ReplyRow &x = logits.rows[a], &y = logits.rows[b];
      return x.dialogue != y.dialogue ? x.dialogue < y.dialogue : x.turn < y.turn;
    });
    for (const std::size_t i : order)
      consume({.dialogue = numbers[logits.rows[i].dialogue],
               .turn = logits.rows[i].turn,
               .post = row_of(logits.posts, i),
               .response = row_of(logits.responses, i)});
  });
}

template <class T> std::vector<double> probabilities(std::span<const T> logits) {
  const auto most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> p;
  double sum = 0;
  for (const T x : logits) sum += p.emplace_back(std::exp(static_cast<double>(x) - most));
  for (double& x : p) x /= sum;
  return p;
}

template std::vector<double> probabilities(std::span<const float>);
template std::vector<double> probabilities(std::span<const double>);

template <class T>
void Evaluator<T>::label(SplitExamples& examples, const std::function<void(int, std::span<const T>)>& consume) {
  for_each_batch(examples.count(), [&](Indices numbers) {
    label(examples.make(numbers), [&](int i, std::span<const T> logits) { consume(numbers[i], logits); });
  });
}

template <class T>
void Evaluator<T>::label(std::span<const Example> texts, const std::function<void(int, std::span<const T>)>& consume) {
  const std::unique_ptr<ModelBatch> batch = model_.new_batch();
  for_each_batch(count_of(texts), [&](Indices numbers) {
    batch->build(texts.subspan(numbers.front(), numbers.size()));
    start_step(context_, *batch);
    Tape<T> tape(context_, false);
    const Variable<T> logits = model_.steps<T>().label_logits(tape, state_.bind(tape), *batch);
    for (int i = 0; i < numbers.size(); ++i) consume(numbers[i], logits.value().row_span(i));
  });
}

template class Evaluator<float>;
template class Evaluator<double>;

}  // namespace ethreed
