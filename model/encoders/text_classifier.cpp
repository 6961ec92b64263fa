#include "model/encoders/text_classifier.h"

#include "core/error.h"
#include "model/blocks/softmax.h"
#include "model/encoders/encoder_forward.h"
#include "model/encoders/folder_files.h"
#include "model/encoders/like_rows.h"

#include <algorithm>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

std::optional<SentenceHead> head_of(const fs::path& folder) {
  if (!fs::is_regular_file(folder / SentenceHead::file_name)) return std::nullopt;
  return SentenceHead::read(folder);
}

}  // namespace

void classify_rows(Context& context, const EncoderLayout& layout, float* values, std::span<const SubwordRow> rows,
                   const ConsumeClasses& consume) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    ETHREED_CHECK(!rows[i].ids.empty(), "classify_rows: row {} has no token", i);
  for_like_rows(layout.config, rows, [&](const EncoderBatch& batch, Indices numbers) {
    context.begin_step();
    Tape<float> tape(context, false);
    const auto handles = bind_encoder(tape, layout, values, static_cast<float*>(nullptr));
    const Variable<float> last = encoder_state(tape, layout.config, handles, batch, layout.config.layers);
    const Variable<float> logits = encoder_logits(tape, layout.config, handles, batch, last);
    for (int i = 0; i < numbers.size(); ++i) consume(numbers[i], softmax_of(logits.value().row_span(i)));
  });
}

TextClassifier::TextClassifier(const fs::path& folder)
    : head_(head_of(folder)),
      encoder_(read_encoder<float>(folder, head_ ? EncoderHead::none : EncoderHead::classifier)),
      tokenizer_(open_tokenizer(folder, config())) {
  ETHREED_CHECK(!head_ || head_->width == config().width, "{}: the head is for vectors of {}, the encoder has {}",
                (folder / SentenceHead::file_name).string(), head_ ? head_->width : 0, config().width);
}

bool TextClassifier::is_folder_of_one(const fs::path& folder) {
  // A checkpoint of a run has both files, too, and these two, one of which may have got lost.
  return fs::is_regular_file(folder / "config.json") && fs::is_regular_file(folder / "model.safetensors") &&
         !fs::exists(folder / "state.json") && !fs::exists(folder / "vocabulary.txt");
}

std::string TextClassifier::description() const {
  return fmt::format("{} of {} layers, {}", name_of(config().family), config().layers,
                     head_ ? "frozen, a linear head on its sentence vectors" : "fine-tuned");
}

SubwordRow TextClassifier::row_of(std::string_view text, int tokens) const {
  return tokenizer_.encode(text, {.max_length = static_cast<std::size_t>(std::min(tokens, config().longest()))});
}

void TextClassifier::classify(Context& context, std::span<const SubwordRow> rows, const ConsumeClasses& consume) {
  if (!head_) return classify_rows(context, encoder_.layout, encoder_.values.data(), rows, consume);
  for_like_rows(config(), rows, [&](const EncoderBatch& batch, Indices numbers) {
    context.begin_step();
    Tape<float> tape(context, false);
    const auto handles = bind_encoder(tape, encoder_.layout, encoder_.values.data(), static_cast<float*>(nullptr));
    const Variable<float> states = encoder_state(tape, config(), handles, batch, config().layers);
    for (int i = 0; i < numbers.size(); ++i) {
      const auto d = static_cast<std::size_t>(config().width), row = static_cast<std::size_t>(i);
      const auto begin = static_cast<std::size_t>(batch.offsets[row]),
                 end = static_cast<std::size_t>(batch.offsets[row + 1]);
      const std::span<const float> own(states.data() + begin * d, (end - begin) * d);
      consume(numbers[i], head_->probabilities(sentence_vector(own, config().width)));
    }
  });
}

}  // namespace ethreed
