#include "model/training/trainer.h"

#include "kernels/adam/adam.h"
#include "kernels/dropout_mask/dropout_mask.h"
#include "kernels/global_norm/global_norm.h"
#include "model/training/device_model.h"
#include "model/training/random_streams.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

template <class T>
StepNoise<T> draw_training_noise(Context& context, const ModelConfig& config, const TrainingConfig& training,
                                 const Batch& batch, std::int64_t step) {
  const auto stream = [&](Draw draw) { return random_stream(training.seed, draw, static_cast<std::uint64_t>(step)); };
  DropoutMasks<T> masks{.probability = training.dropout};
  const auto mask = [&](Draw draw, int rows, int width) -> const T* {
    if (training.dropout == 0.0) return nullptr;
    const std::int64_t count = std::int64_t{rows} * width;
    T* values = context.values.allocate<T>(count);
    masks.mask[static_cast<std::size_t>(masks.masks++)] = {.count = count, .random = stream(draw), .mask = values};
    return values;
  };
  const int n = batch.turns();
  StepNoise<T> noise;
  noise.masks.global = mask(Draw::dropout_global, 2 * n, config.global_state);
  if (config.has_party()) noise.masks.party = mask(Draw::dropout_party, 2 * n, config.party_state);
  if (config.has_emotion_cell()) noise.masks.emotion = mask(Draw::dropout_emotion, 2 * n, config.emotion_state);
  noise.masks.content = mask(Draw::dropout_content, n, config.content_state);
  if (masks.masks > 0) dropout_masks(context, masks);
  if (config.has_policy()) {
    const std::int64_t count = std::int64_t{n} * config.emotion_state;
    T* values = context.values.allocate<T>(count);
    fill_normal(context, FillNormal<T>{.count = count, .random = stream(Draw::policy_training), .out = values});
    noise.policy = values;
  }
  return noise;
}

template <class T>
Adam<T> adam_of_step(ModelState<T>& model, const TrainingConfig& training, std::int64_t step, double learning_rate,
                     const double* gradient_norm, const T* loss) {
  return {.count = model.layout.size(),
          .step = step + 1,
          .learning_rate = learning_rate,
          .beta1 = training.adam_beta1,
          .beta2 = training.adam_beta2,
          .epsilon = training.adam_epsilon,
          .clip_norm = training.clip_norm,
          .gradient_norm = gradient_norm,
          .loss = loss,
          .parameters = model.values.data(),
          .gradients = model.gradients.data(),
          .m = model.first_moment.data(),
          .v = model.second_moment.data()};
}

namespace {

// What a step leaves on the device for the host to read.
template <class T> struct StepResults {
  Losses<T> losses;
  double* gradient_norm = nullptr;  // in `values`
};

// Hands the whole step to the device, without waiting for any of it.
template <class T>
StepResults<T> run_step(Context& context, ModelState<T>& model, const TrainingConfig& training, const Batch& batch,
                        std::int64_t step, double learning_rate, DeferredUpdate<T>* deferred) {
  Tape<T> tape(context);
  auto parameters = model.bind(tape);
  const StepNoise<T> noise = draw_training_noise<T>(context, model.config, training, batch, step);
  EncodedWords<T> encoded;
  const auto encode = [&] { encoded = encode_words(tape, parameters, batch); };
  if (deferred != nullptr)
    deferred->beside(context, encode);
  else
    encode();
  const ForwardPass<T> pass = forward_pass(tape, model.config, training.weights, parameters, batch, noise, encoded);
  const StepResults<T> results{.losses = pass.losses, .gradient_norm = context.values.allocate<double>(1)};
  {
    const Range range(context, "backward");
    tape.backward(results.losses.total);
    zero_untouched_gradients(context, model.config, parameters);
  }
  const Range range(context, "optimizer");
  global_norm<T>(context, {.count = model.layout.size(), .x = model.gradients.data(), .norm = results.gradient_norm});
  const Adam<T> update =
      adam_of_step(model, training, step, learning_rate, results.gradient_norm, results.losses.total.data());
  if (deferred != nullptr)
    deferred->start(context, update);
  else
    adam_update(context, update);
  return results;
}

// The same, recorded and launched as one graph.
template <class T, class Run> StepResults<T> as_graph(Context& context, Run run) {
  context.runtime->begin_capture();
  try {
    const StepResults<T> results = run();
    context.runtime->end_capture();
    return results;
  } catch (...) {
    context.runtime->abandon_capture();
    throw;
  }
}

}  // namespace

