#include "model/ethreed/replies.h"

#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "kernels/pointer_distribution/pointer_distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

// Decoder rows of the turns that are answered.
std::vector<std::int32_t> answered_rows(const DialogueBatch& batch, Answer answer) {
  std::vector<std::int32_t> rows(batch.turns());
  std::iota(rows.begin(), rows.end(), 0);
  if (answer == Answer::every_turn) return rows;
  std::vector<std::int32_t> last(batch.dialogues(), 0);
  for (int i = 0; i < batch.turns(); ++i) {
    std::int32_t& best = last[batch.turn_dialogue[i]];
    best = std::max(best, batch.turn_time[i]);
  }
  std::erase_if(rows, [&](std::int32_t r) {
    const int turn = batch.turn_of_row[r];
    return batch.turn_time[turn] != last[batch.turn_dialogue[turn]];
  });
  return rows;
}

}  // namespace

template <class T>
EthreedReplies<T>::EthreedReplies(Tape<T>& tape, const EthreedParameters<Variable<T>>& parameters,
                                  const DialogueBatch& batch, const DialogueState<T>& state,
                                  const ReplyOptions& options)
    : tape_(&tape),
      parameters_(parameters.decoder),
      embedding_(parameters.embedding),
      batch_(&batch),
      memory_(decoder_memory(tape, parameters, batch, state)),
      speaker_logits_(on_host(tape.context(), state.speaker_logits)),
      reply_logits_(on_host(tape.context(), state.reply_logits)),
      vocabulary_(parameters.decoder.vocabulary.weight.rows()),
      looks_(options.look),
      decoder_rows_(answered_rows(batch, options.answer)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
  for (int r = 0; r < rows(); ++r) {
    const std::int32_t decoder_row = decoder_rows_[r];
    slots_.push_back({r, decoder_row, std::vector<T>(batch.rows().source_count(decoder_row), T{0})});
  }
  // States outlive the memory of their step here.
  const std::int64_t most = std::max<std::int64_t>(batch.turns(), std::int64_t{rows()} * options.hypotheses_per_row);
  Context& context = tape.context();
  states_ = context.values.template allocate<T>(most * state_width());
  context.copy(states_, memory_.initial.data(), std::int64_t{batch.turns()} * state_width());
  kept_ = batch.turns();
}

template <class T> ReplyRow EthreedReplies<T>::row(int r) const {
  const int turn_row = batch_->turn_of_row[decoder_rows_[r]];
  return {.dialogue = batch_->turn_dialogue[turn_row],
          .turn = batch_->turn_time[turn_row],
          .place = batch_->place(turn_row)};
}

template <class T> NextWords<T> EthreedReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  Context& context = tape.context();
  const auto n = static_cast<std::int64_t>(parents.size());
  lay_out(parents, words);
  const Variable<T> kept = tape.constant({states_, Shape{kept_, state_width()}});
  const Variable<T> previous = gather_rows<T>(tape, {{kept, state_rows_}});
  const Variable<T> inputs = embedding<T>(tape, embedding_, inputs_);
  const DecoderMemory<T> memory{.states = gather_rows<T>(tape, {{memory_.states, source_rows_}}),
                                .keys = gather_rows<T>(tape, {{memory_.keys, source_rows_}}),
                                .initial = previous,
                                .emotion = gather_rows<T>(tape, {{memory_.emotion, rows_}}),
                                .emotion_keys = gather_rows<T>(tape, {{memory_.emotion_keys, rows_}})};
  const Packing step{step_offsets_};
  const Variable<T> s = decoder_states<T>(tape, parameters_, step, inputs, memory_, rows_, previous);
  const RowLayout layout{source_offsets_, target_offsets_, weight_offsets_};
  const T* coverage = context.to_device(coverage_.data(), static_cast<std::int64_t>(coverage_.size()));
  DeepOutputInputs<T> deep;
  if (parameters_.deep_output) deep = {inputs, gather_rows<T>(tape, {{memory_.initial, rows_}})};
  const DecoderOutput<T> out = decode(tape, parameters_, layout, memory, s, previous, deep, coverage);
  context.copy(states_, s.data(), n * state_width());
  kept_ = n;
  const T* attention = context.to_host(out.attention.data(), layout.weights());
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    slots_[k].state = static_cast<std::int32_t>(k);
    std::vector<T>& received = slots_[k].coverage;
    for (std::size_t j = 0; j < received.size(); ++j) received[j] += attention[weight_offsets_[k] + j];
  }
  if (looks_) {
    attention_.assign(attention, attention + layout.weights());
    const T* gate_logit = context.to_host(out.gate_logit.data(), n);
    gates_.clear();
    for (std::int64_t k = 0; k < n; ++k) gates_.push_back(T{1} / (T{1} + std::exp(-gate_logit[k])));  // (23)
  }
  const int extra = extra_words(source_ids_, vocabulary_), count = vocabulary_ + extra;
  T* distribution = context.values.template allocate<T>(n * count);
  pointer_distribution_forward(context, PointerDistributionForward<T>{.layout = layout,
                                                                      .vocabulary = vocabulary_,
                                                                      .extra = extra,
                                                                      .logits = out.logits.data(),
                                                                      .gate_logit = out.gate_logit.data(),
                                                                      .weights = out.attention.data(),
                                                                      .source_ids = source_ids_.data(),
                                                                      .out = distribution});
  return {distribution, count};
}

