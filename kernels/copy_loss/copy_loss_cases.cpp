#include "kernels/common/operation.h"
#include "kernels/copy_loss/copy_loss.h"
#include "kernels/pointer_mixture/pointer_rows.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

struct CopyLossSetting {
  PointerSetting pointer;
  double smoothing = 0.1;
  std::int32_t excluded = -1;
};

template <class T> class CopyLossProblem final : public OpProblem<T> {
 public:
  CopyLossProblem(const CopyLossSetting& setting, std::uint64_t seed) : setting_(setting), rows_(setting.pointer.rows) {
    const RowLayout layout = rows_.layout();
    const std::int64_t tokens = layout.targets();
    this->inputs.push_back({"logits", random_logits<T>(setting.pointer, tokens, seed)});
    this->inputs.push_back({"gate_logit", random_gates<T>(setting.pointer, tokens, seed)});
    this->inputs.push_back({"weights", random_weights<T>(layout, seed, 2)});
    this->outputs.push_back({"loss", Tensor<T>({tokens})});
    this->outputs.push_back({"nll", Tensor<T>({tokens}), false});
    lse_ = Tensor<math::LogSumExp<T>>({tokens});
    rate_ = Tensor<T>({layout.weights()});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    lse_ = lse_.clone(memory);
    rate_ = rate_.clone(memory);
  }

  void forward(Context& context) override { copy_loss_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    copy_loss_backward<T>(context, {.forward = arguments(),
                                    .dloss = cotangents[0],
                                    .dlogits = gradients[0],
                                    .dgate_logit = gradients[1],
                                    .dweights = gradients[2]});
  }

  // By the words' probabilities, one after the other.
  std::vector<std::vector<double>> reference() const override {
    const RowLayout layout = rows_.layout();
    const int words = setting_.pointer.vocabulary, excluded = setting_.excluded;
    const double smoothing = static_cast<double>(static_cast<T>(setting_.smoothing));
    std::vector<double> loss, nll;
    for (int r = 0; r < layout.rows(); ++r)
      for (int i = 0; i < layout.target_count(r); ++i) {
        const std::vector<double> log_p = log_probabilities(layout, r, i);
        const int target = rows_.targets[static_cast<std::size_t>(layout.target(r) + i)];
        loss.push_back(0);
        nll.push_back(0);
        if (target < 0 || target == excluded) continue;
        for (int v = 0; v < words; ++v) {
          // As another's neighbour, also where the target is a word from V on.
          const double wanted = v == target     ? 1 - smoothing
                                : v == excluded ? 0
                                                : smoothing / (excluded < 0 ? words - 1 : words - 2);
          if (wanted > 0) loss.back() += wanted * (std::log(wanted) - log_p[static_cast<std::size_t>(v)]);
        }
        nll.back() = -log_p[static_cast<std::size_t>(target)];
        if (target >= words) loss.back() += (1 - smoothing) * (std::log(1 - smoothing) + nll.back());
      }
    return {loss, nll};
  }

  Cost cost() const override {
    const RowLayout layout = rows_.layout();
    const double tokens = layout.targets(), words = setting_.pointer.vocabulary,
                 weights = static_cast<double>(layout.weights());
    double counted = 0, copied = 0, sources = 0;  // L, W', S'
    for (int r = 0; r < layout.rows(); ++r) {
      sources += layout.target_count(r) > 0 ? layout.source_count(r) : 0;
      const auto source = std::span(rows_.source_ids).subspan(layout.source(r), layout.source_count(r));
      const auto of_source = std::count_if(source.begin(), source.end(), [](std::int32_t id) { return id >= 0; });
      for (int token = layout.target(r); token < layout.target(r + 1); ++token) {
        const std::int32_t target = rows_.targets[static_cast<std::size_t>(token)];
        if (target < 0 || target == setting_.excluded) continue;
        ++counted;
        copied += static_cast<double>(of_source);
      }
    }
    const double ids = 4 * (sources + tokens);
    return {
        .forward_flops = (setting_.smoothing > 0 ? 5 : 3) * counted * words,
        .backward_flops = 4 * counted * words,
        .forward_bytes = (counted * words + counted + copied + weights + 4 * tokens) * sizeof(T) + ids,
        .backward_bytes = ((tokens + counted) * words + 4 * counted + tokens + 2 * copied + weights) * sizeof(T) + ids,
        .saved_bytes = (layout.weights() + 2 * std::int64_t{layout.targets()}) * std::int64_t{sizeof(T)}};
  }
  std::int64_t saved_bytes() const override {
    return lse_.count() * static_cast<std::int64_t>(sizeof(math::LogSumExp<T>)) +
           rate_.count() * static_cast<std::int64_t>(sizeof(T));
  }

 private:
  /// log(σ(z)·π_v + σ(−z)·c_v) of every word, those from V on, too, with the larger of the two terms taken out so that
  /// gates of ±80 stay finite.
  std::vector<double> log_probabilities(const RowLayout& layout, int r, int i) const {
    const int token = layout.target(r) + i, words = setting_.pointer.vocabulary;
    const T* logits = this->inputs[0].data.data() + std::int64_t{token} * words;
    double high = -INFINITY, sum = 0;
    for (int v = 0; v < words; ++v) high = std::max(high, static_cast<double>(logits[v]));
    for (int v = 0; v < words; ++v) sum += std::exp(static_cast<double>(logits[v]) - high);
    int all = words;
    for (const std::int32_t id : rows_.source_ids) all = std::max(all, id + 1);
    std::vector<double> copy(static_cast<std::size_t>(all), 0.0), out;
    for (int j = 0; j < layout.source_count(r); ++j)
      if (const std::int32_t id = rows_.source_ids[static_cast<std::size_t>(layout.source(r) + j)]; id >= 0)
        copy[static_cast<std::size_t>(id)] +=
            static_cast<double>(this->inputs[2].data[layout.weight(r) + std::int64_t{i} * layout.source_count(r) + j]);
    const double z = static_cast<double>(this->inputs[1].data[token]);
    for (int v = 0; v < all; ++v) {
      const double c = copy[static_cast<std::size_t>(v)];
      const double a =
          v < words ? -std::log1p(std::exp(-z)) + static_cast<double>(logits[v]) - high - std::log(sum) : -INFINITY;
      const double b = c > 0 ? -std::log1p(std::exp(z)) + std::log(c) : -INFINITY, larger = std::max(a, b);
      out.push_back(larger + std::log(std::exp(a - larger) + std::exp(b - larger)));
    }
    return out;
  }

  CopyLossForward<T> arguments() {
    const RowLayout layout = rows_.layout();
    return {.layout = layout,
            .vocabulary = setting_.pointer.vocabulary,
            .smoothing = static_cast<T>(setting_.smoothing),
            .excluded = setting_.excluded,
            .logits = this->inputs[0].data.data(),
            .targets = rows_.targets.data(),
            .loss = this->outputs[0].data.data(),
            .nll = this->outputs[1].data.data(),
            .lse = lse_.data(),
            .gate_logit = this->inputs[1].data.data(),
            .weights = this->inputs[2].data.data(),
            .source_ids = rows_.source_ids.data(),
            .rate = rate_.data()};
  }

  CopyLossSetting setting_;
  PointerRows rows_;
  Tensor<math::LogSumExp<T>> lse_;
  Tensor<T> rate_;
};

