// Is a model's step right, in every type of numbers, on every device, with any number of threads, in any company.

#include "autograd/gradient_checker.h"
#include "model/blocks/figure_sums.h"
#include "model/training/trainer.h"
#include "tests/distance.h"
#include "tests/model/model_properties.h"

#include <algorithm>

namespace ethreed::test {

namespace {

constexpr PassOptions evaluation{.purpose = Purpose::validate, .seed = 3};

TextbookParameters textbook_parameters(const ModelState<double>& state) {
  TextbookParameters parameters;
  for (const auto& entry : state.layout.entries()) {
    const double* values = state.values.data() + entry.offset;
    const auto sizes = entry.shape.sizes();
    parameters[entry.name] = {{sizes.begin(), sizes.end()}, {values, values + entry.shape.count()}};
  }
  return parameters;
}

Failure compare_with_textbook(const Subject& subject, const RunConfig& run, Bench<double>& bench,
                              std::span<const Example> examples, bool sample) {
  const Model& model = *run.model;
  const TextbookParameters parameters = textbook_parameters(bench.state());
  PassOptions options = evaluation;
  options.sample_latent = sample;
  options.latent_samples = 3;
  TextbookPass wanted = subject.textbook({.config = to_json(run),
                                          .parameters = &parameters,
                                          .examples = examples,
                                          .seed = options.seed,
                                          .sample_latent = sample,
                                          .latent_samples = options.latent_samples});
  std::vector<double> losses;
  for (const LossColumn& column : model.losses()) {
    const auto found = wanted.losses.extract(std::string(column.name));
    losses.push_back(found.empty() ? std::numeric_limits<double>::quiet_NaN() : found.mapped());
  }
  if (!wanted.losses.empty()) return "the textbook has a loss '" + wanted.losses.begin()->first + "', the model not";
  losses.push_back(wanted.total);
  constexpr double tolerance = 1e-9;
  const std::vector<double> got = bench.losses(examples, options);
  for (std::size_t k = 0; k < got.size(); ++k)
    if (std::isnan(got[k]) != std::isnan(losses[k]))
      return fmt::format("the loss {} is there for one of the two only", loss_names(model)(k));
  if (const Failure failure = differ(got, losses, tolerance, loss_names(model))) return failure;
  // A single text without a label has no figures.
  if (std::all_of(examples.begin(), examples.end(), [](const Example& e) { return e.turns.empty() && e.label < 0; }))
    return {};
  const std::vector<Example> batch(examples.begin(), examples.end());
  const std::vector<double> figures = bench.figures({&batch, 1}, options);
  const std::string selected(model.figures()[model.selection().figure].name);
  if (!wanted.figures.contains(selected)) return "the textbook lacks the figure that selects, " + selected;
  for (std::size_t k = 0; k < figures.size(); ++k) {
    const auto found = wanted.figures.extract(std::string(model.figures()[k].name));
    if (found.empty()) continue;
    if (const Failure failure = differ({&figures[k], 1}, {&found.mapped(), 1}, tolerance,
                                       [&](std::size_t) { return "the figure " + found.key(); }))
      return failure;
  }
  if (!wanted.figures.empty())
    return "the textbook has a figure '" + wanted.figures.begin()->first + "', not the model";
  return {};
}

template <class T> std::span<const T> part(const Tensor<T>& block, const ParameterLayout::Entry& entry) {
  return {block.data() + entry.offset, static_cast<std::size_t>(entry.shape.count())};
}

// The first parameter whose gradients are further apart. In float a gradient in which terms cancel drowns in their
// rounding: there, differences are also measured by a tenth of the typical element of all gradients. In double not.
template <class A, class B>
Failure compare_gradients(const ModelState<A>& got, const ModelState<B>& wanted, double tolerance) {
  double least = 0;
  if (std::is_same_v<A, float>) {
    for (const B g : wanted.gradients.span()) least += static_cast<double>(g) * static_cast<double>(g);
    least = 0.1 * std::sqrt(least / static_cast<double>(wanted.layout.parameter_count()));
  }
  for (const auto& entry : wanted.layout.entries()) {
    const double difference = distance(part(got.gradients, entry), part(wanted.gradients, entry), least);
    if (!(difference <= tolerance)) return fmt::format("the gradient of {} is off by {}", entry.name, difference);
  }
  return {};
}

// Losses and gradients of a training step on both devices.
template <class T> Failure compare_devices(const Model& model, std::span<const Example> examples, double tolerance) {
  const PassOptions options{.purpose = Purpose::train, .seed = 5, .step = 2};
  Bench<T> cpu(model, random_state<T>(model, 3)), emulated(model, random_state<T>(model, 3), Device::emulated, 2);
  const std::vector<double> wanted = cpu.differentiate(examples, options);
  const std::vector<double> got = emulated.differentiate(examples, options);
  if (const Failure failure = differ(got, wanted, tolerance, loss_names(model))) return failure;
  return compare_gradients(emulated.state(), cpu.state(), tolerance);
}

std::vector<std::vector<Example>> one_by_one(std::span<const Example> examples) {
  std::vector<std::vector<Example>> batches;
  for (const Example& example : examples) batches.push_back({example});
  return batches;
}

// What the losses and the total of one example are when it stands in the batch twice.
std::vector<double> beside_itself(const Subject& subject, const Model& model, std::vector<double> losses) {
  for (std::size_t k = 0; k < model.losses().size(); ++k) {
    if (std::find(subject.sums.begin(), subject.sums.end(), model.losses()[k].name) == subject.sums.end()) continue;
    if (std::isnan(losses[k])) continue;  // the example has no such term
    losses.back() += losses[k];
    losses[k] *= 2;
  }
  return losses;
}

// Of a model that labels texts: the logits of every text, in the order given.
std::vector<double> label_logits(const Model& model, Bench<double>& bench, std::span<const Example> texts) {
  bench.load(texts);
  Tape<double> tape(bench.context(), false);
  const Variable<double> logits = model.steps<double>().label_logits(tape, bench.bind(tape), bench.batch());
  const auto all = logits.value().span();
  return {all.begin(), all.end()};
}

// Of a model that writes replies: what may follow SOS at the last turn of every dialogue, by place. Words that a row
// does not have count −∞ there, and are left out.
std::map<std::int64_t, std::vector<double>> first_words(const Model& model, Bench<double>& bench,
                                                        std::span<const Example> dialogues) {
  bench.load(dialogues);
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(),
                                                     {.answer = Answer::last_turn, .seed = evaluation.seed});
  std::vector<std::int32_t> rows(session->rows()), words(rows.size(), sos_id);
  std::iota(rows.begin(), rows.end(), 0);
  const NextWords<double> next = session->advance(rows, words);
  std::map<std::int64_t, std::vector<double>> by_place;
  for (const std::int32_t r : rows)
    for (int w = 0; w < next.words; ++w)
      if (const double p = next.log_probability[std::int64_t{r} * next.words + w]; std::isfinite(p))
        by_place[session->row(r).place].push_back(p);
  return by_place;
}

}  // namespace

