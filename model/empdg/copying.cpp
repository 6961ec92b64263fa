#include "model/empdg/copying.h"

#include "autograd/functions/attention_pooling_function.h"
#include "model/blocks/layers.h"
#include "model/blocks/stacked_rows.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

namespace ethreed {

namespace {

// The word at a position of the emotion contexts, −1 for LAB.
std::int32_t of_emotion(Indices word_ids, const EmotionContexts& emotion, std::int32_t position) {
  const std::int32_t place = emotion.words[position];
  return place < word_ids.size() ? word_ids[place] : -1;
}

}  // namespace

CopySources copy_sources(const Context& context, Indices word_ids, const ContextRows& contexts,
                         const EmotionContexts& emotion, Indices target_offsets) {
  const Indices sources = emotion.source_offsets;
  const int rows = contexts.rows();
  std::int64_t* weights = context.arena.allocate<std::int64_t>(std::int64_t{rows} + 1);
  weights[0] = 0;
  for (int r = 0; r < rows; ++r)
    weights[r + 1] =
        weights[r] + std::int64_t{sources[r + 1] - sources[r]} * (target_offsets[r + 1] - target_offsets[r]);
  std::int32_t* words = context.arena.allocate<std::int32_t>(emotion.source_rows.size());
  for (int i = 0; i < emotion.source_rows.size(); ++i) {
    const std::int32_t row = emotion.source_rows[i], own = contexts.positions();
    words[i] = row < own ? contexts.extended[row] : of_emotion(word_ids, emotion, row - own);
  }
  return {
      .layout = {.source_offsets = sources, .target_offsets = target_offsets, .weight_offsets = {weights, rows + 1}},
      .words = {words, emotion.source_rows.size()}};
}

PointerSources pointer_sources(Indices word_ids, const ContextRows& contexts, const EmotionContexts& emotion) {
  constexpr std::int32_t cls = -1, lab = -2;
  PointerSources sources;
  for (int r = 0; r < contexts.rows(); ++r) {
    for (int i = emotion.source_offsets[r]; i < emotion.source_offsets[r + 1]; ++i) {
      const std::int32_t row = emotion.source_rows[i], own = contexts.positions();
      if (row < own) {
        sources.add(contexts.given[row] < 0 ? cls : contexts.extended[row], contexts.given[row]);
        continue;
      }
      const std::int32_t word = of_emotion(word_ids, emotion, row - own);
      sources.add(word < 0 ? lab : word, word);
    }
    sources.end_row();
  }
  return sources;
}

namespace {

// Ragged rows of a matrix as segments, one for each target token, and their places in it.
struct Segments {
  int widest = 0;
  Indices offsets;  // [targets + 1]
  Indices columns;  // [weights] j
  Indices places;   // [weights] target token · widest + j
};

Segments segments_of(const Context& context, const RowLayout& layout) {
  const int targets = layout.targets();
  const std::int64_t count = layout.weights();
  Segments out;
  for (int r = 0; r < layout.rows(); ++r) out.widest = std::max(out.widest, layout.source_count(r));
  std::int32_t* offsets = context.arena.allocate<std::int32_t>(std::int64_t{targets} + 1);
  std::int32_t* columns = context.arena.allocate<std::int32_t>(count);
  std::int32_t* places = context.arena.allocate<std::int32_t>(count);
  offsets[0] = 0;
  for (int r = 0; r < layout.rows(); ++r)
    for (int token = layout.target(r); token < layout.target(r + 1); ++token) {
      const int first = offsets[token], width = layout.source_count(r);
      std::iota(columns + first, columns + first + width, 0);
      std::iota(places + first, places + first + width, token * out.widest);
      offsets[token + 1] = first + width;
    }
  const auto size = static_cast<int>(count);
  out.offsets = {offsets, targets + 1};
  out.columns = {columns, size};
  out.places = {places, size};
  return out;
}

// Unit vectors: pooled from them, a softmax is itself.
template <class T> Variable<T> units(Tape<T>& tape, int count) {
  const std::int64_t size = std::int64_t{count} * count;
  T* values = tape.context().arena.template allocate_zero<T>(size);
  for (std::int64_t i = 0; i < count; ++i) values[i * count + i] = 1;
  return tape.constant(View<const T>(tape.context().to_device(values, size), {count, count}));
}

}  // namespace

template <class T>
EmpdgCopy<T> empdg_copy(Tape<T>& tape, const EmpdgParameters<Variable<T>>& p, const RowLayout& layout,
                        Variable<T> states, Variable<T> logits) {
  const Context& context = tape.context();
  const Segments segments = segments_of(context, layout);
  if (tape.recording()) {  // one upload; without recording the arena is taken back after every word
    const auto bytes = [](const auto& list) {
      return std::as_bytes(std::span(list.data(), static_cast<std::size_t>(list.size())));
    };
    const std::array arrays{bytes(segments.offsets), bytes(segments.columns), bytes(segments.places),
                            bytes(layout.weight_offsets)};
    context.stage(arrays);
  }
  const Variable<T> unit = units(tape, segments.widest);
  const auto softmax = [&](Variable<T> scores) {
    const Variable<T> pooled = attention_pooling<T>(tape, segments.offsets, scores, unit, segments.columns).y;
    return gather_rows<T>(tape, {{as_column(tape, pooled), segments.places}});
  };
  return {.gate = linear_layer(tape, p.copy_gate, {states}), .weights = softmax(softmax(logits))};
}

#define ETHREED_INSTANTIATE(T)                                                                                   \
  template EmpdgCopy<T> empdg_copy(Tape<T>&, const EmpdgParameters<Variable<T>>&, const RowLayout&, Variable<T>, \
                                   Variable<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
