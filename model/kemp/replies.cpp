#include "model/kemp/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/interface/answered_contexts.h"

namespace ethreed {

template <class T>
KempReplies<T>::KempReplies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            std::vector<ReplyRow> rows, const KempContext<T>& read, ReplyPointer<T> pointer)
    : tape_(&tape),
      config_(&config),
      parameters_(parameters),
      rows_(std::move(rows)),
      read_(read),
      pointer_(std::move(pointer)),
      host_logits_(on_host(tape.context(), read.logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
}

template <class T> NextWords<T> KempReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words, config_->vocabulary);
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
  const Indices rows = prefixes_.rows();
  const KempCopy<T> copy = kemp_copy(*tape_, parameters_, read_.rows, rows, states, attention);
  return pointer_.next_words(tape_->context(), rows, logits.data(), copy.gate.data(), copy.weights.data(),
                             attention.columns());
}

template <class T>
KempReplies<T> kemp_replies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(!options.plans(), "model 'kemp' plans no emotion of its replies: it cannot be set");
  AnsweredContexts answered = answered_contexts(batch, options.answer);
  const KempContext<T> read =
      read_kemp_contexts(tape, config, parameters, read_words(tape, parameters.table, batch), batch.dialogues.word_ids,
                         answered.contexts, {.purpose = Purpose::validate});
  ReplyPointer<T> pointer =
      config.copy ? ReplyPointer<T>(pointer_sources(read.rows, answered.contexts), config.vocabulary, options.look)
                  : ReplyPointer<T>();
  return KempReplies<T>(tape, config, parameters, std::move(answered.rows), read, std::move(pointer));
}

#define ETHREED_INSTANTIATE(T)                                                                          \
  template class KempReplies<T>;                                                                        \
  template KempReplies<T> kemp_replies(Tape<T>&, const KempConfig&, const KempParameters<Variable<T>>&, \
                                       const ContextBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