Failure agrees_with_textbook(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const TinyExamples train(tiny_data().split("train"), *run.model), few(tiny_data().split("test"), *run.model);
  Bench<double> bench(*run.model, random_state<double>(*run.model, 11));
  for (const bool sample : {true, false}) {
    if (const Failure failure = compare_with_textbook(subject, run, bench, train.all(), sample)) return failure;
    for (const std::vector<Example>& one : one_by_one(few.all()))
      if (const Failure failure = compare_with_textbook(subject, run, bench, one, sample)) return failure;
  }
  return {};
}

Failure gradient_is_that_of_the_total(const Subject& subject) {
  const RunConfig run = subject.run_for_gradient(tiny_data());
  const TinyExamples few(tiny_data().split("test"), *run.model);
  const PassOptions options{.purpose = Purpose::train, .seed = 5, .step = 3};
  Bench<double> bench(*run.model, random_state<double>(*run.model, 3));
  ModelState<double>& state = bench.state();
  std::fill_n(state.gradients.data(), state.gradients.count(), std::numeric_limits<double>::quiet_NaN());
  bench.differentiate(few.all(), options);
  std::vector<NamedArray> blocks;
  for (const auto& entry : state.layout.entries()) {
    // Numbers of the data may be constants of the loss: no gradient at all.
    const std::span<const double> gradient = part(state.gradients, entry);
    const bool constant = entry.start.how == Initialisation::from_data &&
                          std::all_of(gradient.begin(), gradient.end(), [](double g) { return g == 0; });
    if (!constant)
      blocks.push_back(
          {entry.name, state.values.data() + entry.offset, entry.shape.count(), state.gradients.data() + entry.offset});
  }
  const GradientReport report = check_scalar_function([&] { return bench.losses(few.all(), options).back(); }, blocks);
  if (report.inputs.size() != blocks.size()) return "not every parameter was checked";
  for (const InputReport& input : report.inputs)
    if (input.verdict != Verdict::passed || input.comparisons == 0)
      return fmt::format("{}: {}, {}, at {} analytic {}, numeric {}", input.input, name_of(input.verdict), input.detail,
                         input.index, input.analytic, input.numeric);
  return {};
}

