#include "model/emphi/replies.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "kernels/pointer_distribution/pointer_distribution.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

constexpr float impossible = -100;  // a logit

}  // namespace

template <class T>
EmphiReplies<T>::EmphiReplies(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const EmphiBatch& batch, const ReplyOptions& options)
    : tape_(&tape), config_(config), parameters_(parameters) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
  ETHREED_CHECK(!options.plans(), "model 'emphi' plans no emotion of its replies: it cannot be set");
  const DialogueBatch& d = batch.dialogues;
  Context& context = tape.context();
  choose_rows(d, options.answer);
  const EmphiContext<T> read = read_context(tape, config, parameters, batch);
  emotion_logits_ = on_host(context, read.emotion_logits);
  intent_logits_ = on_host(context, read.intent_logits);
  std::vector<std::int32_t> of_turns;
  for (int i = 0; i < d.turns(); ++i) {
    const std::span<const T> logits = intent_logits_.value().row_span(i);
    of_turns.push_back(options.sample_latent
                           ? drawn_intent<T>(logits, options.choice(d.turn_dialogue[i]).seed, d.place(i))
                           : likeliest_intent<T>(logits));
  }
  for (const std::int32_t turn : turn_rows_)
    for (std::int32_t z = 0; z < count_of(emphi_intents); ++z)
      chosen_.push_back(z == of_turns[turn] ? T{0} : T{impossible});
  memory_ = decoder_memory(tape, config, parameters, batch, read, of_turns);
  key_offsets_ = batch.key_offsets;
  keywords_.assign(memory_.keywords.begin(), memory_.keywords.end());
  const std::int64_t most = std::int64_t{rows()} * options.hypotheses_per_row;
  for (std::size_t layer = 0; layer < states_.size(); ++layer) {
    const Variable<T> initial = gather_rows<T>(tape, {{memory_.initial[layer], decoder_rows_}});
    states_[layer] = context.values.template allocate<T>(std::max<std::int64_t>(most, rows()) * config.embedding);
    context.copy(states_[layer], initial.data(), initial.value().count());
  }
  kept_ = rows();
  row_of_slot_.resize(rows_.size());
  std::iota(row_of_slot_.begin(), row_of_slot_.end(), 0);
}

template <class T> void EmphiReplies<T>::choose_rows(const DialogueBatch& batch, Answer answer) {
  std::vector<std::int32_t> last(batch.dialogues(), 0);
  for (int i = 0; i < batch.turns(); ++i) {
    std::int32_t& turn = last[batch.turn_dialogue[i]];
    turn = std::max(turn, batch.turn_time[i]);
  }
  for (int r = 0; r < batch.turns(); ++r) {
    const std::int32_t turn_row = batch.turn_of_row[r];
    const std::int32_t dialogue = batch.turn_dialogue[turn_row], t = batch.turn_time[turn_row];
    if (answer == Answer::last_turn && t != last[dialogue]) continue;
    decoder_rows_.push_back(r);
    turn_rows_.push_back(turn_row);
    rows_.push_back({.dialogue = dialogue, .turn = t, .place = batch.place(turn_row)});
  }
}

template <class T> std::span<const T> EmphiReplies<T>::insight(int row, int i) const {
  constexpr std::size_t intents = emphi_intents.size();
  if (i == 1) return std::span(chosen_).subspan(static_cast<std::size_t>(row) * intents, intents);
  return (i == 0 ? emotion_logits_ : intent_logits_).value().row_span(turn_rows_[row]);
}

