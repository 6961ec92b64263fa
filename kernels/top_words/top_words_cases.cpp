#include "kernels/common/operation.h"
#include "kernels/top_words/top_words.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

/// Log-probabilities are N(−9, 2) rounded to multiples of `step` (0: not rounded), so that some are equal. Words from
/// `possible` on (all of them where it is negative) have −∞. Word 2 and, if asked, word 1 are banned, word 0 always.
struct TopWordsSetting {
  int rows, words, k;
  bool ban_unknown = true;
  double step = 0.0;
  int possible = -1;
};

template <class T> class TopWordsProblem final : public OpProblem<T> {
 public:
  TopWordsProblem(const TopWordsSetting& s, std::uint64_t seed) : setting_(s) {
    this->inputs.push_back({"log_probability", random_tensor<T>({s.rows, s.words}, seed, 0, 2.0), false});
    std::span<T> values = this->inputs[0].data.span();
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] -= T{9};
      if (s.step > 0) values[i] = static_cast<T>(std::round(static_cast<double>(values[i]) / s.step) * s.step);
      if (s.possible >= 0 && static_cast<int>(i) % s.words >= s.possible)
        values[i] = -std::numeric_limits<T>::infinity();
    }
    this->outputs.push_back({"words", Tensor<T>({s.rows, s.k}), false});
    this->outputs.push_back({"log_probability", Tensor<T>({s.rows, s.k}), false});
    top_ = Tensor<std::int32_t>({s.rows, s.k});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    top_ = top_.clone(memory);
  }

  /// Word ids are integers whatever T is: the output is made from them.
  void forward(Context& context) override {
    top_words<T>(context, {.rows = setting_.rows,
                           .words = setting_.words,
                           .k = setting_.k,
                           .banned = banned(),
                           .fallback = fallback,
                           .log_probability = this->inputs[0].data.data(),
                           .top = top_.data(),
                           .top_log_probability = this->outputs[1].data.data()});
    if (!context.on_host()) context.runtime->synchronize();
    std::copy_n(top_.data(), top_.count(), this->outputs[0].data.data());
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("top_words: has no backward");
  }

  /// By sorting all words.
  std::vector<std::vector<double>> reference() const override {
    std::vector<double> words, values;
    for (int r = 0; r < setting_.rows; ++r) {
      const T* p = this->inputs[0].data.data() + std::int64_t{r} * setting_.words;
      std::vector<int> order(setting_.words);
      std::iota(order.begin(), order.end(), 0);
      const auto never = banned();
      std::erase_if(order, [&](int w) {
        return std::find(never.begin(), never.end(), w) != never.end() || p[w] == -std::numeric_limits<T>::infinity();
      });
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
      if (order.empty()) order.push_back(fallback);
      for (int i = 0; i < setting_.k; ++i) {
        const bool there = i < count_of(order);
        const int word = there ? order[i] : -1;
        words.push_back(word);
        values.push_back(there ? static_cast<double>(p[word]) : -INFINITY);
      }
    }
    return {words, values};
  }

  Cost cost() const override {
    const double rows = setting_.rows, words = setting_.words, k = setting_.k;
    return {.forward_flops = 2 * rows * words, .forward_bytes = rows * words * sizeof(T) + rows * k * (sizeof(T) + 4)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  static constexpr std::int32_t fallback = 3;  // EOS
  std::array<std::int32_t, 3> banned() const { return {0, 2, setting_.ban_unknown ? 1 : -1}; }

  TopWordsSetting setting_;
  Tensor<std::int32_t> top_;
};

OpCase top_words_case(std::string name, bool tiny, TopWordsSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<TopWordsProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> top_words_cases() {
  return {
      top_words_case("only EOS", true, {.rows = 1, .words = 4, .k = 1}),
      top_words_case("the likeliest of few", true, {.rows = 3, .words = 9, .k = 1}),
      top_words_case("unknown allowed", true, {.rows = 4, .words = 5, .k = 3, .ban_unknown = false}),
      top_words_case("more asked for than allowed", true, {.rows = 2, .words = 7, .k = 9}),
      top_words_case("nothing allowed", true, {.rows = 2, .words = 6, .k = 3, .possible = 3}),
      top_words_case("nothing allowed, one asked for", true, {.rows = 2, .words = 6, .k = 1, .possible = 0}),
      top_words_case("all equal", true, {.rows = 2, .words = 11, .k = 5, .step = 1000.0}),
      top_words_case("many equal, two rounds of selection", false, {.rows = 3, .words = 700, .k = 33, .step = 2.0}),
      top_words_case("greedy", false, {.rows = 17, .words = 8217, .k = 1}),
      top_words_case("a beam", false, {.rows = 68, .words = 8217, .k = 4, .step = 0.25}),
      top_words_case("sampling from 32", false, {.rows = 17, .words = 8217, .k = 32, .possible = 8209}),
      top_words_case("as many as a beam can be", false, {.rows = 2, .words = 8217, .k = 1000, .step = 0.01}),
  };
}

}  // namespace ethreed
