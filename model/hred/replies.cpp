#include "model/hred/replies.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/hred/noise.h"
#include "model/interface/turn_rows.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

template <class T> Variable<T> row_of(Tape<T>& tape, const std::vector<T>& values) {
  if (values.empty()) return {};
  const auto columns = static_cast<std::int64_t>(values.size());
  return tape.constant(View<const T>(tape.context().to_device(values.data(), columns), {1, columns}));
}

// The last row of x, on the host.
template <class T> void keep_last(const Context& context, const Variable<T>& x, std::vector<T>& values) {
  const T* row = context.to_host(x.value().row(x.rows() - 1), x.columns());
  values.assign(row, row + x.columns());
}

}  // namespace

template <class T>
HredReplies<T>::HredReplies(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, std::vector<ReplyRow> rows,
                            Variable<T> conditioning, Variable<T> logits, const ReplyOptions& options)
    : tape_(&tape),
      parameters_(parameters),
      rows_(std::move(rows)),
      conditioning_(conditioning),
      logits_(on_host(tape.context(), logits)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
  ETHREED_CHECK(!options.plans(), "model 'hred' plans no emotion of its replies: it cannot be set");
  Context& context = tape.context();
  const Variable<T> initial = linear_layer(tape, parameters.decoder_initial, {conditioning}, Activation::tanh);
  kept_ = initial.rows();
  states_ = context.values.template allocate<T>(kept_ * options.hypotheses_per_row * initial.columns());
  context.copy(states_, initial.data(), kept_ * initial.columns());
  row_of_slot_.resize(rows_.size());
  std::iota(row_of_slot_.begin(), row_of_slot_.end(), 0);
}

template <class T> NextWords<T> HredReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  Context& context = tape.context();
  const int width = parameters_.decoder.weight_hh.columns(), vocabulary = parameters_.vocabulary.weight.rows();
  next_rows_.clear();
  for (const std::int32_t parent : parents) next_rows_.push_back(row_of_slot_[parent]);
  row_of_slot_.swap(next_rows_);
  state_rows_.assign(parents.begin(), parents.end());
  inputs_.assign(words.begin(), words.end());
  offsets_ = {0, static_cast<std::int32_t>(parents.size())};
  const Variable<T> kept = tape.constant({states_, Shape{kept_, width}});
  const Variable<T> previous = gather_rows<T>(tape, {{kept, state_rows_}});
  const Variable<T> y = embedding<T>(tape, parameters_.embedding, inputs_);
  const Variable<T> c = gather_rows<T>(tape, {{conditioning_, row_of_slot_}});
  const Variable<T> s = gru_layer(tape, parameters_.decoder, Packing{offsets_}, {y, c}, previous);
  context.copy(states_, s.data(), s.value().count());
  kept_ = s.rows();
  // The same sum over [s ; E ; c] as under teacher forcing.
  same_.resize(parents.size());
  std::iota(same_.begin(), same_.end(), 0);
  const Variable<T> logits = output_logits(tape, parameters_, gather_rows<T>(tape, {{s, same_}, {y, same_}}), c);
  return {log_softmax(tape, logits).data(), vocabulary};
}

template <class T>
HredReplies<T> hred_replies(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                            const HredBatch& batch, const ReplyOptions& options) {
  const DialogueBatch& d = batch.dialogues;
  HredNoise<T> noise;
  if (config.has_latent() && options.sample_latent)
    noise.latent = draw_latent_noise<T>(tape.context(), config, d, options);
  const HredContext<T> context = read_context(tape, config, parameters, d, noise);
  Variable<T> z;
  if (config.has_latent())
    z = draw_latent(tape, parameters, gather_rows<T>(tape, {{context.global, d.post_chain}}), {}, noise.latent).z;
  const Variable<T> all = conditioning_of(tape, config, batch, context, z);
  // Rows that are answered: by decoder row, and their turn rows.
  std::vector<std::int32_t> last(d.dialogues(), 0), chosen, turn_rows;
  for (int i = 0; i < d.turns(); ++i) {
    std::int32_t& turn = last[d.turn_dialogue[i]];
    turn = std::max(turn, d.turn_time[i]);
  }
  std::vector<ReplyRow> rows;
  for (int r = 0; r < d.turns(); ++r) {
    const std::int32_t turn_row = d.turn_of_row[r];
    const std::int32_t dialogue = d.turn_dialogue[turn_row], t = d.turn_time[turn_row];
    if (options.answer == Answer::last_turn && t != last[dialogue]) continue;
    chosen.push_back(r);
    turn_rows.push_back(turn_row);
    rows.push_back({.dialogue = dialogue, .turn = t, .place = d.place(turn_row)});
  }
  const Variable<T> conditioning = gather_rows<T>(tape, {{all, chosen}});
  const Variable<T> logits =
      config.has_emotion() ? gather_rows<T>(tape, {{context.speaker_logits, turn_rows}}) : Variable<T>{};
  return HredReplies<T>(tape, parameters, std::move(rows), conditioning, logits, options);
}

