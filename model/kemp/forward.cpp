#include "model/kemp/forward.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/copy_loss_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

/// These numbers as a constant.
template <class T, class Value> Variable<T> constant_of(Tape<T>& tape, const Shape& shape, Value value) {
  const std::int64_t count = shape.count();
  T* values = tape.context().arena.template allocate<T>(count);
  for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(value(i));
  return tape.constant(View<const T>(tape.context().to_device(values, count), shape));
}

/// The knowledge of these words on the host; no rows without any.
template <class T>
View<const T> knowledge_of(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                           Indices word_ids) {
  if (!config.has_knowledge()) return {nullptr, {0, config.knowledge_width()}};
  return on_host(tape.context(), embedding<T>(tape, p.knowledge, word_ids)).value();
}

/// k [behind, D_w]: what stands behind the contexts.
template <class T>
Variable<T> read_behind(Tape<T>& tape, const MarkedTable<Variable<T>>& table, const ConceptRows& rows) {
  const Variable<T> words =
      rows.concepts.empty()
          ? gather_rows<T>(tape, {{table.marks, rows.behind}})
          : gather_stacked_rows<T>(tape, embedding<T>(tape, table.words, rows.concepts), table.marks, rows.behind);
  std::int32_t* state = tape.context().arena.template allocate<std::int32_t>(1);
  *state = mark_kg;
  return scale(tape, add(tape, words, gather_rows<T>(tape, {{table.marks, Indices(state, 1)}})), word_scale(table));
}

/// ω, on the host: row r has those of context r, and zeros behind them [contexts, widest].
const double* weights_of(const Context& context, const ConceptRows& rows, int widest) {
  double* weights = context.arena.allocate_zero<double>(std::int64_t{rows.contexts()} * widest);
  for (int r = 0; r < rows.contexts(); ++r) {
    double* const row = weights + std::int64_t{r} * widest;
    const int columns = rows.columns(r);
    double sum = 0;  // intensities are near 0 to 1
    for (int j = 0; j < columns; ++j) sum += row[j] = std::exp(rows.intensity[rows.offsets[r] + j]);
    for (int j = 0; j < columns; ++j) row[j] /= sum;
  }
  return weights;
}

/// Unit vectors: pooled from them, a softmax is itself.
template <class T> Variable<T> units(Tape<T>& tape, int count) {
  return constant_of<T>(tape, {count, count}, [=](std::int64_t i) { return i / count == i % count ? 1 : 0; });
}

/// a [target rows, widest] from the heads' mean logits of every target row and the columns of its context.
template <class T>
Variable<T> source_attention(Tape<T>& tape, const ConceptRows& rows, const KempTargets& targets, Variable<T> logits) {
  const Context& context = tape.context();
  const int tokens = targets.offsets.back();
  std::int32_t* offsets = context.arena.template allocate<std::int32_t>(std::int64_t{tokens} + 1);
  std::int32_t* columns = context.arena.template allocate<std::int32_t>(logits.value().count());
  offsets[0] = 0;
  for (int s = 0; s + 1 < targets.offsets.size(); ++s) {
    const int width = rows.columns(targets.contexts[s]);
    for (int token = targets.offsets[s]; token < targets.offsets[s + 1]; ++token) {
      std::iota(columns + offsets[token], columns + offsets[token] + width, 0);
      offsets[token + 1] = offsets[token] + width;
    }
  }
  return attention_pooling<T>(tape, Indices(offsets, tokens + 1), logits, units(tape, rows.widest()),
                              Indices(columns, offsets[tokens]))
      .y;
}

/// (ā_j − ω_j)² divided by the number of the context's columns, and zeros behind them [contexts, widest].
template <class T>
Variable<T> attention_errors(Tape<T>& tape, const ConceptRows& rows, Indices target_offsets, Variable<T> attention) {
  const Variable<T> mean = attention_pooling<T>(tape, target_offsets, {}, attention).y;
  const double* weights = weights_of(tape.context(), rows, rows.widest());
  const Variable<T> errors =
      squared_error(tape, mean, constant_of<T>(tape, mean.shape(), [&](std::int64_t i) { return weights[i]; }));
  return multiply(tape, errors, constant_of<T>(tape, {rows.contexts(), 1}, [&](std::int64_t r) {
                    return 1.0 / rows.columns(static_cast<int>(r));
                  }));
}

