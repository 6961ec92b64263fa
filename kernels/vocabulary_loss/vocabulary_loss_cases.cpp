#include "kernels/common/operation.h"
#include "kernels/vocabulary_loss/vocabulary_loss.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

struct VocabularyLossSetting {
  int vocabulary;
  std::vector<std::int32_t> targets;
  double smoothing = 0.1;
  std::int32_t excluded = -1;
  double offset = 0.0;  ///< added to every logit
};

template <class T> class VocabularyLossProblem final : public OpProblem<T> {
 public:
  VocabularyLossProblem(const VocabularyLossSetting& setting, std::uint64_t seed) : setting_(setting) {
    this->inputs.push_back({"logits", random_tensor<T>({rows(), setting.vocabulary}, seed, 0, 2.0)});
    for (T& logit : this->inputs[0].data.span()) logit += static_cast<T>(setting.offset);
    this->outputs.push_back({"loss", Tensor<T>({rows()})});
    this->outputs.push_back({"nll", Tensor<T>({rows()}), false});
    lse_ = Tensor<math::LogSumExp<T>>({rows()});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    lse_ = lse_.clone(memory);
  }

  void forward(Context& context) override { vocabulary_loss_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    vocabulary_loss_backward<T>(context, {.forward = arguments(), .dloss = cotangents[0], .dlogits = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    const int words = setting_.vocabulary, excluded = setting_.excluded;
    const double smoothing = static_cast<double>(static_cast<T>(setting_.smoothing));
    std::vector<double> loss, nll;
    for (int i = 0; i < rows(); ++i) {
      const T* logits = this->inputs[0].data.data() + std::int64_t{i} * words;
      const int target = setting_.targets[static_cast<std::size_t>(i)];
      loss.push_back(0);
      nll.push_back(0);
      if (target < 0 || target == excluded) continue;
      double high = -INFINITY, sum = 0;
      for (int v = 0; v < words; ++v) high = std::max(high, static_cast<double>(logits[v]));
      for (int v = 0; v < words; ++v) sum += std::exp(static_cast<double>(logits[v]) - high);
      for (int v = 0; v < words; ++v) {
        const double log_probability = static_cast<double>(logits[v]) - high - std::log(sum);
        const double wanted = v == target     ? 1 - smoothing
                              : v == excluded ? 0
                                              : smoothing / (excluded < 0 ? words - 1 : words - 2);
        if (wanted > 0) loss.back() += wanted * (std::log(wanted) - log_probability);
        if (v == target) nll.back() = -log_probability;
      }
    }
    return {loss, nll};
  }

  Cost cost() const override {
    const double rows = this->rows(), words = setting_.vocabulary;
    const auto counted =
        static_cast<double>(std::count_if(setting_.targets.begin(), setting_.targets.end(), [&](std::int32_t target) {
          return target >= 0 && target != setting_.excluded;
        }));
    return {.forward_flops = (setting_.smoothing > 0 ? 5 : 3) * counted * words,
            .backward_flops = 4 * counted * words,
            .forward_bytes = (counted * words + 4 * rows) * sizeof(T) + 4 * rows,
            .backward_bytes = ((rows + counted) * words + 3 * counted) * sizeof(T) + 4 * rows,
            .saved_bytes = 2 * std::int64_t{this->rows()} * static_cast<std::int64_t>(sizeof(T))};
  }
  std::int64_t saved_bytes() const override {
    return lse_.count() * static_cast<std::int64_t>(sizeof(math::LogSumExp<T>));
  }

 private:
  int rows() const { return static_cast<int>(setting_.targets.size()); }
  VocabularyLossForward<T> arguments() {
    return {.rows = rows(),
            .vocabulary = setting_.vocabulary,
            .smoothing = static_cast<T>(setting_.smoothing),
            .excluded = setting_.excluded,
            .logits = this->inputs[0].data.data(),
            .targets = setting_.targets.data(),
            .loss = this->outputs[0].data.data(),
            .nll = this->outputs[1].data.data(),
            .lse = lse_.data()};
  }

  VocabularyLossSetting setting_;
  Tensor<math::LogSumExp<T>> lse_;
};

OpCase vocabulary_loss_case(std::string name, bool tiny, VocabularyLossSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<VocabularyLossProblem<T>>(setting, seed);
  });
}

/// Words of a batch, every tenth of them of no row.
std::vector<std::int32_t> random_targets(int rows, int vocabulary) {
  std::vector<std::int32_t> targets;
  const PhiloxStream random(7, 0);
  for (int i = 0; i < rows; ++i)
    targets.push_back(i % 10 == 9 ? -1
                                  : static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary),
                                                                           static_cast<std::uint64_t>(i))));
  return targets;
}

}  // namespace

std::vector<OpCase> vocabulary_loss_cases() {
  return {
      vocabulary_loss_case("two words", true, {2, {1, 0}}),
      vocabulary_loss_case("three words, one excluded", true, {3, {0, 2}, 0.1, 1}),
      vocabulary_loss_case("not smoothed", true, {5, {3, 0, 4}, 0.0}),
      vocabulary_loss_case("not smoothed, one excluded", true, {5, {3, 0, 4}, 0.0, 2}),
      vocabulary_loss_case("smoothed, one excluded", true, {6, {3, 0, 5}, 0.1, 1}),
      vocabulary_loss_case("rows that count nothing", true, {6, {3, -1, 1, 0, 1}, 0.3, 1}),
      vocabulary_loss_case("no row counts", true, {4, {-1, 2}, 0.1, 2}),
      vocabulary_loss_case("large logits", true, {7, {6, 2}, 0.1, 1, 200.0}),
      vocabulary_loss_case("no row", false, {9, {}}),
      vocabulary_loss_case("whole vectors", false, {8192, {8191, 0, 17}, 0.1, 0}),
      vocabulary_loss_case("words of a batch, an odd number of them", false,
                           {24'993, random_targets(11, 24'993), 0.1, 1}),
  };
}

}  // namespace ethreed
