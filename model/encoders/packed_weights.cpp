#include "model/encoders/packed_weights.h"

#include "core/error.h"
#include "kernels/gemm/packed_gemm.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ethreed {

namespace {

template <class Layer, class Visit> void visit_weights(const Layer& layer, Visit&& visit) {
  visit(layer.query_key_value.weight);
  visit(layer.output.weight);
  visit(layer.inner.weight);
  visit(layer.outer.weight);
}

// Columns of Wᵀ, which are rows of W, a few at a time: packed they take no more than the memory that they were in.
PackedMatrix<float> pack_in_place(Context& context, float* weight, int out, int in) {
  const int step = packed_column_step<float>();
  const std::int64_t numbers_of_float = context.gemm_precision == GemmPrecision::bf16 ? 2 : 1;
  std::vector<float> rows(static_cast<std::size_t>(step) * static_cast<std::size_t>(in));
  for (int first = 0; first < out; first += step) {
    const int count = std::min(step, out - first);
    std::copy_n(weight + std::int64_t{first} * in, std::int64_t{count} * in, rows.begin());
    pack_matrix(context, rows.data(), in, true, in, count, weight + std::int64_t{first} * in / numbers_of_float);
  }
  return {in, out, context.gemm_precision, weight};
}

}  // namespace

PackedWeights::PackedWeights(Context& context, const EncoderLayout& layout, float* values)
    : precision_(context.gemm_precision) {
  constexpr int line = 64 / sizeof(float), along = 2 * line;  // numbers of a packed line, and k of one in bfloat16
  std::vector<EncoderLayerHandles<std::size_t>> layers(static_cast<std::size_t>(layout.config.layers));
  EncoderHandles<std::size_t> places{.layers = layers};
  std::size_t next = 0;
  visit_encoder(layout.config, layout.head, places,
                [&](const EncoderParameter&, const Shape&, std::size_t& place) { place = next++; });
  std::vector<std::size_t> weights;
  for (const auto& layer : layers) visit_weights(layer, [&](std::size_t place) { weights.push_back(place); });
  weights_.resize(weights.size());
  context.pool.parallel_for(static_cast<std::int64_t>(weights.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const ParameterLayout::Entry& entry = layout.block.entries()[weights[at]];
    const int out = static_cast<int>(entry.shape[0]), in = static_cast<int>(entry.shape[1]);
    if (out % line == 0 && in % along == 0 && entry.offset % line == 0)
      weights_[at] = pack_in_place(context, values + entry.offset, out, in);
  });
}

void PackedWeights::attach(const Context& context, const EncoderHandles<Variable<float>>& handles) const {
  ETHREED_CHECK(context.gemm_precision == precision_,
                "the encoder's weights were packed for matrix products of another precision; read it again");
  std::size_t next = 0;
  for (const auto& layer : handles.layers)
    visit_weights(layer, [&](const Variable<float>& weight) {
      const PackedMatrix<float>& packed = weights_[next++];
      if (packed.data != nullptr) weight.node()->packed = &packed;
    });
}

}  // namespace ethreed
