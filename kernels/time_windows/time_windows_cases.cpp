#include "kernels/common/operation.h"
#include "kernels/time_windows/time_windows.h"

#include <algorithm>
#include <cstdlib>

namespace ethreed {

namespace {

struct TimeWindowsSetting {
  std::vector<int> lengths;  ///< of the segments
  int columns;
  int width;
  int left;
};

template <class T> class TimeWindowsProblem final : public OpProblem<T> {
 public:
  TimeWindowsProblem(const TimeWindowsSetting& setting, std::uint64_t seed) : setting_(setting) {
    for (const int length : setting.lengths) offsets_.push_back(offsets_.back() + length);
    this->inputs.push_back({"x", random_tensor<T>({rows(), setting.columns}, seed, 0)});
    this->outputs.push_back({"y", Tensor<T>({rows(), setting.width * setting.columns})});
  }

  void forward(Context& context) override { time_windows_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    time_windows_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    // Every segment between zeros.
    std::vector<double> y;
    const auto columns = static_cast<std::size_t>(setting_.columns), width = static_cast<std::size_t>(setting_.width);
    const T* x = this->inputs[0].data.data();
    for (const int length : setting_.lengths) {
      const std::vector<double> zeros(columns * width, 0.0);
      std::vector<double> padded(zeros.begin(), zeros.begin() + setting_.left * setting_.columns);
      for (int k = 0; k < length * setting_.columns; ++k) padded.push_back(static_cast<double>(*x++));
      padded.insert(padded.end(), zeros.begin(), zeros.end());
      for (int t = 0; t < length; ++t)
        for (std::size_t k = 0; k < columns * width; ++k)
          y.push_back(padded[static_cast<std::size_t>(t) * columns + k]);
    }
    return {y};
  }

  Cost cost() const override {
    const double elements = static_cast<double>(rows()) * setting_.columns;
    double neighbours = 0;
    for (const int length : setting_.lengths)
      for (int o = 0; o < setting_.width; ++o) neighbours += std::max(0, length - std::abs(o - setting_.left));
    return {.forward_flops = 0,
            .backward_flops = neighbours * setting_.columns,
            .forward_bytes = (1 + setting_.width) * elements * sizeof(T),
            .backward_bytes = (neighbours * setting_.columns + elements) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int rows() const { return offsets_.back(); }
  TimeWindowsForward<T> arguments() {
    return {.offsets = offsets_,
            .columns = setting_.columns,
            .width = setting_.width,
            .left = setting_.left,
            .x = this->inputs[0].data.data(),
            .y = this->outputs[0].data.data()};
  }

  TimeWindowsSetting setting_;
  std::vector<std::int32_t> offsets_{0};
};

OpCase time_windows_case(std::string name, bool tiny, TimeWindowsSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<TimeWindowsProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> time_windows_cases() {
  return {
      time_windows_case("one element, itself", true, {{1}, 1, 1, 0}),
      time_windows_case("one row between zeros", true, {{1}, 3, 3, 1}),
      time_windows_case("to both sides", true, {{4, 1, 2}, 3, 3, 1}),
      time_windows_case("causal", true, {{4, 1, 2}, 3, 3, 2}),
      time_windows_case("ahead only", true, {{3, 2}, 2, 2, 0}),
      time_windows_case("wider than its segments, some empty", true, {{0, 2, 0, 0, 3, 1, 0}, 2, 5, 1}),
      time_windows_case("no row", false, {{0, 0}, 4, 3, 1}),
      time_windows_case("no segment", false, {{}, 4, 3, 1}),
      time_windows_case("words of a batch", false, {{36, 12, 80, 7, 1, 30, 65}, 300, 3, 1}),
      time_windows_case("inner states of a batch, causal", false, {{14, 29, 6, 1, 44, 9}, 50, 3, 2}),
      time_windows_case("an odd width", false, {{19, 40}, 301, 4, 2}),
  };
}

}  // namespace ethreed