/// The loss of every target token of a batch.
template <class T>
VocabularyLoss<T> loss_of(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                          const ContextBatch& batch, const ConceptRows& rows, const KempDecoded<T>& decoded) {
  if (!config.copy) return target_loss(tape, p.output, decoded.states, batch, config.label_smoothing);
  const Context& context = tape.context();
  const Indices offsets = batch.dialogues.target_offsets;
  const int replies = batch.replies(), widest = rows.widest();
  std::int32_t* answered = context.arena.template allocate<std::int32_t>(offsets.back());
  std::int32_t* ids = context.arena.template allocate<std::int32_t>(std::int64_t{replies} * widest);
  std::int32_t* sources = context.arena.template allocate<std::int32_t>(std::int64_t{replies} + 1);
  std::int64_t* weights = context.arena.template allocate<std::int64_t>(std::int64_t{replies} + 1);
  for (int r = 0; r <= replies; ++r) {
    sources[r] = r * widest;
    weights[r] = std::int64_t{offsets[r]} * widest;
    if (r == replies) break;
    copied_words(rows, batch.contexts, r, ids + sources[r]);
    std::fill(answered + offsets[r], answered + offsets[r + 1], r);
  }
  const KempCopy<T> copy =
      kemp_copy(tape, p, rows, Indices(answered, offsets.back()), decoded.states, decoded.attention);
  const RowLayout layout{
      .source_offsets = {sources, replies + 1}, .target_offsets = offsets, .weight_offsets = {weights, replies + 1}};
  return copy_loss<T>(tape, layout, linear_layer(tape, p.output, {decoded.states}), copy.gate, copy.weights,
                      Indices(ids, replies * widest), batch.extended_targets,
                      {.smoothing = config.label_smoothing, .excluded = pad_id});
}

}  // namespace

template <class T>
KempContext<T> read_kemp_contexts(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                                  Variable<T> words, Indices word_ids, const ContextRows& contexts,
                                  const PassOptions& options) {
  const Range range(tape, "context encoder");
  KempContext<T> out{.rows = concept_rows(tape.context(), config, contexts, knowledge_of(tape, config, p, word_ids))};
  const ConceptRows& rows = out.rows;
  Variable<T> x = read_contexts(tape, p.table, words, contexts);
  if (config.has_graph()) {
    const Variable<T> behind = read_behind(tape, p.table, rows);
    const Variable<T> columns = gather_stacked_rows<T>(tape, x, behind, rows.order);
    const Variable<T> seen = graph_attention(tape, config, p, contexts, rows, x, columns, options);
    x = gather_stacked_rows<T>(tape, seen, behind, rows.order);
  }
  out.states = transformer_encoder(tape, config.transformer, p.context, rows.offsets, {x});
  const Variable<T> intensity =
      config.has_knowledge()
          ? constant_of<T>(tape, {rows.intensity.size(), 1}, [&](std::int64_t i) { return rows.intensity[i]; })
          : Variable<T>{};
  out.signal = attention_pooling<T>(tape, rows.offsets, intensity, out.states).y;
  out.logits = linear(tape, {out.signal}, p.classifier, Variable<T>{});
  out.start = linear_layer(tape, p.start, {out.logits});
  return out;
}

template <class T>
KempDecoded<T> kemp_decoder(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                            const KempContext<T>& read, const KempTargets& targets, Variable<T> said,
                            Variable<T> source, bool look) {
  const int tokens = targets.offsets.back(), starts = read.start.rows();
  std::int32_t* inputs = tape.context().arena.template allocate<std::int32_t>(tokens);
  std::int32_t* contexts = tape.context().arena.template allocate<std::int32_t>(tokens);
  for (int s = 0; s + 1 < targets.offsets.size(); ++s)
    for (int token = targets.offsets[s]; token < targets.offsets[s + 1]; ++token) {
      inputs[token] = token == targets.offsets[s] ? targets.contexts[s] : starts + token;
      contexts[token] = targets.contexts[s];
    }
  const Variable<T> x = gather_stacked_rows<T>(tape, read.start, said, Indices(inputs, tokens));
  const Variable<T> beside =
      config.has_fusion() ? gather_rows<T>(tape, {{read.signal, Indices(contexts, tokens)}}) : Variable<T>{};
  const TransformerDecoded<T> decoded =
      transformer_decoder(tape, config.transformer, p.decoder, targets.offsets, {x}, targets.source_offsets, source,
                          look ? AttentionMean::logits : AttentionMean::none, beside);
  return {.states = decoded.states,
          .attention = look ? source_attention(tape, read.rows, targets, decoded.mean) : Variable<T>{}};
}

