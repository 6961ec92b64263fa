// The gradient of the whole loss by every parameter, against central differences in double.

#include "autograd/gradient_checker.h"
#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

constexpr LossWeights unequal_weights{.emotion = 0.7, .policy = 1.3, .generation = 0.9, .coverage = 1.6};

// Few tokens, and yet: T = 1 beside T = 3, repeated source words, words to copy, labels that are missing.
Dialogues few_dialogues() {
  return {{{{9, 9, 30, 3}, {30, 9, 31, 3}, 1, -1}, {{8, 7, 3}, {8, 3}, 1, 7}, {{3}, {5, 3}, 1, 0}},
          {{{31, 6, 32, 31, 3}, {6, 31, 12, 32, 3}, 4, 11}}};
}

// One loss as a function of its parameters, with fixed noise, and its gradient at the starting point.
class LossFunction {
 public:
  LossFunction(const EthreedConfig& config, bool dropout, bool sample)
      : config_(weighted(config)),
        batch_(make_batch(few_dialogues(), config.vocabulary)),
        noise_(draw_noise<double>(config, batch_, 5, dropout, sample)),
        model_(make_state<double>(config, true)) {
    randomise(model_, 3, 0.5);
    differentiate();
  }

  // With p of (12) detached the gradient is that of a loss in which p does not move: p is kept as it was at the start.
  double operator()() {
    Context context = runtime_.context();
    context.arena.reset();
    Tape<double> tape(context, false);
    const auto pass = forward_pass(tape, config_, bind_named(tape, config_, model_), batch_, noise_.step_noise());
    double total = pass.losses.total.data()[0];
    if (config_.has_divergence() && !config_.constraint_gradient)
      total += unequal_weights.policy * (divergence(rows_of(pass.state.reply_logits), constraint_logits_) -
                                         pass.losses.term[loss_policy].data()[0]);
    return total;
  }

  GradientReport check() {
    std::vector<NamedArray> blocks;
    for (const auto& entry : model_.layout.entries())
      blocks.push_back(
          {entry.name, model_.values.data() + entry.offset, entry.shape.count(), gradient(entry.name).data()});
    return check_scalar_function([this] { return (*this)(); }, blocks);
  }
  GradientReport check(std::string_view name) {
    const NamedArray block{std::string(name), parameter(model_, name).data(),
                           static_cast<std::int64_t>(gradient(name).size()), gradient(name).data()};
    return check_scalar_function([this] { return (*this)(); }, {&block, 1});
  }

  std::span<double> gradient(std::string_view name) {
    const auto* entry = model_.layout.find(name);
    return {model_.gradients.data() + entry->offset, static_cast<std::size_t>(entry->shape.count())};
  }
  const ParameterLayout& layout() const { return model_.layout; }

 private:
  using Rows = std::vector<reference::Vector>;

  static EthreedConfig weighted(EthreedConfig config) {
    config.weights = unequal_weights;
    return config;
  }
  static Rows rows_of(const Variable<double>& logits) {
    Rows rows;
    for (int i = 0; i < logits.rows(); ++i)
      rows.emplace_back(logits.value().row(i), logits.value().row(i) + logits.columns());
    return rows;
  }
  static double divergence(const Rows& q_logits, const Rows& p_logits) {
    double sum = 0;
    for (std::size_t i = 0; i < q_logits.size(); ++i) sum += reference::divergence(q_logits[i], p_logits[i]);
    return sum / static_cast<double>(q_logits.size());
  }

  void differentiate() {
    Context context = runtime_.context();
    Tape<double> tape(context);
    const ParameterHandles<double> parameters = model_.bind(tape);
    std::fill_n(model_.gradients.data(), model_.gradients.count(), std::numeric_limits<double>::quiet_NaN());
    const auto pass =
        forward_pass(tape, config_, named_parameters<EthreedModel>(config_, parameters), batch_, noise_.step_noise());
    constraint_logits_ = rows_of(pass.state.listener_logits);
    tape.backward(pass.losses.total);
    zero_untouched_gradients(context, model_.layout, parameters);
  }

  EthreedConfig config_;
  DialogueBatch batch_;
  NoiseData<double> noise_;
  ModelState<double> model_;
  Runtime runtime_;
  Rows constraint_logits_;
};

double norm(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

void check_all(LossFunction& loss) {
  const GradientReport report = loss.check();
  CHECK(report.inputs.size() == loss.layout().entries().size());
  for (const InputReport& row : report.inputs) {
    INFO(row.input << ": " << name_of(row.verdict) << ", " << row.detail << ", at " << row.index << " analytic "
                   << row.analytic << ", numeric " << row.numeric);
    CHECK(row.verdict == Verdict::passed);
    CHECK(row.comparisons > 0);
  }
}

}  // namespace

TEST_CASE("the gradient of the loss is right for every parameter, with dropout and a sampled reply") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    LossFunction loss(tiny_config(ablation), true, true);
    check_all(loss);
  }
}

TEST_CASE("the gradient of the loss is right for every parameter without dropout and at the mean of the policy") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    LossFunction loss(tiny_config(ablation), false, false);
    check_all(loss);
  }
}

TEST_CASE("the gradient is right where the constraint is differentiated too") {
  EthreedConfig config = tiny_config();
  config.constraint_gradient = true;
  LossFunction loss(config, true, true);
  check_all(loss);
}

TEST_CASE("every parameter has a gradient that is not zero") {
  for (const Ablation ablation : all_ablations) {
    LossFunction loss(tiny_config(ablation), false, true);
    for (const auto& entry : loss.layout().entries()) {
      INFO("ablation " << name_of(ablation) << ", " << entry.name);
      CHECK(norm(loss.gradient(entry.name)) > 1e-6);
    }
  }
}

TEST_CASE("at the mean of the policy the log variance has a gradient of exact zeros") {
  LossFunction loss(tiny_config(), true, false);
  CHECK(norm(loss.gradient("policy.log_variance.weight")) == 0.0);
  CHECK(norm(loss.gradient("policy.log_variance.bias")) == 0.0);
  CHECK(norm(loss.gradient("policy.mean.weight")) > 1e-6);
}

TEST_CASE("a gradient that is off by a factor of 1.001 is caught, whichever parameter's it is") {
  LossFunction loss(tiny_config(), true, true);
  for (const auto& entry : loss.layout().entries()) {
    INFO(entry.name);
    const std::vector<double> right(loss.gradient(entry.name).begin(), loss.gradient(entry.name).end());
    for (double& value : loss.gradient(entry.name)) value *= 1.001;
    CHECK(loss.check(entry.name).inputs.front().verdict == Verdict::wrong_gradient);
    std::copy(right.begin(), right.end(), loss.gradient(entry.name).begin());
  }
}

TEST_CASE("taking the constraint for a variable is caught") {
  EthreedConfig config = tiny_config();
  LossFunction detached(config, true, true);
  config.constraint_gradient = true;
  LossFunction attached(config, true, true);
  // The same loss and the same point, so that the gradients can change places.
  for (const char* name : {"classifier.weight", "tracker.emotion.weight_hh"}) {
    std::swap_ranges(detached.gradient(name).begin(), detached.gradient(name).end(), attached.gradient(name).begin());
    CHECK(detached.check(name).inputs.front().verdict == Verdict::wrong_gradient);
    CHECK(attached.check(name).inputs.front().verdict == Verdict::wrong_gradient);
  }
}
