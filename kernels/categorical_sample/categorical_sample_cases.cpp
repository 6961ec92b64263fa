#include "kernels/categorical_sample/categorical_sample.h"
#include "kernels/common/operation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ethreed {

namespace {

/// Log-probabilities are N(0, deviation); columns from `possible` on (none where it is negative) have −∞.
struct CategoricalSampleSetting {
  int rows, columns;
  double deviation = 1.0;
  int possible = -1;
};

/// One call of categorical_sample and one of fill_gumbel, of its noise.
template <class T> class CategoricalSampleProblem final : public OpProblem<T> {
 public:
  CategoricalSampleProblem(const CategoricalSampleSetting& s, std::uint64_t seed) : setting_(s), random_(seed, 11) {
    this->inputs.push_back({"log_probability", random_tensor<T>({s.rows, s.columns}, seed, 0, s.deviation), false});
    std::span<T> values = this->inputs[0].data.span();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (s.possible >= 0 && static_cast<int>(i) % s.columns >= s.possible)
        values[i] = -std::numeric_limits<T>::infinity();
    this->outputs.push_back({"index", Tensor<T>({s.rows}), false});
    this->outputs.push_back({"noise", Tensor<T>({s.rows, s.columns}), false});
    index_ = Tensor<std::int32_t>({s.rows});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    index_ = index_.clone(memory);
  }

  /// Indices are integers whatever T is: the output is made from them.
  void forward(Context& context) override {
    categorical_sample<T>(context, {.rows = setting_.rows,
                                    .columns = setting_.columns,
                                    .random = random_,
                                    .log_probability = this->inputs[0].data.data(),
                                    .index = index_.data()});
    Tensor<T>& noise = this->outputs[1].data;
    fill_gumbel<T>(context, {.count = noise.count(), .random = random_, .out = noise.data()});
    if (!context.on_host()) context.runtime->synchronize();
    std::copy_n(index_.data(), index_.count(), this->outputs[0].data.data());
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("categorical_sample: has no backward");
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> index, noise;
    for (int r = 0; r < setting_.rows; ++r) {
      const T* p = this->inputs[0].data.data() + std::int64_t{r} * setting_.columns;
      double highest = -INFINITY;
      index.push_back(-1);
      for (int k = 0; k < setting_.columns; ++k) {
        const double waiting_time = -std::log((random_.word(noise.size()) + 0.5) / 4294967296.0);
        noise.push_back(-std::log(waiting_time));
        const double sum = static_cast<double>(p[k]) + noise.back();
        if (std::isnan(sum) || sum <= highest) continue;
        highest = sum;
        index.back() = k;
      }
    }
    return {index, noise};
  }

  Cost cost() const override {
    const double rows = setting_.rows, elements = rows * setting_.columns;
    return {.forward_flops = (3 + 2) * elements, .forward_bytes = 2 * elements * sizeof(T) + 4 * rows};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  CategoricalSampleSetting setting_;
  PhiloxStream random_;
  Tensor<std::int32_t> index_;
};

OpCase categorical_sample_case(std::string name, bool tiny, CategoricalSampleSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<CategoricalSampleProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> categorical_sample_cases() {
  return {
      categorical_sample_case("one element", true, {.rows = 1, .columns = 1}),
      categorical_sample_case("no row", true, {.rows = 0, .columns = 5}),
      categorical_sample_case("a few", true, {.rows = 5, .columns = 3}),
      categorical_sample_case("nothing to draw", true, {.rows = 2, .columns = 4, .possible = 0}),
      categorical_sample_case("one possible", true, {.rows = 3, .columns = 40, .possible = 1}),
      categorical_sample_case("labels of a batch", false, {.rows = 34, .columns = 32}),
      categorical_sample_case("peaked, wider than a block", false, {.rows = 7, .columns = 301, .deviation = 12.0}),
      categorical_sample_case("words", false, {.rows = 5, .columns = 8217, .deviation = 2.0, .possible = 8209}),
  };
}

}  // namespace ethreed
