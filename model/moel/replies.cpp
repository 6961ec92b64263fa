#include "model/moel/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/interface/answered_contexts.h"

namespace ethreed {

template <class T>
MoelReplies<T>::MoelReplies(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
                            std::vector<ReplyRow> rows, const MoelContext<T>& context,
                            std::vector<std::int32_t> source_offsets)
    : tape_(&tape),
      config_(&config),
      parameters_(parameters),
      rows_(std::move(rows)),
      context_(context),
      source_offsets_(std::move(source_offsets)),
      choice_(choose_listeners(tape.context(), config, context.logits)),
      host_logits_(on_host(tape.context(), context.logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
}

template <class T> NextWords<T> MoelReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words, config_->vocabulary);
  prefixes_.choose_sources(source_offsets_);
  const MarkedTable<Variable<T>>& table = parameters_.table;
  const Variable<T> said = scale(tape, embedding<T>(tape, table.words, prefixes_.words()), word_scale(table));
  const Variable<T> source = gather_rows<T>(tape, {{context_.states, prefixes_.source_rows()}});
  const Variable<T> states =
      moel_decoder(tape, *config_, parameters_, chosen_for(tape.context(), choice_, prefixes_.rows()), context_.logits,
                   prefixes_.offsets(), said, prefixes_.source_offsets(), source);
  const Variable<T> last = gather_rows<T>(tape, {{states, prefixes_.last()}});
  const Variable<T> logits = linear_layer(tape, parameters_.output, {last});
  return {log_softmax(tape, logits).data(), logits.columns()};
}

template <class T>
MoelReplies<T> moel_replies(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(!options.plans(), "model 'moel' plans no emotion of its replies: it cannot be set");
  AnsweredContexts answered = answered_contexts(batch, options.answer);
  const MoelContext<T> read =
      read_moel_contexts(tape, config, parameters, read_words(tape, parameters.table, batch), answered.contexts);
  return MoelReplies<T>(tape, config, parameters, std::move(answered.rows), read, std::move(answered.contexts.offsets));
}

#define ETHREED_INSTANTIATE(T)                                                                          \
  template class MoelReplies<T>;                                                                        \
  template MoelReplies<T> moel_replies(Tape<T>&, const MoelConfig&, const MoelParameters<Variable<T>>&, \
                                       const ContextBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
