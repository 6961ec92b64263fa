#include "kernels/pointer_distribution/pointer_distribution.h"
#include "kernels/pointer_mixture/pointer_rows.h"

#include <cmath>

namespace ethreed {

namespace {

template <class T> class PointerDistributionProblem final : public OpProblem<T> {
 public:
  PointerDistributionProblem(const PointerSetting& setting, std::uint64_t seed)
      : vocabulary_(setting.vocabulary), rows_(setting.rows), extra_(extra_words(rows_.source_ids, vocabulary_)) {
    const RowLayout layout = rows_.layout();
    const std::int64_t tokens = layout.targets();
    this->inputs.push_back({"logits", random_logits<T>(setting, tokens, seed), false});
    this->inputs.push_back({"gate_logit", random_gates<T>(setting, tokens, seed), false});
    this->inputs.push_back({"weights", random_weights<T>(layout, seed, 2), false});
    this->outputs.push_back({"log_probability", Tensor<T>({tokens, vocabulary_ + extra_}), false});
  }

  void forward(Context& context) override {
    pointer_distribution_forward<T>(context, {.layout = rows_.layout(),
                                              .vocabulary = vocabulary_,
                                              .extra = extra_,
                                              .logits = this->inputs[0].data.data(),
                                              .gate_logit = this->inputs[1].data.data(),
                                              .weights = this->inputs[2].data.data(),
                                              .source_ids = rows_.source_ids.data(),
                                              .out = this->outputs[0].data.data()});
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("pointer_distribution: has no backward");
  }

  /// In long double probabilities, whose range holds gates of ±80 without logarithms.
  std::vector<std::vector<double>> reference() const override {
    const RowLayout layout = rows_.layout();
    std::vector<double> out;
    for (int r = 0; r < layout.rows(); ++r)
      for (int i = 0; i < layout.target_count(r); ++i) {
        const int token = layout.target(r) + i;
        const T* logits = this->inputs[0].data.data() + std::int64_t{token} * vocabulary_;
        const auto z = static_cast<long double>(this->inputs[1].data[token]);
        std::vector<long double> p(vocabulary_ + extra_, 0.0L);
        long double sum = 0;
        for (int k = 0; k < vocabulary_; ++k) sum += std::exp(static_cast<long double>(logits[k]));
        for (int k = 0; k < vocabulary_; ++k)
          p[k] = std::exp(static_cast<long double>(logits[k])) / sum / (1 + std::exp(-z));
        for (int j = 0; j < layout.source_count(r); ++j)
          p[rows_.source_ids[layout.source(r) + j]] +=
              static_cast<long double>(
                  this->inputs[2].data[layout.weight(r) + std::int64_t{i} * layout.source_count(r) + j]) /
              (1 + std::exp(z));
        for (const long double probability : p) out.push_back(static_cast<double>(std::log(probability)));
      }
    return {out};
  }

  Cost cost() const override {
    const RowLayout layout = rows_.layout();
    const double tokens = layout.targets(), words = vocabulary_, weights = static_cast<double>(layout.weights());
    return {.forward_flops = 5 * tokens * words + 6 * weights,
            .forward_bytes =
                (2 * tokens * words + tokens * extra_ + weights + tokens) * sizeof(T) + 4.0 * layout.sources()};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int vocabulary_;
  PointerRows rows_;
  int extra_;
};

OpCase pointer_distribution_case(std::string name, bool tiny, PointerSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<PointerDistributionProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> pointer_distribution_cases() {
  // V = 7. Rows with fewer out-of-vocabulary words than `extra` have entries of −∞.
  const std::vector<PointerRow> beam = {{{4, 7, 5, 4, 8, 7}, {4, 6, 7}}, {{6, 7, 3}, {5, 3}}, {{5}, {5}}};
  return {
      pointer_distribution_case("no word out of vocabulary", true,
                                {.vocabulary = 7, .rows = {{{4, 5, 4, 3}, {3}}, {{6}, {3}}}}),
      pointer_distribution_case("repeated and out-of-vocabulary words", true, {.vocabulary = 7, .rows = beam}),
      pointer_distribution_case("source all out of vocabulary", true,
                                {.vocabulary = 7, .rows = {{{7, 8, 7, 9}, {3}}, {{7}, {3}}}}),
      pointer_distribution_case("p_gen at 1", true,
                                {.vocabulary = 7, .rows = beam, .gate_scale = 0, .gate_offset = 80}),
      pointer_distribution_case("p_gen at 0", true,
                                {.vocabulary = 7, .rows = beam, .gate_scale = 0, .gate_offset = -80}),
      pointer_distribution_case("dialogue", false, dialogue_setting(8209)),
  };
}

}  // namespace ethreed
