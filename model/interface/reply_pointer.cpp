#include "model/interface/reply_pointer.h"

#include "core/error.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

template <class T> std::span<const std::int32_t> ReplyPointer<T>::source(int row) const {
  if (sources_.rows() == 0) return {};
  return std::span(sources_.words)
      .subspan(static_cast<std::size_t>(sources_.offsets[row]), static_cast<std::size_t>(places(row)));
}

template <class T> std::int32_t ReplyPointer<T>::word_id(int row, std::int32_t word) const {
  if (word < vocabulary_) return word;
  const std::span<const std::int32_t> words = source(row);
  const auto place = std::find(words.begin(), words.end(), word);
  ETHREED_ASSERT(place != words.end());
  return sources_.given[sources_.offsets[row] + (place - words.begin())];
}

template <class T> PointerLook<T> ReplyPointer<T>::look(int k) const {
  if (!looks_) return {};
  const auto first = static_cast<std::size_t>(look_offsets_[k]);
  return {.attention = std::span(attention_).subspan(first, static_cast<std::size_t>(look_offsets_[k + 1]) - first),
          .coverage = {},
          .generation_gate = gates_[k]};
}

template <class T>
NextWords<T> ReplyPointer<T>::next_words(Context& context, Indices rows, const T* logits, const T* gate_logit,
                                         const T* weights, int width) {
  const int hypotheses = rows.size();
  const auto array = [&]<class Value>(Value, std::int64_t count) {
    return context.arena.template allocate<Value>(count);
  };
  std::int32_t *sources = array(std::int32_t{}, hypotheses + 1), *targets = array(std::int32_t{}, hypotheses + 1);
  std::int64_t* offsets = array(std::int64_t{}, hypotheses + 1);
  offsets[0] = sources[0] = targets[0] = 0;
  for (int k = 0; k < hypotheses; ++k) {
    sources[k + 1] = sources[k] + (width > 0 ? width : places(rows[k]));
    offsets[k + 1] = sources[k + 1];
    targets[k + 1] = k + 1;
  }
  const std::int32_t count = sources[hypotheses];
  std::int32_t* ids = array(std::int32_t{}, count);
  for (int k = 0; k < hypotheses; ++k) {
    const std::span<const std::int32_t> own = source(rows[k]);
    std::fill(ids + sources[k], ids + sources[k + 1], pad_id);
    std::transform(own.begin(), own.end(), ids + sources[k],
                   [](std::int32_t word) { return word < 0 ? std::int32_t{pad_id} : word; });
  }
  if (looks_) {
    const T* all = context.to_host(weights, count);
    const T* gates = context.to_host(gate_logit, hypotheses);
    attention_.clear();
    gates_.clear();
    look_offsets_.assign(1, 0);
    for (int k = 0; k < hypotheses; ++k) {
      attention_.insert(attention_.end(), all + sources[k], all + sources[k] + places(rows[k]));
      look_offsets_.push_back(count_of(attention_));
      gates_.push_back(T{1} / (T{1} + std::exp(-gates[k])));
    }
  }
  const int extra = extra_words({ids, count}, vocabulary_), words = vocabulary_ + extra;
  T* out = context.values.template allocate<T>(std::int64_t{hypotheses} * words);
  pointer_distribution_forward(
      context, PointerDistributionForward<T>{
                   .layout = {{sources, hypotheses + 1}, {targets, hypotheses + 1}, {offsets, hypotheses + 1}},
                   .vocabulary = vocabulary_,
                   .extra = extra,
                   .logits = logits,
                   .gate_logit = gate_logit,
                   .weights = weights,
                   .source_ids = ids,
                   .out = out});
  return {out, words};
}

template class ReplyPointer<float>;
template class ReplyPointer<double>;

}  // namespace ethreed
