#include "model/encoders/like_rows.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace ethreed {

void for_like_rows(const EncoderConfig& config, std::span<const SubwordRow> rows,
                   const std::function<void(const EncoderBatch& batch, Indices numbers)>& body) {
  std::vector<std::int32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](std::int32_t row) { return count_of(rows[static_cast<std::size_t>(row)].ids); };
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return length(a) > length(b); });
  while (!order.empty() && length(order.back()) == 0) order.pop_back();
  EncoderBatch batch(config);
  for (std::size_t next = 0; next < order.size();) {
    const std::size_t begin = next;
    batch.clear();
    while (next < order.size() && (batch.texts() == 0 || batch.tokens() + length(order[next]) <= tokens_at_once)) {
      const SubwordRow& row = rows[static_cast<std::size_t>(order[next++])];
      batch.add(row.ids, row.types);
    }
    body(batch, Indices(order.data() + begin, static_cast<int>(next - begin)));
  }
}

}  // namespace ethreed