Failure float_is_double(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const Model& model = *run.model;
  const TinyExamples train(tiny_data().split("train"), model);
  const PassOptions options{.purpose = Purpose::train, .seed = 5, .step = 2};
  ModelState<float> rounded = random_state<float>(model, 3);
  ModelState<double> same(model.layout(), true);
  std::copy_n(rounded.values.data(), rounded.values.count(), same.values.data());
  Bench<double> in_double(model, std::move(same));
  Bench<float> in_float(model, std::move(rounded));
  const std::vector<double> wanted = in_double.differentiate(train.all(), options);
  const std::vector<double> got = in_float.differentiate(train.all(), options);
  if (const Failure failure = differ(got, wanted, 2e-5, loss_names(model))) return failure;
  return compare_gradients(in_float.state(), in_double.state(), 1e-4);
}

Failure emulated_is_cpu(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const TinyExamples few(tiny_data().split("test"), *run.model), valid(tiny_data().split("valid"), *run.model);
  for (const TinyExamples* examples : {&few, &valid}) {
    if (const Failure failure = compare_devices<float>(*run.model, examples->all(), 1e-4)) return "float: " + *failure;
    if (const Failure failure = compare_devices<double>(*run.model, examples->all(), 1e-9))
      return "double: " + *failure;
  }
  return {};
}

Failure threads_change_no_bit(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const TinyExamples train(tiny_data().split("train"), *run.model);
  const auto steps = [&](int threads, std::vector<double>& reports) {
    Bench<float> bench(*run.model, random_state<float>(*run.model, 3), Device::cpu, threads);
    for (int step = 0; step < 3; ++step) {
      bench.load(train.all());
      const StepReport report = training_step(bench.context(), *run.model, bench.state(), run.recipe, bench.batch(),
                                              {.step = step, .learning_rate = 0.01});
      reports.insert(reports.end(), report.term.begin(), report.term.end());
      reports.insert(reports.end(), {report.total, report.gradient_norm});
    }
    return std::move(bench.state());
  };
  std::vector<double> wanted;
  const ModelState<float> one = steps(1, wanted);
  for (const int threads : {2, 3}) {
    std::vector<double> got;
    const ModelState<float> more = steps(threads, got);
    if (got != wanted) return fmt::format("{} threads: other losses", threads);
    if (!same_bits(more.gradients, one.gradients)) return fmt::format("{} threads: other gradients", threads);
    if (!same_bits(more, one)) return fmt::format("{} threads: other parameters or moments", threads);
  }
  return {};
}