template <class T>
KempCopy<T> kemp_copy(Tape<T>& tape, const KempParameters<Variable<T>>& p, const ConceptRows& rows, Indices contexts,
                      Variable<T> states, Variable<T> attention) {
  const int tokens = states.rows(), widest = attention.columns();
  std::int32_t* offsets = tape.context().arena.template allocate<std::int32_t>(std::int64_t{tokens} + 1);
  std::int32_t* columns = tape.context().arena.template allocate<std::int32_t>(std::int64_t{tokens} * widest);
  for (int token = 0; token <= tokens; ++token) offsets[token] = token * widest;
  for (int token = 0; token < tokens; ++token) std::iota(columns + offsets[token], columns + offsets[token + 1], 0);
  const Variable<T> behind = constant_of<T>(tape, {tokens, widest}, [&](std::int64_t i) {
    return i % widest < rows.columns(contexts[i / widest]) ? 0.0 : -1e30;
  });
  return {.gate = linear_layer(tape, p.copy_gate, {states}),
          .weights = attention_pooling<T>(tape, Indices(offsets, tokens + 1), add(tape, attention, behind),
                                          units(tape, widest), Indices(columns, tokens * widest))
                         .y};
}

void copied_words(const ConceptRows& rows, const ContextRows& contexts, int context, std::int32_t* ids) {
  const int first = contexts.offsets[context], words = contexts.offsets[context + 1] - first,
            columns = rows.columns(context);
  std::fill_n(ids, rows.widest(), -1);
  for (int i = 0; i < words; ++i) ids[i] = contexts.extended[first + i];
  for (int j = words; j < columns; ++j)
    if (const std::int32_t place = rows.behind[rows.offsets[context] - first + j - words]; place < rows.concepts.size())
      ids[j] = rows.concepts[place];
}

PointerSources pointer_sources(const ConceptRows& rows, const ContextRows& contexts) {
  constexpr std::int32_t cls = -1, sep = -2;
  PointerSources sources;
  std::vector<std::int32_t> ids(static_cast<std::size_t>(rows.widest()));
  for (int r = 0; r < contexts.rows(); ++r) {
    copied_words(rows, contexts, r, ids.data());
    const Indices given =
        Indices(contexts.given).subspan(contexts.offsets[r], contexts.offsets[r + 1] - contexts.offsets[r]);
    for (int j = 0; j < rows.columns(r); ++j) {
      const std::int32_t word = ids[static_cast<std::size_t>(j)];
      if (word < 0)
        sources.add(j == 0 ? cls : sep, -1);
      else
        sources.add(word, j < given.size() ? given[j] : word);
    }
    sources.end_row();
  }
  return sources;
}

template <class T>
KempPass<T> kemp_forward(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options) {
  const DialogueBatch& d = batch.dialogues;
  const Variable<T> words = read_words(tape, p.table, batch);
  const KempContext<T> read = read_kemp_contexts(tape, config, p, words, d.word_ids, batch.contexts, options);
  KempPass<T> pass{.logits = gather_rows<T>(tape, {{read.logits, d.row_of_turn}}),
                   .concepts = read.rows.concepts.size()};
  const Range range(tape, "decoder and losses");
  const bool supervised = config.has_attention_loss();
  const KempDecoded<T> decoded =
      kemp_decoder(tape, config, p, read,
                   {.offsets = d.target_offsets,
                    .contexts = all_rows(tape.context(), batch.replies()),
                    .source_offsets = read.rows.offsets},
                   read_targets(tape, p.table, words, batch), read.states, supervised || config.copy);
  const VocabularyLoss<T> said = loss_of(tape, config, p, batch, read.rows, decoded);
  pass.nll = said.nll;
  LossTerms<T> terms;
  terms.add(kemp_generation, said.loss, 1.0, 1.0);
  if (d.emotion_labels > 0) terms.add(kemp_emotion, softmax_cross_entropy<T>(tape, pass.logits, d.emotion), 1.0, 1.0);
  if (supervised)
    terms.add(kemp_attention, attention_errors(tape, read.rows, d.target_offsets, decoded.attention),
              config.weight_attention / batch.replies(), 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

template <class T> KempPass<T> kemp_on_host(const Context& context, KempPass<T> pass) {
  pass.logits = on_host(context, pass.logits);
  pass.nll = on_host(context, pass.nll);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                     \
  template KempContext<T> read_kemp_contexts(Tape<T>&, const KempConfig&, const KempParameters<Variable<T>>&,      \
                                             Variable<T>, Indices, const ContextRows&, const PassOptions&);        \
  template KempDecoded<T> kemp_decoder(Tape<T>&, const KempConfig&, const KempParameters<Variable<T>>&,            \
                                       const KempContext<T>&, const KempTargets&, Variable<T>, Variable<T>, bool); \
  template KempCopy<T> kemp_copy(Tape<T>&, const KempParameters<Variable<T>>&, const ConceptRows&, Indices,        \
                                 Variable<T>, Variable<T>);                                                        \
  template KempPass<T> kemp_forward(Tape<T>&, const KempConfig&, const KempParameters<Variable<T>>&,               \
                                    const ContextBatch&, const PassOptions&);                                      \
  template KempPass<T> kemp_on_host(const Context&, KempPass<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
