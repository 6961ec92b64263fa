#include "kernels/common/operation.h"
#include "kernels/coverage_attention/coverage_attention.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

struct CoverageShape {
  std::vector<int> sources, targets;
  int query_columns, value_columns;
  bool initial = false;   // coverage carried in, as in generation
  bool repeated = false;  // the first two source tokens of a row have the same key
  bool unbounded = false;

  int rows() const { return count_of(sources); }
};

struct Offsets {
  std::vector<std::int32_t> source{0}, target{0};
  std::vector<std::int64_t> weight{0};

  explicit Offsets(const CoverageShape& shape) {
    for (std::size_t r = 0; r < shape.sources.size(); ++r) {
      source.push_back(source.back() + shape.sources[r]);
      target.push_back(target.back() + shape.targets[r]);
      weight.push_back(weight.back() + std::int64_t{shape.sources[r]} * shape.targets[r]);
    }
  }
  RowLayout layout() const { return {source, target, weight}; }
};

/// The inputs, in double. float problems round them, so that both types see the same case.
struct CoverageInputs {
  Tensor<double> query, keys, values, coverage_weight, bias, initial;
};

/// (17)–(19) by the book, for one row and one step. Adds γ_i to `coverage`.
struct Step {
  std::vector<double> weights;
  double loss = 0;
};
Step textbook_step(const CoverageShape& shape, const CoverageInputs& in, int token, int source, int sources,
                   std::vector<double>& coverage) {
  const std::int64_t d = in.query.columns();
  Step step;
  double sum = 0;
  for (int j = 0; j < sources; ++j) {
    double score = 0;
    for (std::int64_t k = 0; k < d; ++k) score += in.query[token * d + k] * in.keys[(source + j) * d + k];
    const auto at = static_cast<std::size_t>(j);
    score += in.coverage_weight[0] * coverage[at] + in.bias[0];
    step.weights.push_back(shape.unbounded ? score : std::exp(std::tanh(score)));
  }
  if (shape.unbounded) {
    const double most = *std::max_element(step.weights.begin(), step.weights.end());
    for (double& weight : step.weights) weight = std::max(std::exp(weight - most), coverage_least_exponential);
  }
  for (const double weight : step.weights) sum += weight;
  for (std::size_t j = 0; j < coverage.size(); ++j) {
    step.weights[j] /= sum;
    step.loss += std::min(step.weights[j], coverage[j]);
    coverage[j] += step.weights[j];
  }
  return step;
}

std::vector<double> starting_coverage(const CoverageInputs& in, int source, int sources) {
  std::vector<double> coverage(sources, 0.0);
  for (int j = 0; j < sources && in.initial.count() > 0; ++j) coverage[j] = in.initial[source + j];
  return coverage;
}

/// Of weights that are 1 / sources in the mean.
double kink_margin(std::size_t sources) { return std::min(1e-3, 0.1 / static_cast<double>(sources)); }

bool clear_of_kink(const std::vector<double>& coverage_before, const std::vector<double>& weights) {
  for (std::size_t j = 0; j < weights.size(); ++j)
    if (std::abs(coverage_before[j] - weights[j]) < kink_margin(weights.size())) return false;
  return true;
}

/// Draws queries again, step by step, until no weight is close to its coverage: min(cov, γ) has a kink where they meet,
/// and finite differences mean nothing there. A row with one source token is exempt: its weights are 1 whatever the
/// inputs.
void draw_queries(const CoverageShape& shape, const RowLayout& layout, std::uint64_t seed, CoverageInputs& in) {
  const int d = shape.query_columns;
  const double scale = 1.5 / std::pow(d, 0.25);
  const PhiloxStream random(seed, 20);
  std::uint64_t drawn = 0;
  for (int r = 0; r < layout.rows(); ++r) {
    const int sources = layout.source_count(r);
    std::vector<double> coverage = starting_coverage(in, layout.source(r), sources);
    for (int token = layout.target(r); token < layout.target(r + 1); ++token) {
      const std::vector<double> before = coverage;
      bool settled = false;
      for (int attempt = 0; attempt < 1000 && !settled; ++attempt) {
        for (int k = 0; k < d; ++k) in.query[std::int64_t{token} * d + k] = random.normal(drawn++) * scale;
        coverage = before;
        const Step step = textbook_step(shape, in, token, layout.source(r), sources, coverage);
        settled = sources == 1 || clear_of_kink(before, step.weights);
      }
      ETHREED_CHECK(settled, "coverage_attention cases: no query found for token {} that keeps clear of the kink",
                    token);
    }
  }
}

