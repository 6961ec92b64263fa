#include "model/ethreed/conversation.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/history_attention_function.h"
#include "model/blocks/layers.h"
#include "model/ethreed/reply_plan.h"

#include <numeric>

namespace ethreed {

template <class T> Variable<T> EthreedConversation<T>::Rows::on(Tape<T>& tape) const {
  if (values.empty()) return {};
  const T* data = tape.context().to_device(values.data(), static_cast<std::int64_t>(values.size()));
  return tape.constant(View<const T>(data, {count(), columns}));
}

template <class T> void EthreedConversation<T>::Rows::replace(const Context& context, const Variable<T>& rows) {
  values.clear();
  append(context, rows);
}

template <class T> void EthreedConversation<T>::Rows::append(const Context& context, const Variable<T>& rows) {
  columns = rows.columns();
  const T* data = context.to_host(rows.data(), rows.value().count());
  values.insert(values.end(), data, data + rows.value().count());
}

// (5) and its ablations for the new utterances, x = p (or g) of the reply (if there is one) and the post. Returns
// e^P_t.
template <class T>
Variable<T> EthreedConversation<T>::track_emotion(Tape<T>& tape, const EthreedConfig& config,
                                                  const TrackerParameters<Variable<T>>& parameters, Variable<T> x) {
  const Context& context = tape.context();
  const std::int64_t last = x.rows() - 1;
  if (!config.has_emotion_cell()) return tape.rows(x, last, 1);
  if (!config.has_two_chains()) {
    const Variable<T> e = gru_layer(tape, parameters.gru_e, Packing{steps_}, {x}, emotion_chain_.on(tape));
    const Variable<T> e_post = tape.rows(e, last, 1);
    emotion_chain_.replace(context, e_post);
    return e_post;
  }
  static constexpr std::array<std::int32_t, 2> one{0, 1};
  if (last > 0) {
    const Variable<T> e_response =
        gru_layer(tape, parameters.gru_e, Packing{one}, {tape.rows(x, 0, 1)}, emotion_response_.on(tape));
    emotion_response_.replace(context, e_response);
  }
  const Variable<T> e_post =
      gru_layer(tape, parameters.gru_e, Packing{one}, {tape.rows(x, last, 1)}, emotion_post_.on(tape));
  emotion_post_.replace(context, e_post);
  return e_post;
}

template <class T>
EthreedReplies<T> EthreedConversation<T>::read(Tape<T>& tape, const EthreedConfig& config,
                                               const EthreedParameters<Variable<T>>& parameters, Indices reply,
                                               Indices post, std::int64_t place, const ReplyOptions& options) {
  Context& context = tape.context();
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  const bool first = global_.count() == 0;
  ETHREED_CHECK(first == reply.empty(), "conversation: {}",
                first ? "a reply before the first post" : "the reply before this post is missing");
  const TurnInput turn{.post = post, .response = first ? Indices(nothing) : reply};
  const Example example{.turns = {&turn, 1}, .place = place};
  batch_.build({&example, 1}, config.vocabulary);
  context.stage(batch_.arrays());

  DialogueState<T> state;
  state.words = embedding<T>(tape, parameters.embedding, batch_.word_ids);
  state.utterances = encode_utterances(tape, parameters.encoder, batch_, state.words);
  // The new utterances in the order they were said; the batch has the post first.
  index_.assign(first ? std::initializer_list<std::int32_t>{0} : std::initializer_list<std::int32_t>{1, 0});
  const Variable<T> summary = gather_rows<T>(tape, {{state.utterances.summary, index_}});
  const int count = summary.rows();
  steps_.resize(count + 1);
  std::iota(steps_.begin(), steps_.end(), 0);

  const auto& tracker = parameters.tracker;
  Variable<T> last_global = global_.on(tape);
  if (last_global) last_global = tape.rows(last_global, global_.count() - 1, 1);
  const Variable<T> g = gru_layer(tape, tracker.gru_g, Packing{steps_}, {summary}, last_global);  // (1)
  Variable<T> x = g;
  if (config.has_party()) {
    // (4), (3): of all utterances, of which only the new ones are read.
    const Variable<T> keys = linear(tape, {g}, tracker.history_attention, Variable<T>{});
    const auto before = static_cast<std::int32_t>(global_.count());
    offsets_.resize(before + count + 1);
    std::iota(offsets_.begin(), offsets_.end(), 0);
    const auto with_new = [&](const Rows& old, const Variable<T>& fresh) {
      if (old.count() == 0) return fresh;
      return gather_stacked_rows<T>(tape, old.on(tape), fresh, std::span(offsets_).first(offsets_.size() - 1));
    };
    const Variable<T> a = history_attention(tape, Packing{offsets_}, with_new(summary_, summary), with_new(keys_, keys),
                                            with_new(global_, g));
    x = gru_layer(tape, tracker.gru_p, Packing{steps_}, {summary, tape.rows(a, before, count)},
                  party_.on(tape));  // (2)
    party_.replace(context, tape.rows(x, count - 1, 1));
    summary_.append(context, summary);
    keys_.append(context, keys);
  }
  state.tracked.emotion_post = track_emotion(tape, config, tracker, x);
  static constexpr std::array<std::int32_t, 2> one{0, 1};
  state.tracked.content =
      gru_layer(tape, tracker.gru_c, Packing{one}, {tape.rows(g, count - 1, 1)}, content_.on(tape));  // (7)
  content_.replace(context, state.tracked.content);
  global_.append(context, g);

  const T* noise = options.sample_latent ? draw_evaluation_noise<T>(context, config, batch_, options) : nullptr;
  state.policy = predict_reply_emotion(tape, config, parameters.policy, state.tracked.emotion_post, noise);
  state.speaker_logits = linear_layer(tape, parameters.classifier, {state.tracked.emotion_post});
  state.reply_logits = linear_layer(tape, parameters.classifier, {state.policy.reply});
  plan_reply_emotion(tape, config, parameters, batch_, options, state);
  return EthreedReplies<T>(tape, parameters, batch_, state, options);
}

template class EthreedConversation<float>;
template class EthreedConversation<double>;

}  // namespace ethreed
