#include "kernels/common/operation.h"
#include "kernels/dropout_mask/dropout_mask.h"

namespace ethreed {

namespace {

/// One call of dropout_masks, a mask for each of `counts`, and one of fill_normal, of the first count.
template <class T> class DropoutMaskProblem final : public OpProblem<T> {
 public:
  DropoutMaskProblem(const std::vector<int>& counts, double probability, std::uint64_t seed)
      : masks_(counts.size()), probability_(probability), seed_(seed) {
    for (std::size_t k = 0; k < masks_; ++k)
      this->outputs.push_back({"mask" + std::to_string(k), Tensor<T>({counts[k]}), false});
    this->outputs.push_back({"normal", Tensor<T>({counts[0]}), false});
  }

  void forward(Context& context) override {
    DropoutMasks<T> args{.masks = static_cast<int>(masks_), .probability = probability_};
    for (std::size_t k = 0; k < masks_; ++k)
      args.mask[k] = {.count = count(k), .random = random(k), .mask = this->outputs[k].data.data()};
    dropout_masks(context, args);
    fill_normal<T>(context, {.count = count(0), .random = random(0), .out = this->outputs[masks_].data.data()});
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("dropout_mask: has no backward");
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<std::vector<double>> out(masks_ + 1);
    for (std::size_t k = 0; k < masks_; ++k)
      for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count(k)); ++i)
        out[k].push_back(random(k).uniform(i) < probability_ ? 0.0 : 1.0 / (1.0 - probability_));
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count(0)); ++i) out[masks_].push_back(random(0).normal(i));
    return out;
  }

  Cost cost() const override {
    double drawn = 0;
    for (std::size_t k = 0; k < masks_; ++k) drawn += static_cast<double>(count(k));
    const auto normal = static_cast<double>(count(0));
    return {.forward_flops = drawn + 5 * normal, .forward_bytes = (drawn + normal) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  std::int64_t count(std::size_t k) const { return this->outputs[k].data.count(); }
  PhiloxStream random(std::size_t k) const { return {seed_, 5 + k}; }

  std::size_t masks_;
  double probability_;
  std::uint64_t seed_;
};

OpCase dropout_case(std::string name, bool tiny, std::vector<int> counts, double probability) {
  return make_case(std::move(name), tiny, [counts, probability]<class T>(std::uint64_t seed) {
    return std::make_unique<DropoutMaskProblem<T>>(counts, probability, seed);
  });
}

}  // namespace

std::vector<OpCase> dropout_mask_cases() {
  return {
      dropout_case("one element", true, {1}, 0.5),
      dropout_case("nothing dropped", true, {6}, 0.0),
      dropout_case("a part of a block at the end", true, {11}, 0.3),
      dropout_case("three elements more than blocks are full of, nothing dropped", false, {4 * 256 * 2 + 3}, 0.0),
      dropout_case("masks of different sizes, one of them empty", true, {5, 0, 13, 1}, 0.4),
      dropout_case("states of a batch", false, {2 * 17 * 300 + 3, 2 * 17 * 300, 2 * 17 * 300, 17 * 300}, 0.5),
  };
}

}  // namespace ethreed