CoverageInputs make_inputs(const CoverageShape& shape, const RowLayout& layout, std::uint64_t seed) {
  const int d = shape.query_columns, c = shape.value_columns;
  CoverageInputs in{.query = Tensor<double>({layout.targets(), d}),
                    .keys = random_tensor<double>({layout.sources(), d}, seed, 21, 1.0 / std::pow(d, 0.25)),
                    .values = random_tensor<double>({layout.sources(), c}, seed, 22),
                    .coverage_weight = random_tensor<double>({1}, seed, 23, 0.5),
                    .bias = random_tensor<double>({1}, seed, 24, 0.5)};
  if (shape.initial) {
    in.initial = random_tensor<double>({layout.sources()}, seed, 25);
    for (double& x : in.initial.span()) x = std::abs(x);
  }
  for (int r = 0; shape.repeated && r < layout.rows(); ++r)
    std::copy_n(in.keys.data() + std::int64_t{layout.source(r)} * d, d,
                in.keys.data() + std::int64_t{layout.source(r) + 1} * d);
  draw_queries(shape, layout, seed, in);
  return in;
}

template <class T> Tensor<T> rounded(const Tensor<double>& exact) {
  Tensor<T> tensor(exact.shape());
  for (std::int64_t i = 0; i < exact.count(); ++i) tensor[i] = static_cast<T>(exact[i]);
  return tensor;
}