// The arrays of one step, from the hypotheses that go on.
template <class T> void EmphiReplies<T>::lay_out(Indices parents, Indices words) {
  const int n = parents.size(), keywords = config_.keywords;
  next_rows_.clear();
  for (const std::int32_t parent : parents) next_rows_.push_back(row_of_slot_[parent]);
  row_of_slot_.swap(next_rows_);
  state_rows_.assign(parents.begin(), parents.end());
  inputs_.assign(words.begin(), words.end());
  step_offsets_ = {0, n};
  for (auto* list : {&memory_rows_, &key_rows_, &step_keywords_}) list->clear();
  for (auto* list : {&step_key_offsets_, &source_offsets_}) list->assign(1, 0);
  weight_offsets_.assign(1, 0);
  for (const std::int32_t row : row_of_slot_) {
    const std::int32_t r = decoder_rows_[row];
    memory_rows_.push_back(r);
    for (std::int32_t j = key_offsets_[r]; j < key_offsets_[r + 1]; ++j) key_rows_.push_back(j);
    step_key_offsets_.push_back(count_of(key_rows_));
    source_offsets_.push_back(source_offsets_.back() + keywords);
    weight_offsets_.push_back(source_offsets_.back());
    if (config_.has_explicit())
      step_keywords_.insert(step_keywords_.end(), keywords_.begin() + std::ptrdiff_t{r} * keywords,
                            keywords_.begin() + std::ptrdiff_t{r + 1} * keywords);
  }
  numbers_.resize(static_cast<std::size_t>(n) + 1);
  std::iota(numbers_.begin(), numbers_.end(), 0);
}

template <class T> NextWords<T> EmphiReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  Context& context = tape.context();
  const std::int64_t n = parents.size();
  lay_out(parents, words);
  std::array<Variable<T>, 2> states;
  for (std::size_t layer = 0; layer < states.size(); ++layer)
    states[layer] =
        gather_rows<T>(tape, {{tape.constant({states_[layer], Shape{kept_, config_.embedding}}), state_rows_}});
  EmphiMemory<T> memory{
      .keys = gather_rows<T>(tape, {{memory_.keys, key_rows_}}), .key_offsets = step_key_offsets_, .initial = states};
  if (config_.has_implicit()) {
    memory.emotion = gather_rows<T>(tape, {{memory_.emotion, memory_rows_}});
    memory.intent = gather_rows<T>(tape, {{memory_.intent, memory_rows_}});
  }
  const Variable<T> y = embedding<T>(tape, parameters_.embedding, inputs_);
  states = decoder_step(tape, config_, parameters_.decoder, Packing{step_offsets_}, memory, y, states, numbers_);
  for (std::size_t layer = 0; layer < states.size(); ++layer)
    context.copy(states_[layer], states[layer].data(), states[layer].value().count());
  kept_ = n;
  const RowLayout layout{source_offsets_, numbers_, weight_offsets_};
  const EmphiOutput<T> out = decoder_output(tape, config_, parameters_, layout, states[1], step_keywords_);
  const int vocabulary = config_.vocabulary;
  if (!config_.has_explicit()) return {log_softmax(tape, out.logits).data(), vocabulary};
  T* distribution = context.values.template allocate<T>(n * vocabulary);
  pointer_distribution_forward(context, PointerDistributionForward<T>{.layout = layout,
                                                                      .vocabulary = vocabulary,
                                                                      .logits = out.logits.data(),
                                                                      .gate_logit = out.vocabulary.data(),
                                                                      .weights = out.keywords.data(),
                                                                      .source_ids = step_keywords_.data(),
                                                                      .out = distribution});
  return {distribution, vocabulary};
}

template <class T>
EmphiReplies<T> EmphiConversation<T>::read(Tape<T>& tape, const EmphiConfig& config,
                                           const EmphiParameters<Variable<T>>& parameters, Indices reply, Indices post,
                                           std::int64_t place, const ReplyOptions& options) {
  static constexpr std::array<std::int32_t, 1> nothing{eos_id};
  ETHREED_CHECK(begun_ != reply.empty(), "conversation: {}",
                begun_ ? "the reply before this post is missing" : "a reply before the first post");
  const auto say = [&](Indices utterance) {  // without its EOS
    history_.insert(history_.end(), utterance.begin(), utterance.end() - 1);
    history_.push_back(emphi_separator);
  };
  if (begun_) say(reply);
  const TurnInput turn{.post = post, .response = nothing};
  const Example example{.turns = {&turn, 1}, .place = place};
  batch_.build(config, {&example, 1}, history_);
  tape.context().stage(batch_.arrays());
  say(post);
  begun_ = true;
  const std::ptrdiff_t unread = count_of(history_) - config.context_tokens;
  if (unread > 0) history_.erase(history_.begin(), history_.begin() + unread);
  return EmphiReplies<T>(tape, config, parameters, batch_, options);
}

template class EmphiReplies<float>;
template class EmphiReplies<double>;
template class EmphiConversation<float>;
template class EmphiConversation<double>;

}  // namespace ethreed
