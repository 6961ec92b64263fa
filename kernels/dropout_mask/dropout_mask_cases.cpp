#include "kernels/common/operation.h"
#include "kernels/dropout_mask/dropout_mask.h"

namespace ethreed {

namespace {

/// One call of dropout_mask and one of fill_normal, both of `count` elements.
template <class T> class DropoutMaskProblem final : public OpProblem<T> {
 public:
  DropoutMaskProblem(int count, double probability, std::uint64_t seed) : probability_(probability), random_(seed, 5) {
    this->outputs.push_back({"mask", Tensor<T>({count}), false});
    this->outputs.push_back({"normal", Tensor<T>({count}), false});
  }

  void forward(Context& context) override {
    dropout_mask<T>(
        context,
        {.count = count(), .probability = probability_, .random = random_, .mask = this->outputs[0].data.data()});
    fill_normal<T>(context, {.count = count(), .random = random_, .out = this->outputs[1].data.data()});
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("dropout_mask: has no backward");
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<std::vector<double>> out(2);
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count()); ++i) {
      out[0].push_back(random_.uniform(i) < probability_ ? 0.0 : 1.0 / (1.0 - probability_));
      out[1].push_back(random_.normal(i));
    }
    return out;
  }

  Cost cost() const override {
    const auto n = static_cast<double>(count());
    return {.forward_flops = 6 * n, .forward_bytes = 2 * n * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  std::int64_t count() const { return this->outputs[0].data.count(); }

  double probability_;
  PhiloxStream random_;
};

OpCase dropout_case(std::string name, bool tiny, int count, double probability) {
  return make_case(std::move(name), tiny, [=]<class T>(std::uint64_t seed) {
    return std::make_unique<DropoutMaskProblem<T>>(count, probability, seed);
  });
}

}  // namespace

std::vector<OpCase> dropout_mask_cases() {
  return {
      dropout_case("one element", true, 1, 0.5),
      dropout_case("nothing dropped", true, 6, 0.0),
      dropout_case("a part of a block at the end", true, 11, 0.3),
      dropout_case("states of a batch", false, 2 * 17 * 300 + 3, 0.5),
  };
}

}  // namespace ethreed
