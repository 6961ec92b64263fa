#include "model/kemp/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "model/blocks/layers.h"

#include <algorithm>

namespace ethreed {

template <class T>
KempReplies<T>::KempReplies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, AnsweredContexts answered, const KempContext<T>& read)
    : tape_(&tape),
      config_(&config),
      parameters_(parameters),
      rows_(std::move(answered.rows)),
      read_(read),
      host_logits_(on_host(tape.context(), read.logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
  const int widest = read_.rows.widest();
  ids_.resize(rows_.size() * static_cast<std::size_t>(widest));
  for (int r = 0; r < rows(); ++r)
    copied_words(read_.rows, answered.contexts, batch.dialogues.word_ids, r, ids_.data() + std::ptrdiff_t{r} * widest);
}

template <class T> NextWords<T> KempReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words);
  prefixes_.choose_sources(read_.rows.offsets);
  const MarkedTable<Variable<T>>& table = parameters_.table;
  const Variable<T> said = scale(tape, embedding<T>(tape, table.words, prefixes_.words()), word_scale(table));
  const Variable<T> source = gather_rows<T>(tape, {{read_.states, prefixes_.source_rows()}});
  const KempDecoded<T> decoded = kemp_decoder(
      tape, *config_, parameters_, read_,
      {.offsets = prefixes_.offsets(), .contexts = prefixes_.rows(), .source_offsets = prefixes_.source_offsets()},
      said, source, config_->copy);
  const Variable<T> last = gather_rows<T>(tape, {{decoded.states, prefixes_.last()}});
  const Variable<T> logits = linear_layer(tape, parameters_.output, {last});
  if (config_->copy) return mixture(logits, last, gather_rows<T>(tape, {{decoded.attention, prefixes_.last()}}));
  return {log_softmax(tape, logits).data(), logits.columns()};
}

// log P of every word, from O and a of each hypothesis's last word.
template <class T> NextWords<T> KempReplies<T>::mixture(Variable<T> logits, Variable<T> states, Variable<T> attention) {
  Tape<T>& tape = *tape_;
  Context& context = tape.context();
  const Indices rows = prefixes_.rows();
  const int hypotheses = rows.size(), widest = attention.columns(), vocabulary = logits.columns();
  const std::int64_t columns = std::int64_t{hypotheses} * widest;
  std::int32_t* ids = context.arena.template allocate<std::int32_t>(columns);
  std::int32_t* sources = context.arena.template allocate<std::int32_t>(std::int64_t{hypotheses} + 1);
  std::int64_t* weights = context.arena.template allocate<std::int64_t>(std::int64_t{hypotheses} + 1);

  for (int k = 0; k <= hypotheses; ++k) weights[k] = sources[k] = k * widest;
  for (int k = 0; k < hypotheses; ++k)
    std::copy_n(ids_.begin() + std::ptrdiff_t{rows[k]} * widest, widest, ids + sources[k]);
  const KempCopy<T> copy = kemp_copy(tape, parameters_, read_.rows, rows, states, attention);

  T* out = context.values.template allocate<T>(std::int64_t{hypotheses} * vocabulary);
  pointer_distribution_forward(
      context, PointerDistributionForward<T>{
                   .layout = {{sources, hypotheses + 1}, all_rows(context, hypotheses + 1), {weights, hypotheses + 1}},
                   .vocabulary = vocabulary,
                   .logits = logits.data(),
                   .gate_logit = copy.gate.data(),
                   .weights = copy.weights.data(),
                   .source_ids = ids,
                   .out = out});
  return {out, vocabulary};
}

template <class T>
KempReplies<T> kemp_replies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(!options.plans(), "model 'kemp' plans no emotion of its replies: it cannot be set");
  AnsweredContexts answered = answered_contexts(batch, options.answer);
  const KempContext<T> read =
      read_kemp_contexts(tape, config, parameters, read_words(tape, parameters.table, batch), batch.dialogues.word_ids,
                         answered.contexts, {.purpose = Purpose::validate});
  return KempReplies<T>(tape, config, parameters, batch, std::move(answered), read);
}

#define ETHREED_INSTANTIATE(T)                                                                          \
  template class KempReplies<T>;                                                                        \
  template KempReplies<T> kemp_replies(Tape<T>&, const KempConfig&, const KempParameters<Variable<T>>&, \
                                       const ContextBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