OpCase copy_loss_case(std::string name, bool tiny, CopyLossSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<CopyLossProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> copy_loss_cases() {
  const std::vector<PointerRow> mixed = {{{4, -1, 5, 4, 3}, {4, 6, 0, 3}}, {{6, 3}, {5, 3}}, {{5}, {5}}};
  return {
      copy_loss_case("one source, one target word", true, {{.vocabulary = 2, .rows = {{{0}, {0}}}}}),
      copy_loss_case("three ragged rows", true, {{.vocabulary = 7, .rows = mixed}, 0.1, 1}),
      copy_loss_case("not smoothed", true, {{.vocabulary = 7, .rows = mixed}, 0.0}),
      copy_loss_case("repeated source words", true, {{.vocabulary = 7, .rows = {{{4, 4, 2, 4, 2, 0, 4}, {4, 2, 6}}}}}),
      copy_loss_case("target not in the source", true, {{.vocabulary = 7, .rows = {{{4, 0, 3}, {5, 6}}}}, 0.3, 2}),
      copy_loss_case("the excluded word is in the source", true,
                     {{.vocabulary = 7, .rows = {{{4, 1, 1}, {4, 5}}}}, 0.1, 1}),
      copy_loss_case("a source of no words", true, {{.vocabulary = 7, .rows = {{{-1, -1}, {5, 3}}}}, 0.1, 1}),
      copy_loss_case("tokens that count nothing", true,
                     {{.vocabulary = 7, .rows = {{{4, 5, 3}, {-1, 4, 1}}, {{4}, {1}}}}, 0.1, 1}),
      copy_loss_case("a row without targets", true,
                     {{.vocabulary = 7, .rows = {{{4, 5}, {}}, {{4, 5, 3}, {4, 3}}, {{6}, {}}}}, 0.1, 1}),
      copy_loss_case("nearly never copied", true,
                     {{.vocabulary = 7, .rows = mixed, .gate_scale = 0, .gate_offset = 80}, 0.1, 1}),
      copy_loss_case("large logits", true, {{.vocabulary = 7, .rows = mixed, .logit_offset = 200}, 0.1, 1}),
      copy_loss_case("words that the vocabulary lacks", true,
                     {{.vocabulary = 7, .rows = {{{4, 8, 7, -1, 8}, {8, 7, 4, 6}}, {{7}, {7, 3}}}}, 0.1, 1}),
      copy_loss_case("words that the vocabulary lacks, no excluded one", true,
                     {{.vocabulary = 7, .rows = {{{4, 8, 7, -1, 8}, {8, 7, 4, 6}}, {{7}, {7, 3}}}}, 0.2}),
      copy_loss_case("words that the vocabulary lacks, not smoothed", true,
                     {{.vocabulary = 7, .rows = {{{4, 8, 7, 8}, {8, 7, 4}}, {{7}, {7, 3}}}}, 0.0}),
      copy_loss_case("no row", false, {{.vocabulary = 9, .rows = {{{4}, {}}}}, 0.1, 1}),
      copy_loss_case("dialogue", false, {.pointer = dialogue_setting(8209), .excluded = 0}),
  };
}

}  // namespace ethreed
