#include "kernels/common/operation.h"
#include "kernels/slice_columns/slice_columns.h"

namespace ethreed {

namespace {

struct SliceColumnsSetting {
  int rows;
  int columns;
  int first;
  int count;
};

template <class T> class SliceColumnsProblem final : public OpProblem<T> {
 public:
  SliceColumnsProblem(const SliceColumnsSetting& setting, std::uint64_t seed) : setting_(setting) {
    this->inputs.push_back({"x", random_tensor<T>({setting.rows, setting.columns}, seed, 0)});
    this->outputs.push_back({"y", Tensor<T>({setting.rows, setting.count})});
  }

  void forward(Context& context) override { slice_columns_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    slice_columns_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    for (std::int64_t k = 0; k < this->inputs[0].data.count(); ++k) {
      const std::int64_t column = k % setting_.columns;
      if (column >= setting_.first && column < setting_.first + setting_.count)
        y.push_back(static_cast<double>(this->inputs[0].data[k]));
    }
    return {y};
  }

  Cost cost() const override {
    const double rows = setting_.rows, columns = setting_.columns, count = setting_.count;
    return {.forward_bytes = 2 * rows * count * sizeof(T),
            .backward_bytes = (rows * count + rows * columns) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  SliceColumnsForward<T> arguments() {
    return {.rows = setting_.rows,
            .columns = setting_.columns,
            .first = setting_.first,
            .count = setting_.count,
            .x = this->inputs[0].data.data(),
            .y = this->outputs[0].data.data()};
  }

  SliceColumnsSetting setting_;
};

OpCase slice_columns_case(std::string name, bool tiny, SliceColumnsSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<SliceColumnsProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> slice_columns_cases() {
  return {
      slice_columns_case("one element, itself", true, {1, 1, 0, 1}),
      slice_columns_case("the first columns", true, {3, 5, 0, 2}),
      slice_columns_case("columns within", true, {3, 5, 1, 3}),
      slice_columns_case("the last column", true, {4, 3, 2, 1}),
      slice_columns_case("all columns", true, {2, 4, 0, 4}),
      slice_columns_case("no row", false, {0, 5, 1, 3}),
      slice_columns_case("no column", false, {3, 5, 5, 0}),
      slice_columns_case("a gate of a batch", false, {34, 900, 300, 300}),
      slice_columns_case("an odd width from an odd column", false, {71, 603, 301, 151}),
      slice_columns_case("a row longer than a chunk", false, {2, 24'993, 7, 20'001}),
  };
}

}  // namespace ethreed
