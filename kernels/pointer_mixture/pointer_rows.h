#pragma once
// Rows of source and target words with reproducible logits, gates and weights: the cases and tests of the two pointer
// operations are built from them.

#include "core/indices.h"
#include "kernels/common/operation.h"
#include "kernels/common/row_layout.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

struct PointerRow {
  std::vector<std::int32_t> source;
  std::vector<std::int32_t> targets;
};

/// What a case is made of: the rows, V, and the scale and mean of the random logits and gates.
struct PointerSetting {
  int vocabulary = 0;
  std::vector<PointerRow> rows;
  double logit_scale = 1.0;
  double logit_offset = 0.0;
  double gate_scale = 1.0;
  double gate_offset = 0.0;
};

/// Owns the concatenated ids and the offsets.
class PointerRows {
 public:
  explicit PointerRows(const std::vector<PointerRow>& rows) {
    for (const PointerRow& row : rows) {
      source_ids.insert(source_ids.end(), row.source.begin(), row.source.end());
      targets.insert(targets.end(), row.targets.begin(), row.targets.end());
      source_offsets_.push_back(static_cast<std::int32_t>(source_ids.size()));
      target_offsets_.push_back(static_cast<std::int32_t>(targets.size()));
      weight_offsets_.push_back(weight_offsets_.back() +
                                static_cast<std::int64_t>(row.source.size() * row.targets.size()));
    }
  }
  RowLayout layout() const { return {source_offsets_, target_offsets_, weight_offsets_}; }

  std::vector<std::int32_t> source_ids;
  std::vector<std::int32_t> targets;

 private:
  std::vector<std::int32_t> source_offsets_{0};
  std::vector<std::int32_t> target_offsets_{0};
  std::vector<std::int64_t> weight_offsets_{0};
};

/// Attention weights: for every target a softmax over the source of its row.
template <class T> Tensor<T> random_weights(const RowLayout& layout, std::uint64_t seed, std::uint64_t stream) {
  Tensor<T> weights = random_tensor<T>({layout.weights()}, seed, stream);
  for (int r = 0; r < layout.rows(); ++r)
    for (int i = 0; i < layout.target_count(r); ++i) {
      const int count = layout.source_count(r);
      T* row = weights.data() + layout.weight(r) + std::int64_t{i} * count;
      double sum = 0;
      for (int j = 0; j < count; ++j) sum += std::exp(static_cast<double>(row[j]));
      for (int j = 0; j < count; ++j) row[j] = static_cast<T>(std::exp(static_cast<double>(row[j])) / sum);
    }
  return weights;
}

/// Logits [M, V].
template <class T> Tensor<T> random_logits(const PointerSetting& setting, std::int64_t tokens, std::uint64_t seed) {
  Tensor<T> logits = random_tensor<T>({tokens, setting.vocabulary}, seed, 0, setting.logit_scale);
  for (T& logit : logits.span()) logit += static_cast<T>(setting.logit_offset);
  return logits;
}

/// Gate logits z [M].
template <class T> Tensor<T> random_gates(const PointerSetting& setting, std::int64_t count, std::uint64_t seed) {
  Tensor<T> gates = random_tensor<T>({count}, seed, 1, setting.gate_scale);
  for (T& gate : gates.span()) gate += static_cast<T>(setting.gate_offset);
  return gates;
}

/// 17 rows with 238 target tokens in all, sources of 8 to 24 words, a third of the target words copied from the source,
/// some source words out of vocabulary, EOS (3) at every end: the model's real shape.
inline PointerSetting dialogue_setting(int vocabulary) {
  PointerSetting setting{.vocabulary = vocabulary, .logit_scale = 2.0};
  const PhiloxStream random(17, 0);
  std::uint64_t draw = 0;
  const auto below = [&](int n) {
    return static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(n), draw++));
  };
  for (int r = 0; r < 17; ++r) {
    PointerRow row;
    std::int32_t unknown = vocabulary;
    for (int j = 1; j < 8 + r * 5 % 17; ++j)
      row.source.push_back(below(12) == 0 ? unknown++ : 4 + below(vocabulary - 4));
    row.source.push_back(3);
    for (int i = 1; i < 6 + r * 7 % 17; ++i)
      row.targets.push_back(below(3) == 0 ? row.source[below(count_of(row.source))] : 4 + below(vocabulary - 4));
    row.targets.push_back(3);
    setting.rows.push_back(row);
  }
  return setting;
}

}  // namespace ethreed
