#include "model/kemp/graph.h"

#include "autograd/functions/attention_pooling_function.h"
#include "model/blocks/dropout.h"
#include "model/blocks/layers.h"
#include "model/blocks/random_streams.h"

#include <algorithm>

namespace ethreed {

namespace {

enum GraphDraw : int { draw_output, draw_weights };  // numbers of dropout masks

/// These numbers, in memory of the step, as a constant.
template <class T> Variable<T> constant_of(Tape<T>& tape, const T* values, const Shape& shape) {
  return tape.constant(View<const T>(tape.context().to_device(values, shape.count()), shape));
}

/// The pairs of a word and a column of its context, word after word.
template <class T> struct Pairs {
  Indices offsets;  ///< [positions + 1]
  Indices columns;  ///< [pairs] of all columns
  T* mask;          ///< [pairs] by which a logit is multiplied, or what is added to it
};

template <class T>
Pairs<T> pairs_of(const Context& context, const KempConfig& config, const ContextRows& contexts,
                  const ConceptRows& rows) {
  const bool strict = config.graph_mask == GraphMask::strict;
  const T on_edge{strict ? T{0} : T{1}}, elsewhere{strict ? static_cast<T>(-1e18) : T{0}};
  std::int64_t count = 0;
  for (int r = 0; r < rows.contexts(); ++r)
    count += std::int64_t{contexts.offsets[r + 1] - contexts.offsets[r]} * rows.columns(r);
  std::int32_t* offsets = context.arena.allocate<std::int32_t>(std::int64_t{contexts.positions()} + 1);
  std::int32_t* columns = context.arena.allocate<std::int32_t>(count);
  T* mask = context.arena.allocate<T>(count);
  offsets[0] = 0;
  int at = 0;
  for (int r = 0; r < rows.contexts(); ++r) {
    const int first = contexts.offsets[r], words = contexts.offsets[r + 1] - first, all = rows.columns(r);
    const Indices owner = rows.owner.subspan(rows.offsets[r] - first, all - words);
    for (int i = 0; i < words; ++i) {
      for (int j = 0; j < all; ++j, ++at) {
        columns[at] = rows.offsets[r] + j;
        mask[at] = has_edge(words, owner, i, j) ? on_edge : elsewhere;
      }
      offsets[first + i + 1] = at;
    }
  }
  return {.offsets = {offsets, contexts.positions() + 1}, .columns = {columns, at}, .mask = mask};
}

/// Σ_j m_ij α_ij values_j with dropout's m. What is kept is pooled by a softmax over itself, and multiplied by the
/// share of α that it has: together that is the sum over what is kept.
template <class T>
Variable<T> pool_some(Tape<T>& tape, double probability, const PhiloxStream& random, const Pairs<T>& pairs,
                      Variable<T> scores, Variable<T> values) {
  const Context& context = tape.context();
  const int count = pairs.columns.size();
  T* dropped = context.arena.template allocate<T>(count);
  std::int32_t* kept = context.arena.template allocate<std::int32_t>(count);
  PhiloxBlock words{};
  for (int i = 0; i + 1 < pairs.offsets.size(); ++i) {
    int of_row = 0;
    for (int at = pairs.offsets[i]; at < pairs.offsets[i + 1]; ++at) {
      if (at % 4 == 0) words = random.block(static_cast<std::uint64_t>(at / 4));
      kept[at] = (words[static_cast<std::size_t>(at % 4)] >> 8) * 0x1p-24 < probability ? 0 : 1;
      dropped[at] = kept[at] == 0 ? static_cast<T>(-1e30) : T{0};
      of_row += kept[at];
    }
    if (of_row == 0)  // its share is 0, whatever is pooled
      std::fill(dropped + pairs.offsets[i], dropped + pairs.offsets[i + 1], T{0});
  }
  T* multipliers = context.arena.template allocate<T>(2);
  multipliers[0] = T{0};
  multipliers[1] = static_cast<T>(1 / (1 - probability));
  const Variable<T> pooled =
      attention_pooling<T>(tape, pairs.offsets, add(tape, scores, constant_of(tape, dropped, scores.shape())), values,
                           pairs.columns)
          .y;
  const Variable<T> share =
      attention_pooling<T>(tape, pairs.offsets, scores, constant_of(tape, multipliers, {2, 1}), Indices(kept, count)).y;
  return multiply(tape, pooled, share);
}

}  // namespace

bool has_edge(int words, Indices owner, int i, int j) {
  if (j == 0) return true;
  if (j >= words) return i == 0 ? owner[j - words] >= 0 : owner[j - words] == i;
  return i == 0 || j == i - 1;
}

template <class T>
Variable<T> graph_attention(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                            const ContextRows& contexts, const ConceptRows& rows, Variable<T> t, Variable<T> x,
                            const PassOptions& options) {
  const Range range(tape, "graph");
  Context& context = tape.context();
  const double dropout = options.purpose == Purpose::train ? config.graph_dropout : 0.0;
  const Pairs<T> pairs = pairs_of<T>(context, config, contexts, rows);
  T* ones = context.arena.template allocate<T>(x.rows());
  std::fill_n(ones, x.rows(), T{1});
  // Of this attention the logits of all pairs are wanted, nothing else.
  const Variable<T> logits = attention<T>(tape,
                                          {.query_offsets = contexts.offsets,
                                           .key_offsets = rows.offsets,
                                           .heads = 1,
                                           .key_width = x.columns(),
                                           .value_width = 1,
                                           .scale = 1,
                                           .mean_of = AttentionMean::logits},
                                          {linear_layer(tape, p.query, {t})}, {linear_layer(tape, p.keys, {x})},
                                          {constant_of(tape, ones, {x.rows(), 1})})
                                 .mean;
  const Variable<T> mask = constant_of(tape, pairs.mask, logits.shape());
  const Variable<T> scores =
      config.graph_mask == GraphMask::strict ? add(tape, logits, mask) : multiply(tape, logits, mask);
  const Variable<T> values = linear_layer(tape, p.values, {x});
  const PhiloxStream random =
      random_stream(options.seed, dropout_draw(draw_weights), static_cast<std::uint64_t>(options.step));
  const Variable<T> pooled = dropout > 0 ? pool_some(tape, dropout, random, pairs, scores, values)
                                         : attention_pooling<T>(tape, pairs.offsets, scores, values, pairs.columns).y;
  StepDropout<T> masks(context, dropout, options.seed, options.step);
  const T* mask_of_output = masks.mask(draw_output, t.rows(), t.columns());
  masks.draw();
  const Variable<T> o = masked(tape, linear_layer(tape, p.output_of_graph, {pooled}), mask_of_output);
  return transformer_norm(tape, p.graph_norm, add(tape, t, o));
}

template Variable<float> graph_attention(Tape<float>&, const KempConfig&, const KempParameters<Variable<float>>&,
                                         const ContextRows&, const ConceptRows&, Variable<float>, Variable<float>,
                                         const PassOptions&);
template Variable<double> graph_attention(Tape<double>&, const KempConfig&, const KempParameters<Variable<double>>&,
                                          const ContextRows&, const ConceptRows&, Variable<double>, Variable<double>,
                                          const PassOptions&);

}  // namespace ethreed
