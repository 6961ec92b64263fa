#include "model/encoders/text_encoder.h"

#include "model/encoders/encoder_forward.h"
#include "model/encoders/folder_files.h"
#include "model/encoders/like_rows.h"

namespace ethreed {

TextEncoder::TextEncoder(const std::filesystem::path& folder)
    : encoder_(read_encoder<float>(folder)),
      tokenizer_(open_tokenizer(folder, config())),
      specials_(tokenizer_.encode("").ids) {}

SubwordRow TextEncoder::row_of(std::string_view text, std::optional<bool> prefix_space) const {
  return tokenizer_.encode(text,
                           {.max_length = static_cast<std::size_t>(config().longest()), .prefix_space = prefix_space});
}

void TextEncoder::encode(Context& context, std::span<const SubwordRow> rows, int layer, const Consume& consume) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].ids.empty()) consume(static_cast<int>(i), {});
  if (!packed_ && !encoder_.mapped) packed_.emplace(context, encoder_.layout, encoder_.values.data());
  for_like_rows(config(), rows, [&](const EncoderBatch& batch, Indices numbers) {
    context.begin_step();
    Tape<float> tape(context, false);
    const auto handles = bind_encoder(tape, encoder_.layout, encoder_.values.data(), static_cast<float*>(nullptr));
    if (packed_) packed_->attach(context, handles);
    const Variable<float> states = encoder_state(tape, config(), handles, batch, layer);
    for (std::int32_t i = 0; i < numbers.size(); ++i) {
      const std::int64_t d = config().width, begin = batch.offsets[static_cast<std::size_t>(i)],
                         end = batch.offsets[static_cast<std::size_t>(i) + 1];
      consume(numbers[i], std::span(states.data() + begin * d, static_cast<std::size_t>((end - begin) * d)));
    }
  });
}

}  // namespace ethreed