template <class T> class CoverageProblem final : public OpProblem<T> {
 public:
  CoverageProblem(const CoverageShape& shape, std::uint64_t seed)
      : shape_(shape), offsets_(shape), energy_({offsets_.weight.back()}) {
    const RowLayout layout = offsets_.layout();
    const CoverageInputs in = make_inputs(shape, layout, seed);
    this->inputs.push_back({"query", rounded<T>(in.query)});
    this->inputs.push_back({"keys", rounded<T>(in.keys)});
    this->inputs.push_back({"values", rounded<T>(in.values)});
    this->inputs.push_back({"coverage_weight", rounded<T>(in.coverage_weight)});
    // Unbounded, the bias moves all energies of a step alike, and nothing else: its gradient is rounding.
    this->inputs.push_back({"bias", rounded<T>(in.bias), !shape.unbounded});
    if (shape.initial) this->inputs.push_back({"coverage_initial", rounded<T>(in.initial), false});
    this->outputs.push_back({"weights", Tensor<T>({layout.weights()})});
    this->outputs.push_back({"context", Tensor<T>({layout.targets(), shape.value_columns})});
    this->outputs.push_back({"coverage_loss", Tensor<T>({layout.targets()})});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    energy_ = energy_.clone(memory);
  }

  void forward(Context& context) override { coverage_attention_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    coverage_attention_backward<T>(context, {.forward = arguments(),
                                             .dweights = cotangents[0],
                                             .dcontext = cotangents[1],
                                             .dcoverage_loss = cotangents[2],
                                             .dquery = gradients[0],
                                             .dkeys = gradients[1],
                                             .dvalues = gradients[2],
                                             .dcoverage_weight = gradients[3],
                                             .dbias = gradients[4]});
  }

  std::vector<std::vector<double>> reference() const override {
    const RowLayout layout = offsets_.layout();
    const int c = shape_.value_columns;
    const CoverageInputs in = inputs_in_double();
    std::vector<double> weights, context, losses;
    for (int r = 0; r < layout.rows(); ++r) {
      std::vector<double> coverage = starting_coverage(in, layout.source(r), layout.source_count(r));
      for (int token = layout.target(r); token < layout.target(r + 1); ++token) {
        const Step step = textbook_step(shape_, in, token, layout.source(r), layout.source_count(r), coverage);
        weights.insert(weights.end(), step.weights.begin(), step.weights.end());
        losses.push_back(step.loss);
        for (int k = 0; k < c; ++k) {
          double sum = 0;
          for (std::size_t j = 0; j < step.weights.size(); ++j)
            sum += step.weights[j] * in.values[(layout.source(r) + static_cast<std::int64_t>(j)) * c + k];
          context.push_back(sum);
        }
      }
    }
    return {weights, context, losses};
  }

  Cost cost() const override {
    const RowLayout layout = offsets_.layout();
    const double d = shape_.query_columns, c = shape_.value_columns;
    const double sources = layout.sources(), targets = layout.targets();
    const auto pairs = static_cast<double>(layout.weights());
    double read = 0;  // source tokens of rows with targets
    for (int r = 0; r < layout.rows(); ++r) read += layout.target_count(r) > 0 ? layout.source_count(r) : 0;
    const double initial = shape_.initial ? read : 0;
    const auto size = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t workspace = (2 * layout.weights() + layout.sources() + 2 * std::int64_t{layout.rows()}) * size;
    return {.forward_flops = 2 * pairs * (d + c),
            .backward_flops = 4 * pairs * (d + c),
            .forward_bytes = (targets * (d + c + 1) + read * (d + c) + 2 * pairs + 2 + initial) * sizeof(T),
            .backward_bytes =
                (targets * (2 * d + c + 1) + (sources + read) * (d + c) + 3 * pairs + 3 + initial) * sizeof(T),
            .saved_bytes = layout.weights() * size,
            .workspace_bytes = (workspace + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override { return energy_.count() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  CoverageAttentionForward<T> arguments() {
    return {.layout = offsets_.layout(),
            .query_columns = shape_.query_columns,
            .value_columns = shape_.value_columns,
            .unbounded = shape_.unbounded,
            .query = this->inputs[0].data.data(),
            .keys = this->inputs[1].data.data(),
            .values = this->inputs[2].data.data(),
            .coverage_weight = this->inputs[3].data.data(),
            .bias = this->inputs[4].data.data(),
            .coverage_initial = shape_.initial ? this->inputs[5].data.data() : nullptr,
            .weights = this->outputs[0].data.data(),
            .context = this->outputs[1].data.data(),
            .coverage_loss = this->outputs[2].data.data(),
            .energy = energy_.data()};
  }

  CoverageInputs inputs_in_double() const {
    const auto exact = [&](std::size_t i) {
      const Tensor<T>& data = this->inputs[i].data;
      Tensor<double> tensor(data.shape());
      for (std::int64_t k = 0; k < data.count(); ++k) tensor[k] = static_cast<double>(data[k]);
      return tensor;
    };
    return {exact(0), exact(1), exact(2), exact(3), exact(4), shape_.initial ? exact(5) : Tensor<double>()};
  }

  CoverageShape shape_;
  Offsets offsets_;
  Tensor<T> energy_;
};

OpCase coverage_case(std::string name, bool tiny, CoverageShape shape) {
  return make_case(std::move(name), tiny,
                   [shape]<class T>(std::uint64_t seed) { return std::make_unique<CoverageProblem<T>>(shape, seed); });
}

/// A batch as training makes it: 17 rows of 10 to 26 source and 6 to 22 target tokens, 18 and 14 on average.
CoverageShape training_batch() {
  CoverageShape shape{.query_columns = 300, .value_columns = 600};
  for (int r = 0; r < 17; ++r) {
    shape.sources.push_back(10 + 7 * r % 17);
    shape.targets.push_back(6 + 5 * r % 17);
  }
  return shape;
}

/// One step of generation for the same posts.
CoverageShape generation_step() {
  CoverageShape shape = training_batch();
  std::fill(shape.targets.begin(), shape.targets.end(), 1);
  shape.initial = true;
  return shape;
}

}  // namespace

std::vector<OpCase> coverage_attention_cases() {
  return {
      coverage_case("one source token, one step", true, {{1}, {1}, 2, 3}),
      coverage_case("one source token, three steps", true, {{1}, {3}, 3, 2}),
      coverage_case("one step", true, {{4}, {1}, 3, 2}),
      coverage_case("rows of different lengths", true, {{3, 1, 5, 2}, {2, 4, 1, 5}, 4, 3}),
      coverage_case("a row without targets", true, {{2, 3, 4}, {2, 0, 3}, 3, 2}),
      coverage_case("repeated source tokens", true, {{3, 4}, {3, 4}, 3, 2, false, true}),
      coverage_case("coverage carried in", true, {{3, 4}, {1, 3}, 2, 3, true}),
      coverage_case(
          "unbounded energies", true,
          {.sources = {3, 1, 40}, .targets = {2, 4, 3}, .query_columns = 4, .value_columns = 3, .unbounded = true}),
      coverage_case("unbounded energies, coverage carried in", true,
                    {.sources = {3, 4},
                     .targets = {1, 3},
                     .query_columns = 2,
                     .value_columns = 3,
                     .initial = true,
                     .unbounded = true}),
      coverage_case("a row that needs more shared memory than a small device has", false, {{50}, {100}, 3, 2}),
      coverage_case("a row that needs more shared memory than a block may take", false, {{80}, {150}, 3, 2}),
      coverage_case("a source that needs more shared memory than a block may take", false, {{13000}, {1}, 3, 2}),
      coverage_case("training batch", false, training_batch()),
      coverage_case("generation step", false, generation_step()),
  };
}

}  // namespace ethreed
