#include "kernels/pointer_mixture/pointer_mixture.h"
#include "kernels/pointer_mixture/pointer_rows.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

template <class T> class PointerMixtureProblem final : public OpProblem<T> {
 public:
  PointerMixtureProblem(const PointerSetting& setting, std::uint64_t seed)
      : vocabulary_(setting.vocabulary), rows_(setting.rows) {
    const RowLayout layout = rows_.layout();
    const std::int64_t tokens = layout.targets();
    this->inputs.push_back({"logits", random_logits<T>(setting, tokens, seed)});
    this->inputs.push_back({"gate_logit", random_gates<T>(setting, tokens, seed)});
    this->inputs.push_back({"weights", random_weights<T>(layout, seed, 2)});
    this->outputs.push_back({"log_probability", Tensor<T>({tokens})});
    lse_ = Tensor<math::LogSumExp<T>>({tokens});
    copy_mass_ = Tensor<T>({tokens});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    lse_ = lse_.clone(memory);
    copy_mass_ = copy_mass_.clone(memory);
  }

  void forward(Context& context) override { pointer_mixture_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    pointer_mixture_backward<T>(context, {.forward = arguments(),
                                          .dlog_probability = cotangents[0],
                                          .dlogits = gradients[0],
                                          .dgate_logit = gradients[1],
                                          .dweights = gradients[2]});
  }

  std::vector<std::vector<double>> reference() const override {
    const RowLayout layout = rows_.layout();
    std::vector<double> out;
    for (int r = 0; r < layout.rows(); ++r)
      for (int i = 0; i < layout.target_count(r); ++i) out.push_back(reference_of(layout, r, i));
    return {out};
  }

  Cost cost() const override {
    const RowLayout layout = rows_.layout();
    const double tokens = layout.targets(), words = vocabulary_, weights = static_cast<double>(layout.weights());
    double copied = 0, sources = 0;
    for (int r = 0; r < layout.rows(); ++r) {
      const auto words_of_row = std::span(rows_.source_ids).subspan(layout.source(r), layout.source_count(r));
      sources += layout.target_count(r) > 0 ? layout.source_count(r) : 0;
      for (int i = layout.target(r); i < layout.target(r + 1); ++i)
        copied += static_cast<double>(std::count(words_of_row.begin(), words_of_row.end(), rows_.targets[i]));
    }
    const double ids = 4.0 * (sources + layout.targets());
    return {.forward_flops = 3 * tokens * words + weights,
            .backward_flops = 3 * tokens * words + weights,
            .forward_bytes = (tokens * words + copied + 5 * tokens) * sizeof(T) + ids,
            .backward_bytes = (2 * tokens * words + weights + 7 * tokens) * sizeof(T) + ids,
            .saved_bytes = 3 * std::int64_t{layout.targets()} * static_cast<std::int64_t>(sizeof(T)),
            .workspace_bytes = 0};
  }
  std::int64_t saved_bytes() const override {
    return lse_.count() * static_cast<std::int64_t>(sizeof(math::LogSumExp<T>)) +
           copy_mass_.count() * static_cast<std::int64_t>(sizeof(T));
  }

 private:
  /// log(σ(z)·p + σ(−z)·copy), with the larger of the two terms taken out so that gates of ±80 stay finite.
  double reference_of(const RowLayout& layout, int r, int i) const {
    const int token = layout.target(r) + i;
    const T* logits = this->inputs[0].data.data() + std::int64_t{token} * vocabulary_;
    const std::int32_t word = rows_.targets[token];
    double high = -INFINITY, sum = 0, copy = 0;
    for (int k = 0; k < vocabulary_; ++k) high = std::max(high, static_cast<double>(logits[k]));
    for (int k = 0; k < vocabulary_; ++k) sum += std::exp(static_cast<double>(logits[k]) - high);
    for (int j = 0; j < layout.source_count(r); ++j)
      if (rows_.source_ids[layout.source(r) + j] == word)
        copy +=
            static_cast<double>(this->inputs[2].data[layout.weight(r) + std::int64_t{i} * layout.source_count(r) + j]);
    const double z = static_cast<double>(this->inputs[1].data[token]);
    const double generate = -std::log1p(std::exp(-z));
    const double point = -std::log1p(std::exp(z));
    const double a =
        word < vocabulary_ ? generate + static_cast<double>(logits[word]) - high - std::log(sum) : -INFINITY;
    const double b = copy > 0 ? point + std::log(copy) : -INFINITY;
    const double larger = std::max(a, b);
    return larger + std::log(std::exp(a - larger) + std::exp(b - larger));
  }

  PointerMixtureForward<T> arguments() {
    return {.layout = rows_.layout(),
            .vocabulary = vocabulary_,
            .logits = this->inputs[0].data.data(),
            .gate_logit = this->inputs[1].data.data(),
            .weights = this->inputs[2].data.data(),
            .source_ids = rows_.source_ids.data(),
            .targets = rows_.targets.data(),
            .log_probability = this->outputs[0].data.data(),
            .lse = lse_.data(),
            .copy_mass = copy_mass_.data()};
  }

  int vocabulary_;
  PointerRows rows_;
  Tensor<math::LogSumExp<T>> lse_;
  Tensor<T> copy_mass_;
};

OpCase pointer_mixture_case(std::string name, bool tiny, PointerSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<PointerMixtureProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> pointer_mixture_cases() {
  // V = 7: ids 7, 8, … are out of vocabulary.
  const std::vector<PointerRow> mixed = {{{4, 7, 5, 4, 3}, {4, 6, 7, 3}}, {{6, 3}, {5, 3}}, {{5}, {5}}};
  return {
      pointer_mixture_case("one source, one target word", true, {.vocabulary = 2, .rows = {{{0}, {0}}}}),
      pointer_mixture_case("three ragged rows", true, {.vocabulary = 7, .rows = mixed}),
      pointer_mixture_case("repeated source words", true,
                           {.vocabulary = 7, .rows = {{{4, 4, 8, 4, 8, 7, 4}, {4, 8, 7}}}}),
      pointer_mixture_case("target not in the source", true, {.vocabulary = 7, .rows = {{{4, 7, 3}, {5, 6}}}}),
      pointer_mixture_case("source all out of vocabulary", true,
                           {.vocabulary = 7, .rows = {{{7, 8, 9, 7}, {8, 7, 5, 3}}, {{7}, {7}}}}),
      pointer_mixture_case("target only EOS", true, {.vocabulary = 7, .rows = {{{4, 5, 3}, {3}}, {{4, 5}, {3}}}}),
      pointer_mixture_case("a row without targets", true,
                           {.vocabulary = 7, .rows = {{{4, 5}, {}}, {{4, 5, 3}, {4, 3}}, {{6}, {}}}}),
      pointer_mixture_case("p_gen at 1", true, {.vocabulary = 7, .rows = mixed, .gate_scale = 0, .gate_offset = 80}),
      pointer_mixture_case("p_gen at 0", true, {.vocabulary = 7, .rows = mixed, .gate_scale = 0, .gate_offset = -80}),
      pointer_mixture_case("large logits", true, {.vocabulary = 7, .rows = mixed, .logit_offset = 200}),
      pointer_mixture_case("dialogue", false, dialogue_setting(8209)),
  };
}

}  // namespace ethreed
