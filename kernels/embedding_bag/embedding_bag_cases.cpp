#include "kernels/common/operation.h"
#include "kernels/embedding_bag/embedding_bag.h"

#include <algorithm>
#include <memory>

namespace ethreed {

namespace {

using Bags = std::vector<std::vector<std::int32_t>>;
enum class Weights { none, random, mean };

struct EmbeddingBagShape {
  int table_rows;
  int columns;
  Bags bags;
  Weights weights;
};

/// `count` bags of 0 to `longest` ids each, reproducible, with many repeats of the low ones.
Bags text_bags(int count, int longest, int table_rows, std::uint64_t stream) {
  const PhiloxStream random(20240229, stream);
  Bags bags(count);
  std::uint64_t draws = 0;
  for (auto& bag : bags) {
    bag.resize(random.below(static_cast<std::uint64_t>(longest) + 1, draws++));
    for (std::int32_t& id : bag) {
      const double u = random.uniform(draws++);
      id = static_cast<std::int32_t>(u * u * u * table_rows);
    }
  }
  return bags;
}

template <class T> class EmbeddingBagProblem final : public OpProblem<T> {
 public:
  EmbeddingBagProblem(const EmbeddingBagShape& shape, std::uint64_t seed) : shape_(shape), offsets_{0} {
    for (const auto& bag : shape.bags) {
      ids_.insert(ids_.end(), bag.begin(), bag.end());
      offsets_.push_back(static_cast<std::int32_t>(ids_.size()));
    }
    this->inputs.push_back({"table", random_tensor<T>({shape.table_rows, shape.columns}, seed, 0)});
    if (weighted()) this->inputs.push_back({"weight", random_tensor<T>({entries()}, seed, 1), false});
    if (shape.weights == Weights::mean) {
      T* weight = this->inputs[1].data.data();
      for (const auto& bag : shape.bags)
        weight = std::fill_n(weight, bag.size(), static_cast<T>(1.0 / static_cast<double>(bag.size())));
    }
    this->outputs.push_back({"y", Tensor<T>({rows(), shape.columns})});
  }

  void forward(Context& context) override { embedding_bag_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    embedding_bag_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dtable = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    std::int64_t entry = 0;
    for (const auto& bag : shape_.bags) {
      std::vector<double> sum(shape_.columns);
      for (const std::int64_t id : bag) {
        const double weight = weighted() ? static_cast<double>(this->inputs[1].data[entry]) : 1.0;
        ++entry;
        for (int c = 0; c < shape_.columns; ++c)
          sum[c] += weight * static_cast<double>(this->inputs[0].data[id * shape_.columns + c]);
      }
      y.insert(y.end(), sum.begin(), sum.end());
    }
    return {y};
  }

  Cost cost() const override {
    const double e = entries(), columns = shape_.columns, flops = 2 * e * columns;
    const double others = (weighted() ? e : 0) * sizeof(T) + 4 * (e + rows() + 1);
    const auto rounded = [](std::int64_t bytes) { return std::max<std::int64_t>((bytes + 63) / 64, 1) * 64; };
    return {.forward_flops = flops,
            .backward_flops = flops,
            .forward_bytes = (e + rows()) * columns * sizeof(T) + others,
            .backward_bytes = (e + shape_.table_rows) * columns * sizeof(T) + (e > 0 ? others : 0),
            .saved_bytes = 0,
            .workspace_bytes = rounded(4 * (std::int64_t{shape_.table_rows} + 1)) + 2 * rounded(4 * entries())};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int rows() const { return count_of(shape_.bags); }
  int entries() const { return count_of(ids_); }
  bool weighted() const { return shape_.weights != Weights::none; }

  EmbeddingBagForward<T> arguments() {
    return {.rows = rows(),
            .table_rows = shape_.table_rows,
            .columns = shape_.columns,
            .table = this->inputs[0].data.data(),
            .offsets = offsets_.data(),
            .ids = ids_.data(),
            .weight = weighted() ? this->inputs[1].data.data() : nullptr,
            .y = this->outputs[0].data.data()};
  }

  EmbeddingBagShape shape_;
  std::vector<std::int32_t> offsets_, ids_;
};

OpCase bag_case(std::string name, bool tiny, EmbeddingBagShape shape) {
  return make_case(std::move(name), tiny, [shape]<class T>(std::uint64_t seed) {
    return std::make_unique<EmbeddingBagProblem<T>>(shape, seed);
  });
}

}  // namespace

std::vector<OpCase> embedding_bag_cases() {
  const Bags few{{3, 0}, {}, {3, 3, 4, 0, 1}, {1}, {}, {}};
  return {
      bag_case("one entry", true, {1, 1, {{0}}, Weights::none}),
      bag_case("bags of any length, repeats, without weights", true, {6, 2, few, Weights::none}),
      bag_case("bags of any length, repeats, with weights", true, {6, 4, few, Weights::random}),
      bag_case("means of bags", true, {6, 3, few, Weights::mean}),
      bag_case("nine ids, rows of no whole vectors, without weights", true,
               {5, 3, {{0, 1, 2, 3, 4, 0, 1, 2, 3}}, Weights::none}),
      bag_case("nothing but empty bags", true, {3, 2, {{}, {}}, Weights::random}),
      bag_case("one id throughout", true, {4, 3, {{2, 2}, {2}, {2, 2, 2}}, Weights::random}),
      bag_case("hashed n-grams of a batch", false, {1 << 16, 32, text_bags(48, 120, 1 << 16, 11), Weights::none}),
      bag_case("mean word vectors of texts", false, {4096, 300, text_bags(17, 60, 4096, 12), Weights::mean}),
      bag_case("more entries than a block looks at once", false, {40, 7, text_bags(60, 50, 40, 13), Weights::random}),
      bag_case("rows wider than a block", false, {12, 516, text_bags(5, 9, 12, 14), Weights::random}),
      bag_case("rows of no whole vectors, wider than a block", false,
               {12, 259, text_bags(5, 9, 12, 15), Weights::random}),
  };
}

}  // namespace ethreed
