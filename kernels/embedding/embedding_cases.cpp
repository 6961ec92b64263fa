#include "kernels/common/operation.h"
#include "kernels/embedding/embedding.h"

#include <memory>
#include <set>

namespace ethreed {

namespace {

struct EmbeddingShape {
  int vocabulary;
  int columns;
  std::vector<std::int32_t> ids;
};

// `count` ids with many repeats of the low ones, as in text sorted by frequency.
std::vector<std::int32_t> text_ids(int count, int vocabulary) {
  const PhiloxStream random(20240229, 7);
  std::vector<std::int32_t> ids;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    const double u = random.uniform(i);
    ids.push_back(static_cast<std::int32_t>(u * u * u * vocabulary));
  }
  return ids;
}

template <class T> class EmbeddingProblem final : public OpProblem<T> {
 public:
  EmbeddingProblem(const EmbeddingShape& shape, std::uint64_t seed) : shape_(shape) {
    this->inputs.push_back({"weight", random_tensor<T>({shape.vocabulary, shape.columns}, seed, 0)});
    this->outputs.push_back({"y", Tensor<T>({rows(), shape.columns})});
  }

  void forward(Context& context) override { embedding_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    embedding_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dweight = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    for (std::int64_t id : shape_.ids)
      for (int j = 0; j < shape_.columns; ++j)
        y.push_back(static_cast<double>(this->inputs[0].data[id * shape_.columns + j]));
    return {y};
  }

  Cost cost() const override {
    const double r = rows(), columns = shape_.columns, id_bytes = r * sizeof(std::int32_t);
    const auto different = static_cast<double>(std::set<std::int32_t>(shape_.ids.begin(), shape_.ids.end()).size());
    const auto rounded = [](std::int64_t bytes) { return (bytes + 63) / 64 * 64; };
    return {.forward_flops = 0,
            .backward_flops = (r - different) * columns,
            .forward_bytes = 2 * r * columns * sizeof(T) + id_bytes,
            .backward_bytes = (r + shape_.vocabulary) * columns * sizeof(T) + id_bytes,
            .saved_bytes = 0,
            .workspace_bytes = rounded(4 * (std::int64_t{shape_.vocabulary} + 1)) + rounded(4 * rows())};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int rows() const { return count_of(shape_.ids); }

  EmbeddingForward<T> arguments() {
    return {.rows = rows(),
            .vocabulary = shape_.vocabulary,
            .columns = shape_.columns,
            .weight = this->inputs[0].data.data(),
            .ids = shape_.ids.data(),
            .y = this->outputs[0].data.data()};
  }

  EmbeddingShape shape_;
};

OpCase embedding_case(std::string name, bool tiny, EmbeddingShape shape) {
  return make_case(std::move(name), tiny,
                   [shape]<class T>(std::uint64_t seed) { return std::make_unique<EmbeddingProblem<T>>(shape, seed); });
}

}  // namespace

std::vector<OpCase> embedding_cases() {
  return {
      embedding_case("one word", true, {1, 1, {0}}),
      embedding_case("repeated and absent words", true, {5, 2, {3, 0, 3, 4, 3, 0}}),
      embedding_case("one word throughout", true, {4, 3, {2, 2, 2, 2}}),
      embedding_case("encoder input", false, {8209, 300, text_ids(612, 8209)}),
      embedding_case("decoder input", false, {8209, 300, text_ids(272, 8209)}),
      embedding_case("more words than a block looks at once", false, {40, 7, text_ids(1500, 40)}),
  };
}

}  // namespace ethreed