Failure examples_do_not_see_each_other(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const Model& model = *run.model;
  const TinyExamples train(tiny_data().split("train"), model);
  const std::vector<Example> all(train.all().begin(), train.all().end());
  std::vector<Example> reversed(all.rbegin(), all.rend());
  Bench<double> bench(model, random_state<double>(model, 7));
  constexpr double tolerance = 1e-10;

  // Figures: of one batch, of the same in another order, of as many batches as there are examples.
  const std::vector<double> together = bench.figures({&all, 1}, evaluation);
  if (const Failure failure =
          differ(bench.figures({&reversed, 1}, evaluation), together, tolerance, figure_names(model)))
    return "in another order " + *failure;
  if (const Failure failure =
          differ(bench.figures(one_by_one(all), evaluation), together, tolerance, figure_names(model)))
    return "one by one " + *failure;

  // Losses are the same in another order, and of an example beside itself that of the example: or twice that, where
  // they are sums.
  if (const Failure failure =
          differ(bench.losses(reversed, evaluation), bench.losses(all, evaluation), tolerance, loss_names(model)))
    return "in another order " + *failure;
  for (const Example& example : all) {
    const std::vector<Example> twice{example, example};
    if (const Failure failure = differ(bench.losses(twice, evaluation),
                                       beside_itself(subject, model, bench.losses({&example, 1}, evaluation)),
                                       tolerance, loss_names(model)))
      return "beside itself " + *failure;
  }

  // What is said of one example, alone and in company.
  if (model.unit() == Unit::text) {
    const std::vector<double> logits = label_logits(model, bench, all);
    const std::size_t classes = logits.size() / all.size();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (const Failure failure =
              differ(label_logits(model, bench, {&all[i], 1}), std::span(logits).subspan(i * classes, classes),
                     tolerance, [](std::size_t k) { return fmt::format("logit {}", k); }))
        return fmt::format("text {} alone: {}", i, *failure);
  }
  if (model.writes_replies()) {
    const auto by_place = first_words(model, bench, reversed);
    for (const Example& example : all)
      for (const auto& [place, alone] : first_words(model, bench, {&example, 1}))
        if (const Failure failure = differ(alone, by_place.at(place), tolerance,
                                           [](std::size_t k) { return fmt::format("log probability {}", k); }))
          return fmt::format("the reply at {} alone: {}", place, *failure);
  }
  return {};
}

Failure shares_of_examples_make_figures(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const Model& model = *run.model;
  const TinyExamples train(tiny_data().split("train"), model);
  const std::vector<Example> all(train.all().begin(), train.all().end());
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  const std::vector<std::vector<Example>> halves{{all.begin(), middle}, {middle, all.end()}};
  Bench<double> bench(model, random_state<double>(model, 7));
  constexpr double tolerance = 1e-10;
  const std::unique_ptr<FigureSums> sums = bench.measure(halves, evaluation);
  const std::vector<double> figures = sums->result();
  const std::vector<FigureShares> shares = sums->shares();
  if (shares.empty()) return "no figure has shares";
  for (const FigureShares& of_figure : shares) {
    const auto column = std::find_if(model.figures().begin(), model.figures().end(),
                                     [&](const FigureColumn& one) { return one.name == of_figure.name; });
    if (column == model.figures().end()) return fmt::format("shares of '{}', which is no figure", of_figure.name);
    if (of_figure.of_example.size() != all.size())
      return fmt::format("{}: shares of {} examples, there are {}", of_figure.name, of_figure.of_example.size(),
                         all.size());
    ExampleShare total;
    for (const ExampleShare& share : of_figure.of_example) total += share;
    const double ratio = mean_figure(total.sum, total.count), value = of_figure.exponential ? std::exp(ratio) : ratio;
    if (const Failure failure = differ({&value, 1}, {&figures[column - model.figures().begin()], 1}, tolerance,
                                       [&](std::size_t) { return of_figure.name; }))
      return "from the shares " + *failure;
  }
  // An example's share is its own: alone it has the same. (A text without a label has no figures, but shares.)
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Example> alone{all[i]};
    const std::vector<FigureShares> wanted = bench.measure({&alone, 1}, evaluation)->shares();
    for (std::size_t k = 0; k < shares.size(); ++k) {
      const ExampleShare &mine = shares[k].of_example[i], &its = wanted[k].of_example.front();
      if (mine.count != its.count || std::abs(mine.sum - its.sum) > tolerance * std::max(1.0, std::abs(its.sum)))
        return fmt::format("{} of example {}: {} / {}, alone {} / {}", shares[k].name, i, mine.sum, mine.count, its.sum,
                           its.count);
    }
  }
  return {};
}

}  // namespace ethreed::test
