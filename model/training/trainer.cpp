#include "model/training/trainer.h"

#include "kernels/global_norm/global_norm.h"
#include "model/interface/device_model.h"
#include "model/training/parameter_average.h"
#include "model/training/selection.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

template <class T>
Adam<T> adam_of_step(ModelState<T>& state, const Recipe& recipe, std::int64_t step, double learning_rate,
                     const double* gradient_norm, const T* loss) {
  return {.count = state.layout.size(),
          .step = step + 1,
          .learning_rate = learning_rate,
          .beta1 = recipe.adam_beta1,
          .beta2 = recipe.adam_beta2,
          .epsilon = recipe.adam_epsilon,
          .weight_decay = recipe.weight_decay,
          .clip_norm = recipe.clip_norm,
          .gradient_norm = gradient_norm,
          .loss = loss,
          .parameters = state.values.data(),
          .gradients = state.gradients.data(),
          .m = state.first_moment.data(),
          .v = state.second_moment.data()};
}

namespace {

// What a step leaves on the device for the host to read.
template <class T> struct StepResults {
  StepLosses<T> losses;
  double* gradient_norm = nullptr;  // in `values`
};

// Hands the whole step to the device, without waiting for any of it.
template <class T>
StepResults<T> run_step(Context& context, const Model& model, ModelState<T>& state, const Recipe& recipe,
                        const ModelBatch& batch, const StepArguments& arguments) {
  Tape<T> tape(context);
  const ParameterHandles<T> parameters = state.bind(tape);
  const PassOptions options{.purpose = Purpose::train, .seed = recipe.seed, .step = arguments.step};
  const auto forward = [&] {
    const Range range(context, "forward");
    return model.steps<T>().forward(tape, parameters, batch, options);
  };
  const StepResults<T> results{.losses = forward(), .gradient_norm = context.values.allocate<double>(1)};
  {
    const Range range(context, "backward");
    tape.backward(results.losses.total);
    zero_untouched_gradients(context, state.layout, parameters);
  }
  const Range range(context, "optimizer");
  global_norm<T>(context, {.count = state.layout.size(), .x = state.gradients.data(), .norm = results.gradient_norm});
  adam_update(context, adam_of_step(state, recipe, arguments.step, arguments.learning_rate, results.gradient_norm,
                                    results.losses.total.data()));
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
StepReport training_step(Context& context, const Model& model, ModelState<T>& state, const Recipe& recipe,
                         const ModelBatch& batch, const StepArguments& arguments) {
  context.begin_step();
  context.stage(batch.arrays());
  const auto run = [&] { return run_step(context, model, state, recipe, batch, arguments); };
  const StepResults<T> results = arguments.graph && !context.on_host() ? as_graph<T>(context, run) : run();
  const StepLosses<T>& losses = results.losses;
  const T* values = context.to_host(losses.all.data(), losses.all.value().count());
  const auto value = [&](const Variable<T>& term) {
    return term ? static_cast<double>(values[term.data() - losses.all.data()]) : 0.0;
  };
  StepReport report{.total = value(losses.total),
                    .gradient_norm = *context.to_host(results.gradient_norm, 1),
                    .targets = batch.targets()};
  for (std::size_t k = 0; k < max_loss_terms; ++k) {
    report.term[k] = value(losses.term[k]);
    report.has[k] = static_cast<bool>(losses.term[k]);
  }
  // Adam has looked at both and left the parameters alone if one is not finite.
  ETHREED_CHECK(std::isfinite(report.total), "training: the loss is not finite ({}) at step {}; {}",
                std::abs(report.total), arguments.step, arguments.advice);
  ETHREED_CHECK(std::isfinite(report.gradient_norm), "training: the gradient's norm is not finite ({}) at step {}; {}",
                std::abs(report.gradient_norm), arguments.step, arguments.advice);
  return report;
}

namespace {

void add(RunningLosses& running, const StepReport& report) {
  for (std::size_t k = 0; k < max_loss_terms; ++k) {
    running.term[k] += report.term[k];
    running.steps_with[k] += report.has[k];
  }
  running.total += report.total;
  running.gradient_norm += report.gradient_norm;
  running.tokens += report.targets;
  ++running.steps;
}

// One run: what train() keeps between its steps.
class Run {
 public:
  Run(Context& context, ModelState<float>& state, CheckpointInfo& info, const Dataset& data, const RunOptions& options,
      const TrainingObserver& observer)
      : context_(context),
        state_(with_average(state, info)),
        device_(context, state_),
        info_(info),
        progress_(info.progress),
        model_(*info.config.model),
        recipe_(info.config.recipe),
        options_(options),
        observer_(observer),
        batch_(model_.new_batch()),
        train_(data.split("train"), example_kind(model_)),
        valid_(data.split("valid"), example_kind(model_)) {
    choose_advice();
  }

  bool run() {
    while (progress_.epoch < recipe_.epochs && !progress_.finished) {
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
  // Where the recipe wants an average, a new run starts it from the first parameters.
  static ModelState<float>& with_average(ModelState<float>& state, const CheckpointInfo& info) {
    const bool wanted = info.config.recipe.average_updates > 0, there = state.average.count() > 0;
    ETHREED_CHECK(info.progress.step == 0 || wanted == there,
                  "training: 'average_updates' is {}, but the checkpoint {} an average of the parameters",
                  info.config.recipe.average_updates, there ? "has" : "does not have");
    if (wanted && !there) state.average = state.values.clone();
    return state;
  }
  std::int64_t steps_per_epoch() const { return recipe_.steps_per_epoch(train_.count()); }
  double learning_rate() const { return recipe_.learning_rate_at(progress_.epoch, progress_.step, steps_per_epoch()); }

  // False if stopped before the epoch's validation was done.
  bool run_epoch() {
    double rate = learning_rate();
    while (progress_.next_batch < steps_per_epoch()) {
      if (stopped()) return false;
      rate = learning_rate();
      run_step(rate);
      if (options_.save_every > 0 && progress_.step % options_.save_every == 0) save("last");
    }
    return validate(rate);
  }

  bool stopped() const {
    return (observer_.stop && observer_.stop()) || (options_.max_steps > 0 && progress_.step >= options_.max_steps);
  }

  void run_step(double learning_rate) {
    const DrawnBatch drawn = recipe_.batch_of(progress_.step, train_.count());
    if (drawn.pass != ordered_pass_) shuffle_examples(train_.count(), recipe_.seed, drawn.pass, order_);
    ordered_pass_ = drawn.pass;
    const std::int64_t first = drawn.batch * recipe_.batch;
    const std::int64_t count = std::min<std::int64_t>(recipe_.batch, train_.count() - first);
    batch_->build(
        train_.make(std::span(order_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count))),
        TrainingDraw{.seed = recipe_.seed, .step = progress_.step});
    const StepReport report = training_step(context_, model_, device_.model(), recipe_, *batch_,
                                            {.step = progress_.step,
                                             .learning_rate = learning_rate,
                                             .graph = options_.graphs,
                                             .advice = saved_step_ == progress_.step ? advice_after_save_ : advice_});
    ++progress_.step;
    ++progress_.next_batch;
    average_parameters(context_, device_.model(), recipe_, progress_.step);
    add(progress_.running, report);
    if (observer_.step) observer_.step(progress_, report, steps_per_epoch());
    if (progress_.running.steps >= options_.log_every) {
      if (observer_.log_line) observer_.log_line(progress_, learning_rate);
      progress_.running = {};
    }
  }

  bool validate(double learning_rate) {
    bool interrupted = false;
    std::vector<double> figures;
    Evaluator<float> evaluator(context_, model_, device_.model());
    try {
      const AverageInUse<float> average(device_.model());
      figures = evaluator.evaluate(valid_, LatentMode{.seed = recipe_.seed}, [&](int done) {
        if (observer_.validation) observer_.validation(done, valid_.count());
        interrupted = observer_.stop && observer_.stop();
        return !interrupted;
      });
    } catch (const Error&) {
      if (!interrupted) throw;
      return false;  // the epoch's steps are done; validation runs again on resuming
    }
    progress_.last = {.epoch = progress_.epoch};
    for (std::size_t k = 0; k < figures.size(); ++k)
      if (const FigureColumn& column = model_.figures()[k]; column.logged && !std::isnan(figures[k]))
        progress_.last.values[std::string(column.name)] = figures[k];
    const bool best = is_best(model_, recipe_, progress_.last, progress_.best);
    if (best) progress_.best = progress_.last;
    if (observer_.epoch) observer_.epoch(progress_, figures, evaluator.losses(), learning_rate);
    ++progress_.epoch;
    progress_.next_batch = 0;
    progress_.finished = progress_.is_over(recipe_);
    if (best) save("best");
    save("last");
    return true;
  }

  void save(const char* which) {
    device_.to_host();
    save_checkpoint(options_.directory / which, state_, info_);
    saved_step_ = progress_.step;
    choose_advice();
  }

  // What to do where the loss is not finite. A step that begins with what was saved would come out the same again.
  void choose_advice() {
    const std::string start = progress_.best.epoch < 0
                                  ? "begin a new run"
                                  : fmt::format("begin a new run with --from {}", options_.directory.string());
    advice_after_save_ = fmt::format("the last checkpoint gives it, too: {} and a --learning-rate below {}", start,
                                     recipe_.learning_rate);
    advice_ = fmt::format(
        "go on from the last checkpoint with --resume and a --learning-rate below {} (or a smaller --clip-norm), or {}",
        recipe_.learning_rate, start);
  }

  Context& context_;
  ModelState<float>& state_;   // what is saved
  DeviceModel<float> device_;  // what is trained
  CheckpointInfo& info_;
  TrainingProgress& progress_;
  const Model& model_;
  const Recipe& recipe_;
  const RunOptions& options_;
  const TrainingObserver& observer_;
  std::unique_ptr<ModelBatch> batch_;
  SplitExamples train_, valid_;
  std::vector<std::int32_t> order_;  // of the examples in this pass:
  std::int64_t ordered_pass_ = -1;
  std::int64_t saved_step_ = info_.progress.step;  // the run stands where its last checkpoint does
  std::string advice_, advice_after_save_;
};

}  // namespace

bool train(Context& context, ModelState<float>& state, CheckpointInfo& info, const Dataset& data,
           const RunOptions& options, const TrainingObserver& observer) {
  return Run(context, state, info, data, options, observer).run();
}

template Adam<float> adam_of_step(ModelState<float>&, const Recipe&, std::int64_t, double, const double*, const float*);
template Adam<double> adam_of_step(ModelState<double>&, const Recipe&, std::int64_t, double, const double*,
                                   const double*);
template StepReport training_step(Context&, const Model&, ModelState<float>&, const Recipe&, const ModelBatch&,
                                  const StepArguments&);
template StepReport training_step(Context&, const Model&, ModelState<double>&, const Recipe&, const ModelBatch&,
                                  const StepArguments&);

}  // namespace ethreed