// The arrays of one step, from the hypotheses that go on.
template <class T> void EthreedReplies<T>::lay_out(Indices parents, Indices words) {
  next_slots_.clear();
  for (const std::int32_t parent : parents) next_slots_.push_back(slots_[parent]);
  slots_.swap(next_slots_);
  const RowLayout all = batch_->rows();
  for (auto* ids : {&inputs_, &rows_, &state_rows_, &source_rows_, &source_ids_}) ids->clear();
  coverage_.clear();
  source_offsets_.assign(1, 0);
  target_offsets_.assign(1, 0);
  weight_offsets_.assign(1, 0);
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    const Slot& slot = slots_[k];
    const std::int32_t row = decoder_rows_[slot.row];
    inputs_.push_back(words[k] < vocabulary_ ? words[k] : unk_id);
    rows_.push_back(row);
    state_rows_.push_back(slot.state);
    for (int j = all.source(row); j < all.source(row + 1); ++j) {
      source_rows_.push_back(j);
      source_ids_.push_back(batch_->source_ids[j]);
    }
    coverage_.insert(coverage_.end(), slot.coverage.begin(), slot.coverage.end());
    source_offsets_.push_back(static_cast<std::int32_t>(source_rows_.size()));
    target_offsets_.push_back(target_offsets_.back() + 1);
    weight_offsets_.push_back(source_offsets_.back());
  }
  step_offsets_ = {0, static_cast<std::int32_t>(slots_.size())};
}

template <class T> std::int32_t EthreedReplies<T>::word_id(int row, std::int32_t word) const {
  if (word < vocabulary_) return word;
  const std::int32_t decoder_row = decoder_rows_[row];
  const auto first = batch_->source_ids.begin() + batch_->source_offsets[decoder_row];
  const auto place = std::find(first, batch_->source_ids.begin() + batch_->source_offsets[decoder_row + 1], word);
  ETHREED_ASSERT(place != batch_->source_ids.begin() + batch_->source_offsets[decoder_row + 1]);
  return batch_->source_words[place - batch_->source_ids.begin()];
}

template <class T> std::span<const T> EthreedReplies<T>::insight(int row, int i) const {
  const Variable<T>& logits = i == 0 ? speaker_logits_ : reply_logits_;
  const std::int32_t turn_row = batch_->turn_of_row[decoder_rows_[row]];
  return logits.value().row_span(turn_row);
}

template <class T> std::span<const std::int32_t> EthreedReplies<T>::source(int row) const {
  const std::size_t decoder_row = decoder_rows_[row];
  const std::size_t first = batch_->source_offsets[decoder_row];
  return std::span(batch_->source_ids).subspan(first, batch_->source_offsets[decoder_row + 1] - first);
}

template <class T> PointerLook<T> EthreedReplies<T>::look(int k) const {
  if (!looks_) return {};
  const std::size_t first = weight_offsets_[k], count = weight_offsets_[k + 1] - first;
  return {.attention = std::span(attention_).subspan(first, count),
          .coverage = std::span(coverage_).subspan(first, count),
          .generation_gate = gates_[k]};
}

template class EthreedReplies<float>;
template class EthreedReplies<double>;

}  // namespace ethreed