template <class T>
StepReport training_step(Context& context, ModelState<T>& model, const TrainingConfig& training, const Batch& batch,
                         std::int64_t step, double learning_rate, const std::type_identity_t<StepOptions<T>>& options) {
  context.begin_step();
  context.stage(batch.arrays());
  const auto run = [&] {
    return run_step(context, model, training, batch, step, learning_rate, context.on_host() ? options.update : nullptr);
  };
  const StepResults<T> results = options.graph && !context.on_host() ? as_graph<T>(context, run) : run();
  const Losses<T>& losses = results.losses;
  const T* values = context.to_host(losses.all.data(), losses.all.value().count());
  const auto value = [&](const Variable<T>& term) {
    return term ? static_cast<double>(values[term.data() - losses.all.data()]) : 0.0;
  };
  const StepReport report{.total = value(losses.total),
                          .emotion_speaker = value(losses.emotion_speaker),
                          .emotion_listener = value(losses.emotion_listener),
                          .policy = value(losses.policy),
                          .generation = value(losses.generation),
                          .coverage = value(losses.coverage),
                          .gradient_norm = *context.to_host(results.gradient_norm, 1),
                          .tokens = batch.target_tokens()};
  // Adam has looked at both and left the parameters alone if one is not finite.
  const char* advice = "resume from the last checkpoint with a smaller learning rate";
  ETHREED_CHECK(std::isfinite(report.total), "training: the loss is {} at step {}; {}", report.total, step, advice);
  ETHREED_CHECK(std::isfinite(report.gradient_norm), "training: the gradient's norm is {} at step {}; {}",
                report.gradient_norm, step, advice);
  return report;
}

namespace {

void add(RunningLosses& running, const StepReport& report) {
  running.total += report.total;
  running.emotion_speaker += report.emotion_speaker;
  running.emotion_listener += report.emotion_listener;
  running.policy += report.policy;
  running.generation += report.generation;
  running.coverage += report.coverage;
  running.gradient_norm += report.gradient_norm;
  running.tokens += report.tokens;
  ++running.steps;
}

// One run: what train() keeps between its steps.
class Run {
 public:
  Run(Context& context, ModelState<float>& model, CheckpointInfo& info, const Dataset& data, const RunOptions& options,
      const TrainingObserver& observer)
      : context_(context),
        model_(model),
        device_(context, model),
        info_(info),
        progress_(info.progress),
        training_(info.config.training),
        options_(options),
        observer_(observer),
        update_(model.layout.encoder_end()),
        train_(data.split("train"), data.vocabulary_size()),
        valid_(data.split("valid"), data.vocabulary_size()) {}

  bool run() {
    while (progress_.epoch < training_.epochs) {
      if (!run_epoch()) {
        save("last");
        return false;
      }
    }
    progress_.finished = true;
    save("last");
    return true;
  }

 private:
  // False if stopped before the epoch's validation was done.
  bool run_epoch() {
    shuffle_dialogues(train_.dialogues(), training_.seed, progress_.epoch, order_);
    const std::int64_t batches = (train_.dialogues() + training_.batch - 1) / training_.batch;
    const double learning_rate = training_.learning_rate_at(progress_.epoch);
    while (progress_.next_batch < batches) {
      if (stopped()) return false;
      run_step(batches, learning_rate);
      if (options_.save_every > 0 && progress_.step % options_.save_every == 0) save("last");
    }
    return validate(learning_rate);
  }

