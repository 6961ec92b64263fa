#include "kernels/common/operation.h"
#include "kernels/gather_rows/gather_rows.h"

#include <memory>

namespace ethreed {

namespace {

struct GatherPartShape {
  int source_rows;
  int columns;
  std::vector<std::int32_t> index;
};

// `count` indices in [−1, source_rows), reproducible; about one in sixteen is −1.
std::vector<std::int32_t> random_indices(int count, int source_rows, std::uint64_t stream) {
  const PhiloxStream random(20240229, stream);
  std::vector<std::int32_t> index;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    const auto source = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(source_rows), 2 * i));
    index.push_back(random.below(16, 2 * i + 1) == 0 ? -1 : source);
  }
  return index;
}

template <class T> class GatherRowsProblem final : public OpProblem<T> {
 public:
  /// Stacked: the first part has the indices, into both.
  GatherRowsProblem(std::vector<GatherPartShape> parts, bool stacked, std::uint64_t seed)
      : parts_(std::move(parts)), stacked_(stacked) {
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      this->inputs.push_back(
          {"x" + std::to_string(p), random_tensor<T>({parts_[p].source_rows, parts_[p].columns}, seed, p)});
      columns_ = stacked_ ? parts_[p].columns : columns_ + parts_[p].columns;
    }
    this->outputs.push_back({"y", Tensor<T>({rows(), columns_})});
  }

  void forward(Context& context) override { gather_rows_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    GatherRowsBackward<T> args{.forward = arguments(), .dy = cotangents[0]};
    for (std::size_t p = 0; p < parts_.size(); ++p) args.dx[p] = gradients[p];
    gather_rows_backward(context, args);
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    if (stacked_) {
      std::vector<double> both;
      for (const auto& x : this->inputs) both.insert(both.end(), x.data.span().begin(), x.data.span().end());
      for (const std::int32_t source : parts_[0].index)
        for (int j = 0; j < columns_; ++j) y.push_back(source < 0 ? 0.0 : both[source * columns_ + j]);
      return {y};
    }
    for (int i = 0; i < rows(); ++i)
      for (std::size_t p = 0; p < parts_.size(); ++p)
        for (int j = 0; j < parts_[p].columns; ++j) {
          const std::int64_t source = parts_[p].index[i];
          y.push_back(source < 0 ? 0.0 : static_cast<double>(this->inputs[p].data[source * parts_[p].columns + j]));
        }
    return {y};
  }

  Cost cost() const override {
    const double elements = static_cast<double>(rows()) * columns_;
    const double indices = static_cast<double>(stacked_ ? 1 : parts_.size()) * rows();
    double sources = 0, taken = 0;
    for (const GatherPartShape& part : parts_) {
      sources += static_cast<double>(part.source_rows) * part.columns;
      for (const std::int32_t source : part.index) taken += source < 0 ? 0 : part.columns;
    }
    return {.forward_flops = 0,
            .backward_flops = taken,
            .forward_bytes = (taken + elements) * sizeof(T) + indices * sizeof(std::int32_t),
            .backward_bytes = (taken + sources) * sizeof(T) + indices * sizeof(std::int32_t),
            .saved_bytes = 0,
            .workspace_bytes = 0};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int rows() const { return count_of(parts_[0].index); }

  GatherRowsForward<T> arguments() {
    GatherRowsForward<T> args{.rows = rows(), .parts = count_of(parts_), .stacked = stacked_};
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      args.source_rows[p] = parts_[p].source_rows;
      args.columns[p] = parts_[p].columns;
      args.x[p] = this->inputs[p].data.data();
      if (p == 0 || !stacked_) args.index[p] = parts_[p].index.data();
    }
    args.y = this->outputs[0].data.data();
    return args;
  }

  std::vector<GatherPartShape> parts_;
  bool stacked_;
  int columns_ = 0;
};

OpCase gather_case(std::string name, bool tiny, std::vector<GatherPartShape> parts, bool stacked = false) {
  return make_case(std::move(name), tiny, [parts, stacked]<class T>(std::uint64_t seed) {
    return std::make_unique<GatherRowsProblem<T>>(parts, stacked, seed);
  });
}

}  // namespace

std::vector<OpCase> gather_rows_cases() {
  return {
      gather_case("one element", true, {{1, 1, {0}}}),
      gather_case("permutation", true, {{3, 2, {2, 0, 1}}}),
      gather_case("repeated, absent and unused rows", true, {{4, 3, {1, -1, 1, 3, 1}}}),
      gather_case("nothing but absent rows", true, {{2, 2, {-1, -1}}}),
      gather_case("two parts of different widths", true, {{3, 2, {0, 2, 2, -1}}, {2, 1, {1, -1, 0, 1}}}),
      gather_case("utterance vectors", false,
                  {{612, 300, random_indices(34, 612, 0)}, {612, 300, random_indices(34, 612, 1)}}),
      gather_case("token states", false,
                  {{612, 300, random_indices(310, 612, 2)}, {612, 300, random_indices(310, 612, 3)}}),
      gather_case("a few rows repeated many times", false, {{17, 300, random_indices(272, 17, 4)}}),
      gather_case("stacked", true, {{2, 3, {4, 0, -1, 2, 2, 1}}, {3, 3, {}}}, true),
      gather_case("stacked, nothing from the first", true, {{2, 2, {3, 2}}, {2, 2, {}}}, true),
      gather_case("stacked, nothing from the second", true, {{3, 1, {0, 2, 0}}, {2, 1, {}}}, true),
      gather_case("states before a step", false, {{17, 300, random_indices(272, 289, 5)}, {272, 300, {}}}, true),
      gather_case("more rows than a block looks at once", false, {{9, 12, random_indices(1500, 9, 6)}}),
      gather_case("rows wider than a block", false,
                  {{30, 1004, random_indices(77, 30, 7)}, {20, 8, random_indices(77, 20, 8)}}),
      gather_case("rows of no whole vectors", false,
                  {{30, 301, random_indices(77, 30, 9)}, {20, 8, random_indices(77, 20, 10)}}),
  };
}

}  // namespace ethreed