template <class T>
UtteranceLogits<T> hred_utterance_logits(Tape<T>& tape, const HredConfig& config,
                                         const HredParameters<Variable<T>>& parameters, const HredBatch& batch) {
  ETHREED_CHECK(config.has_emotion(), "model 'hred', variant {}, follows no emotions; give a run of emo_hred",
                config.variant());
  const PassOptions pass{.purpose = Purpose::validate, .sample_latent = false};
  const HredContext<T> context =
      read_context(tape, config, parameters, batch.dialogues, draw_noise<T>(tape.context(), config, batch, pass));
  return {.rows = rows_of_turns(batch.dialogues),
          .posts = on_host(tape.context(), context.speaker_logits),
          .responses = on_host(tape.context(), context.listener_logits)};
}

template <class T>
HredReplies<T> HredConversation<T>::read(Tape<T>& tape, const HredConfig& config,
                                         const HredParameters<Variable<T>>& parameters, Indices reply, Indices post,
                                         std::int64_t place, const ReplyOptions& options) {
  Context& context = tape.context();
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  const bool first = global_.empty();
  ETHREED_CHECK(first == reply.empty(), "conversation: {}",
                first ? "a reply before the first post" : "the reply before this post is missing");
  const TurnInput turn{.post = post, .response = first ? Indices(nothing) : reply};
  const Example example{.turns = {&turn, 1}, .place = place};
  batch_.build({&example, 1}, config.vocabulary);
  context.stage(batch_.arrays());
  const DialogueBatch& d = batch_.dialogues;
  const Variable<T> words = embedding<T>(tape, parameters.embedding, d.word_ids);
  const auto [forward, reverse] = bidirectional_gru_layer(tape, parameters.encoder_forward, parameters.encoder_reverse,
                                                          d.encoder_packing(), words, d.encoder_inputs);
  const Variable<T> both = gather_rows<T>(tape, {{forward, d.summary_last}, {reverse, d.summary_first}});
  // The new utterances in the order they were said; the batch has the post first.
  index_.assign(first ? std::initializer_list<std::int32_t>{0} : std::initializer_list<std::int32_t>{1, 0});
  steps_.resize(index_.size() + 1);
  std::iota(steps_.begin(), steps_.end(), 0);
  const Variable<T> summary = gather_rows<T>(tape, {{both, index_}});
  const Variable<T> g = gru_layer(tape, parameters.context, Packing{steps_}, {summary}, row_of(tape, global_));
  keep_last(context, g, global_);
  const Variable<T> last = tape.rows(g, g.rows() - 1, 1);
  static constexpr std::array<std::int32_t, 1> only{0};
  Variable<T> conditioning = last, logits;
  if (config.has_emotion()) {
    const Variable<T> e = gru_layer(tape, parameters.emotion, Packing{steps_}, {g}, row_of(tape, emotion_));
    keep_last(context, e, emotion_);
    const Variable<T> e_post = tape.rows(e, e.rows() - 1, 1);
    logits = linear_layer(tape, parameters.classifier, {e_post});
    conditioning = gather_rows<T>(tape, {{last, only}, {e_post, only}});
  }
  if (config.has_latent()) {
    const T* noise = options.sample_latent ? draw_latent_noise<T>(context, config, d, options) : nullptr;
    const Variable<T> z = draw_latent(tape, parameters, last, {}, noise).z;
    conditioning = gather_rows<T>(tape, {{last, only}, {z, only}});
  }
  return HredReplies<T>(tape, parameters, {{.dialogue = 0, .turn = 0, .place = place}}, conditioning, logits, options);
}

#define ETHREED_INSTANTIATE(T)                                                                                       \
  template class HredReplies<T>;                                                                                     \
  template class HredConversation<T>;                                                                                \
  template UtteranceLogits<T> hred_utterance_logits(Tape<T>&, const HredConfig&, const HredParameters<Variable<T>>&, \
                                                    const HredBatch&);                                               \
  template HredReplies<T> hred_replies(Tape<T>&, const HredConfig&, const HredParameters<Variable<T>>&,              \
                                       const HredBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