  bool stopped() const {
    return (observer_.stop && observer_.stop()) || (options_.max_steps > 0 && progress_.step >= options_.max_steps);
  }

  void run_step(std::int64_t batches, double learning_rate) {
    const std::int64_t first = progress_.next_batch * training_.batch;
    const std::int64_t count = std::min<std::int64_t>(training_.batch, train_.dialogues() - first);
    const Batch& batch =
        train_.make(std::span(order_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    const StepReport report = training_step(context_, device_.model(), training_, batch, progress_.step, learning_rate,
                                            {.graph = options_.graphs, .update = &update_});
    ++progress_.step;
    ++progress_.next_batch;
    add(progress_.running, report);
    if (observer_.step) observer_.step(progress_, report, batches);
    if (progress_.running.steps >= options_.log_every) {
      if (observer_.log_line) observer_.log_line(progress_, learning_rate);
      progress_.running = {};
    }
  }

  bool validate(double learning_rate) {
    bool interrupted = false;
    EvaluationResult result;
    try {
      update_.finish(context_);
      result = Evaluator<float>(context_, device_.model())
                   .evaluate(valid_, PolicyMode{.seed = training_.seed}, [&](int done) {
                     if (observer_.validation) observer_.validation(done, valid_.dialogues());
                     interrupted = observer_.stop && observer_.stop();
                     return !interrupted;
                   });
    } catch (const Error&) {
      if (!interrupted) throw;
      return false;  // the epoch's steps are done; validation runs again on resuming
    }
    progress_.last = {.epoch = progress_.epoch,
                      .speaker_accuracy = result.speaker_accuracy,
                      .listener_accuracy = result.listener_accuracy,
                      .perplexity_token = result.perplexity_token,
                      .perplexity_macro = result.perplexity_macro,
                      .coverage = result.coverage};
    const bool best = progress_.best.epoch < 0 || result.perplexity_token < progress_.best.perplexity_token;
    if (best) progress_.best = progress_.last;
    if (observer_.epoch) observer_.epoch(progress_, result, learning_rate);
    ++progress_.epoch;
    progress_.next_batch = 0;
    progress_.finished = progress_.epoch == training_.epochs;
    if (best) save("best");
    save("last");
    return true;
  }

  void save(const char* which) {
    update_.finish(context_);
    device_.to_host();
    save_checkpoint(options_.directory / which, model_, info_);
  }

  Context& context_;
  ModelState<float>& model_;   // what is saved
  DeviceModel<float> device_;  // what is trained
  CheckpointInfo& info_;
  TrainingProgress& progress_;
  const TrainingConfig& training_;
  const RunOptions& options_;
  const TrainingObserver& observer_;
  DeferredUpdate<float> update_;  // between steps, a part of the parameters waits for it
  SplitBatches train_, valid_;
  std::vector<std::int32_t> order_;
};

}  // namespace

bool train(Context& context, ModelState<float>& model, CheckpointInfo& info, const Dataset& data,
           const RunOptions& options, const TrainingObserver& observer) {
  return Run(context, model, info, data, options, observer).run();
}

template StepNoise<float> draw_training_noise(Context&, const ModelConfig&, const TrainingConfig&, const Batch&,
                                              std::int64_t);
template StepNoise<double> draw_training_noise(Context&, const ModelConfig&, const TrainingConfig&, const Batch&,
                                               std::int64_t);
template Adam<float> adam_of_step(ModelState<float>&, const TrainingConfig&, std::int64_t, double, const double*,
                                  const float*);
template Adam<double> adam_of_step(ModelState<double>&, const TrainingConfig&, std::int64_t, double, const double*,
                                   const double*);
template StepReport training_step(Context&, ModelState<float>&, const TrainingConfig&, const Batch&, std::int64_t,
                                  double, const StepOptions<float>&);
template StepReport training_step(Context&, ModelState<double>&, const TrainingConfig&, const Batch&, std::int64_t,
                                  double, const StepOptions<double>&);

}  // namespace ethreed
