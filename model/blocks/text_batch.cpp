#include "model/blocks/text_batch.h"

#include "core/error.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

void TextBatch::build(std::span<const Example> texts, std::int32_t vocabulary) {
  const int count = count_of(texts);
  for (const std::int32_t id : word_ids) word_place_[id] = -1;  // of the batch before
  if (count_of(word_place_) < vocabulary) word_place_.resize(vocabulary, -1);
  for (auto* ids : {&labels, &token_ids, &token_rows, &packed_inputs, &word_ids, &last_rows, &first_rows}) ids->clear();
  token_offsets.assign(1, 0);
  labelled = 0;
  for (int i = 0; i < count; ++i) {
    const Example& text = texts[i];
    ETHREED_CHECK(!text.text.empty(), "TextBatch: example {} is no text; a text ends with EOS", i);
    for (const std::int32_t word : text.text) {
      ETHREED_CHECK(word >= 0, "TextBatch: negative word id {}", word);
      token_ids.push_back(word < vocabulary ? word : unk_id);
    }
    token_offsets.push_back(static_cast<std::int32_t>(token_ids.size()));
    labels.push_back(text.label);
    labelled += text.label >= 0;
  }
  const auto length = [&](int i) { return token_offsets[i + 1] - token_offsets[i]; };
  order_.resize(count);
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(),
            [&](int a, int b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
  packed_offsets.assign(1, 0);
  token_rows.resize(token_ids.size());
  int active = count;
  for (int t = 0;; ++t) {
    while (active > 0 && length(order_[active - 1]) <= t) --active;
    if (active == 0) break;
    for (int k = 0; k < active; ++k) {
      const std::int32_t token = token_offsets[order_[k]] + t;
      token_rows[token] = packed_offsets.back() + k;
      std::int32_t& place = word_place_[token_ids[token]];
      if (place < 0) {
        place = static_cast<std::int32_t>(word_ids.size());
        word_ids.push_back(token_ids[token]);
      }
      packed_inputs.push_back(place);
    }
    packed_offsets.push_back(packed_offsets.back() + active);
  }
  for (int i = 0; i < count; ++i) {
    first_rows.push_back(token_rows[token_offsets[i]]);
    last_rows.push_back(token_rows[token_offsets[i + 1] - 1]);
  }
}

TextBatch::Arrays TextBatch::arrays() const {
  const auto bytes = [](const std::vector<std::int32_t>& values) { return std::as_bytes(std::span(values)); };
  return {bytes(labels),        bytes(token_offsets), bytes(token_rows), bytes(packed_offsets),
          bytes(packed_inputs), bytes(word_ids),      bytes(last_rows),  bytes(first_rows)};
}

}  // namespace ethreed
