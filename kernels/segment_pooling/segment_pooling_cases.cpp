#include "kernels/common/operation.h"
#include "kernels/segment_pooling/segment_pooling.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

using enum SegmentReduction;

struct SegmentPoolingSetting {
  SegmentReduction reduction;
  std::vector<int> lengths;  ///< of the segments
  int columns;
};

template <class T> class SegmentPoolingProblem final : public OpProblem<T> {
 public:
  SegmentPoolingProblem(const SegmentPoolingSetting& setting, std::uint64_t seed)
      : setting_(setting), chosen_({segments(), setting.columns}) {
    for (const int length : setting.lengths) offsets_.push_back(offsets_.back() + length);
    this->inputs.push_back({"x", random_tensor<T>({rows(), setting.columns}, seed, 0)});
    if (setting.reduction == max) raise_maxima();
    this->outputs.push_back({"y", Tensor<T>({segments(), setting.columns})});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    chosen_ = chosen_.clone(memory);
  }

  void forward(Context& context) override { segment_pooling_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    segment_pooling_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    for (std::size_t s = 0; s + 1 < offsets_.size(); ++s)
      for (int c = 0; c < setting_.columns; ++c) {
        std::vector<double> column;
        for (int j = offsets_[s]; j < offsets_[s + 1]; ++j) column.push_back(static_cast<double>(x(j, c)));
        y.push_back(reduced(column));
      }
    return {y};
  }

  Cost cost() const override {
    const double d = setting_.columns, r = rows(), s = segments();
    const auto n = static_cast<double>(segments() - std::ranges::count(setting_.lengths, 0));
    const SegmentReduction how = setting_.reduction;
    const double picked = how == max ? 4 * d : 0;
    return {.forward_flops = how == sum    ? r * d
                             : how == mean ? (r + n) * d
                                           : 0,
            .backward_flops = how == mean ? r * d : 0,
            .forward_bytes = ((how == last ? n : r) + s) * d * sizeof(T) + picked * s,
            .backward_bytes = (r + n) * d * sizeof(T) + picked * n,
            .saved_bytes = saved_bytes()};
  }
  std::int64_t saved_bytes() const override {
    return setting_.reduction == max ? chosen_.count() * std::int64_t{sizeof(std::int32_t)} : 0;
  }

 private:
  int segments() const { return count_of(setting_.lengths); }
  int rows() const { return offsets_.back(); }
  T x(int row, int column) const { return this->inputs[0].data[std::int64_t{row} * setting_.columns + column]; }

  double reduced(const std::vector<double>& column) const {
    if (column.empty()) return 0;
    if (setting_.reduction == last) return column.back();
    if (setting_.reduction == max) return *std::max_element(column.begin(), column.end());
    double total = 0;
    for (const double value : column) total += value;
    return setting_.reduction == mean ? total / static_cast<double>(column.size()) : total;
  }

  /// Keeps clear of the kink where two rows are equal.
  void raise_maxima() {
    for (std::size_t s = 0; s + 1 < offsets_.size(); ++s)
      for (int c = 0; c < setting_.columns && offsets_[s] < offsets_[s + 1]; ++c) {
        int row = offsets_[s];
        for (int j = row; j < offsets_[s + 1]; ++j) row = x(j, c) > x(row, c) ? j : row;
        this->inputs[0].data[std::int64_t{row} * setting_.columns + c] += T{0.25};
      }
  }

  SegmentPoolingForward<T> arguments() {
    return {.reduction = setting_.reduction,
            .offsets = offsets_,
            .columns = setting_.columns,
            .x = this->inputs[0].data.data(),
            .chosen = setting_.reduction == max ? chosen_.data() : nullptr,
            .y = this->outputs[0].data.data()};
  }

  SegmentPoolingSetting setting_;
  std::vector<std::int32_t> offsets_{0};
  Tensor<std::int32_t> chosen_;
};

OpCase segment_pooling_case(std::string name, bool tiny, SegmentPoolingSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<SegmentPoolingProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> segment_pooling_cases() {
  std::vector<OpCase> cases;
  for (const auto& [reduction, name] :
       {std::pair(sum, "sum"), std::pair(mean, "mean"), std::pair(max, "max"), std::pair(last, "last")}) {
    const auto add = [&cases, &how = reduction, prefix = std::string(name) + ", "](
                         const char* what, bool tiny, std::vector<int> lengths, int columns) {
      cases.push_back(segment_pooling_case(prefix + what, tiny, {how, std::move(lengths), columns}));
    };
    add("one row", true, {1}, 3);
    add("segments of different lengths", true, {2, 1, 4}, 3);
    add("empty segments", true, {0, 2, 0, 0, 3, 0}, 2);
    add("no row", false, {0, 0}, 4);
    add("no segment", false, {}, 4);
    add("words of a batch", false, {36, 12, 80, 7, 1, 30, 65}, 301);
  }
  cases.push_back(segment_pooling_case("mean, one long segment", false, {mean, {2003}, 7}));
  cases.push_back(segment_pooling_case("max, one long segment", false, {max, {2003}, 7}));
  cases.push_back(
      segment_pooling_case("max, many short segments of one column", false, {max, std::vector<int>(700, 2), 1}));
  cases.push_back(segment_pooling_case("mean, hidden states of a batch", false, {mean, {128, 97, 64, 15}, 384}));
  return cases;
}

}  // namespace ethreed
