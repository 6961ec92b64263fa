#include "kernels/common/operation.h"
#include "kernels/global_norm/global_norm.h"

#include <cmath>

namespace ethreed {

namespace {

template <class T> class GlobalNormProblem final : public OpProblem<T> {
 public:
  GlobalNormProblem(int count, double scale, std::uint64_t seed) {
    this->inputs.push_back({"x", random_tensor<T>({count}, seed, 0, scale), false});
    this->outputs.push_back({"norm", Tensor<T>({1}), false});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    norm_ = norm_.clone(memory);
  }

  /// The norm is a double whatever T is: the output is rounded from it.
  void forward(Context& context) override {
    const Tensor<T>& x = this->inputs[0].data;
    global_norm<T>(context, {.count = x.count(), .x = x.data(), .norm = norm_.data()});
    if (!context.on_host()) context.runtime->synchronize();
    this->outputs[0].data[0] = static_cast<T>(norm_[0]);
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("global_norm: has no backward");
  }

  std::vector<std::vector<double>> reference() const override {
    long double sum = 0;
    for (const T x : this->inputs[0].data.span()) sum += static_cast<long double>(x) * static_cast<long double>(x);
    return {{static_cast<double>(std::sqrt(sum))}};
  }

  Cost cost() const override {
    const std::int64_t n = this->inputs[0].data.count();
    const std::int64_t chunks = (n + global_norm_chunk - 1) / global_norm_chunk;
    return {.forward_flops = 2.0 * static_cast<double>(n),
            .forward_bytes = static_cast<double>(n) * sizeof(T) + 8,
            .workspace_bytes = (8 * chunks + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  Tensor<double> norm_{Shape{1}};
};

OpCase norm_case(std::string name, bool tiny, int count, double scale = 1.0) {
  return make_case(std::move(name), tiny, [=]<class T>(std::uint64_t seed) {
    return std::make_unique<GlobalNormProblem<T>>(count, scale, seed);
  });
}

}  // namespace

std::vector<OpCase> global_norm_cases() {
  return {
      norm_case("one element", true, 1),
      norm_case("nineteen elements", true, 19),
      norm_case("zeros", true, 5, 0.0),
      norm_case("squares beyond the range of float", true, 40, 1e25),
      norm_case("several chunks", false, 200'003),
  };
}

}  // namespace ethreed
