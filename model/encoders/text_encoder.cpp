#include "model/encoders/text_encoder.h"

#include "core/error.h"
#include "model/encoders/encoder_forward.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

TextEncoder::TextEncoder(const std::filesystem::path& folder)
    : encoder_(read_encoder<float>(folder)),
      tokenizer_(SubwordTokenizer::open(folder)),
      specials_(tokenizer_.encode("").ids) {
  ETHREED_CHECK(tokenizer_.size() <= config().vocabulary,
                "{}: the tokenizer has {} tokens, config.json says {}; they are of different models", folder.string(),
                tokenizer_.size(), config().vocabulary);
}

SubwordRow TextEncoder::row_of(std::string_view text, std::optional<bool> prefix_space) const {
  return tokenizer_.encode(text,
                           {.max_length = static_cast<std::size_t>(config().longest()), .prefix_space = prefix_space});
}

void TextEncoder::encode(Context& context, std::span<const SubwordRow> rows, int layer, const Consume& consume) {
  std::vector<int> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](int row) { return count_of(rows[static_cast<std::size_t>(row)].ids); };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return length(a) > length(b); });
  for (; !order.empty() && length(order.back()) == 0; order.pop_back()) consume(order.back(), {});
  EncoderBatch batch(config());
  for (std::size_t next = 0; next < order.size();) {
    const std::size_t begin = next;
    batch.clear();
    while (next < order.size() && (batch.texts() == 0 || batch.tokens() + length(order[next]) <= tokens_at_once)) {
      const SubwordRow& row = rows[static_cast<std::size_t>(order[next++])];
      batch.add(row.ids, row.types);
    }
    context.begin_step();
    Tape<float> tape(context, false);
    const auto handles = bind_encoder(tape, encoder_.layout, encoder_.values.data(), static_cast<float*>(nullptr));
    const Variable<float> states = encoder_state(tape, config(), handles, batch, layer);
    for (std::size_t i = begin; i < next; ++i) {
      const int text = static_cast<int>(i - begin);
      const std::int64_t d = config().width;
      consume(order[i], std::span(states.data() + batch.offsets[static_cast<std::size_t>(text)] * d,
                                  static_cast<std::size_t>(length(order[i]) * d)));
    }
  }
}

}  // namespace ethreed
