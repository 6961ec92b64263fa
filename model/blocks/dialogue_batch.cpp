#include "model/blocks/dialogue_batch.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

namespace {

using Ids = std::vector<std::int32_t>;

// Offsets of a packing whose sequences have these lengths, longest first.
template <class Length> void pack(Ids& offsets, int sequences, Length length) {
  offsets.assign(1, 0);
  int alive = sequences;
  for (int t = 0;; ++t) {
    while (alive > 0 && length(alive - 1) <= t) --alive;
    if (alive == 0) return;
    offsets.push_back(offsets.back() + alive);
  }
}

// Indices 0 … n−1 by descending length; ties keep their order, so that a batch has one layout.
template <class Length> void sort_by_length(Ids& order, int n, Length length) {
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::int32_t a, std::int32_t b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
}

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

void DialogueBatch::build(std::span<const Example> dialogues, std::int32_t vocabulary, const WordMask& mask) {
  mask_ = mask;
  vocabulary_ = vocabulary;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    ETHREED_CHECK(!dialogues[d].turns.empty(), "DialogueBatch: dialogue {} has no turn", d);
    for (const TurnInput& turn : dialogues[d].turns)
      for (const auto words : {turn.post, turn.response}) {
        ETHREED_CHECK(!words.empty(),
                      "DialogueBatch: dialogue {} has an empty utterance; every utterance ends with EOS", d);
        for (const std::int32_t word : words) ETHREED_CHECK(word >= 0, "DialogueBatch: negative word id {}", word);
      }
  }
  places.clear();
  for (const Example& dialogue : dialogues) places.push_back(dialogue.place);
  sort_dialogues(dialogues);
  lay_out_turns(dialogues);
  lay_out_encoder(dialogues, vocabulary);
  lay_out_decoder(dialogues, vocabulary);
  collect_words(vocabulary);
  const auto join = [](Ids& joined, const Ids& first, const Ids& second) {
    joined.assign(first.begin(), first.end());
    joined.insert(joined.end(), second.begin(), second.end());
  };
  join(both_chain, post_chain, response_chain);
  join(both_pair, post_pair, response_pair);
}

DialogueBatch::Arrays DialogueBatch::arrays() const {
  const auto bytes = [](const auto& values) { return std::as_bytes(std::span(values)); };
  return {bytes(turn_offsets),    bytes(chain_offsets), bytes(pair_offsets),   bytes(encoder_offsets),
          bytes(decoder_offsets), bytes(emotion),       bytes(listener_label), bytes(post_chain),
          bytes(both_chain),      bytes(both_pair),     bytes(chain_of_pair),  bytes(word_ids),
          bytes(summary_last),    bytes(summary_first), bytes(turn_of_row),    bytes(source_offsets),
          bytes(target_offsets),  bytes(source_rows),   bytes(source_ids),     bytes(targets),
          bytes(state_rows),      bytes(previous_rows), bytes(weight_offsets), bytes(encoder_inputs),
          bytes(decoder_inputs),  bytes(copied_targets)};
}

void DialogueBatch::sort_dialogues(std::span<const Example> dialogues) {
  sort_by_length(dialogue_order, static_cast<int>(dialogues.size()),
                 [&](std::int32_t d) { return dialogues[at(d)].turns.size(); });
  pack(turn_offsets, static_cast<int>(dialogues.size()),
       [&](int rank) { return static_cast<int>(dialogues[at(dialogue_order[at(rank)])].turns.size()); });
}

void DialogueBatch::lay_out_turns(std::span<const Example> dialogues) {
  const int n = turn_offsets.back();
  for (Ids* ids : {&turn_dialogue, &turn_time, &emotion, &listener_label, &post_chain, &response_chain, &post_pair,
                   &response_pair})
    ids->resize(at(n));
  chain_of_pair.resize(at(2 * n));
  chain_turn_.resize(at(2 * n));
  chain_offsets.assign(1, 0);
  pair_offsets.assign(1, 0);
  listener_labels = 0;
  emotions = 0;
  const Packing turns{turn_offsets};
  for (int t = 0; t < turns.steps(); ++t) {
    const int alive = turns.alive(t);
    const int first = 2 * turns.offset(t);
    chain_offsets.push_back(first + alive);
    chain_offsets.push_back(first + 2 * alive);
    pair_offsets.push_back(first + 2 * alive);
    for (int rank = 0; rank < alive; ++rank) {
      const auto row = at(turns.row(t, rank));
      const std::int32_t d = dialogue_order[at(rank)];
      const TurnInput& turn = dialogues[at(d)].turns[at(t)];
      turn_dialogue[row] = d;
      turn_time[row] = t;
      emotion[row] = turn.emotion;
      listener_label[row] = turn.listener_label;
      emotions += turn.emotion >= 0;
      listener_labels += turn.listener_label >= 0;
      post_chain[row] = first + rank;
      response_chain[row] = first + alive + rank;
      post_pair[row] = first + 2 * rank;
      response_pair[row] = first + 2 * rank + 1;
      chain_of_pair[at(post_pair[row])] = post_chain[row];
      chain_of_pair[at(response_pair[row])] = response_chain[row];
      chain_turn_[at(post_chain[row])] = 2 * static_cast<std::int32_t>(row);
      chain_turn_[at(response_chain[row])] = 2 * static_cast<std::int32_t>(row) + 1;
    }
  }
}

// Is this word of the vocabulary unknown to the dialogue whose first turn is at `place`.
bool DialogueBatch::masked(std::int64_t place, std::int32_t word) const {
  return mask_.share > 0 && word >= mask_.from && word < vocabulary_ &&
         mask_.random.uniform(static_cast<std::uint64_t>(place * vocabulary_ + word)) < mask_.share;
}

std::span<const std::int32_t> DialogueBatch::utterance(std::span<const Example> dialogues, int chain_row) const {
  const std::int32_t code = chain_turn_[at(chain_row)];
  const auto row = at(code / 2);
  const TurnInput& turn = dialogues[at(turn_dialogue[row])].turns[at(turn_time[row])];
  return code % 2 == 0 ? turn.post : turn.response;
}

void DialogueBatch::lay_out_encoder(std::span<const Example> dialogues, std::int32_t vocabulary) {
  const int utterances = 2 * turns();
  sort_by_length(utterance_order_, utterances, [&](std::int32_t row) { return utterance(dialogues, row).size(); });
  utterance_rank_.resize(at(utterances));
  for (int rank = 0; rank < utterances; ++rank) utterance_rank_[at(utterance_order_[at(rank)])] = rank;
  pack(encoder_offsets, utterances,
       [&](int rank) { return static_cast<int>(utterance(dialogues, utterance_order_[at(rank)]).size()); });
  const Packing packing{encoder_offsets};
  encoder_inputs.resize(at(packing.rows()));
  summary_last.resize(at(utterances));
  summary_first.resize(at(utterances));
  for (int rank = 0; rank < utterances; ++rank) {
    const std::int32_t chain = utterance_order_[at(rank)];
    const auto words = utterance(dialogues, chain);
    const std::int64_t place = places[at(turn_dialogue[at(chain_turn_[at(chain)] / 2)])];
    for (std::size_t j = 0; j < words.size(); ++j)
      encoder_inputs[at(packing.row(static_cast<int>(j), rank))] =
          words[j] < vocabulary && !masked(place, words[j]) ? words[j] : unk_id;
    summary_first[at(chain)] = packing.row(0, rank);
    summary_last[at(chain)] = packing.row(static_cast<int>(words.size()) - 1, rank);
  }
}

void DialogueBatch::lay_out_decoder(std::span<const Example> dialogues, std::int32_t vocabulary) {
  const int n = turns();
  const auto turn_at = [&](std::int32_t row) -> const TurnInput& {
    return dialogues[at(turn_dialogue[at(row)])].turns[at(turn_time[at(row)])];
  };
  sort_by_length(turn_of_row, n, [&](std::int32_t row) { return turn_at(row).response.size(); });
  pack(decoder_offsets, n, [&](int r) { return static_cast<int>(turn_at(turn_of_row[at(r)]).response.size()); });
  const Packing packing{decoder_offsets};
  row_of_turn.resize(at(n));
  source_offsets.assign(1, 0);
  target_offsets.assign(1, 0);
  weight_offsets.assign(1, 0);
  for (Ids* ids : {&source_rows, &source_ids, &source_words, &targets, &copied_targets, &state_rows, &previous_rows})
    ids->clear();
  decoder_inputs.resize(at(packing.rows()));
  max_extra = 0;
  const Packing encoder{encoder_offsets};
  for (int r = 0; r < n; ++r) {
    const std::int32_t row = turn_of_row[at(r)];
    row_of_turn[at(row)] = r;
    const TurnInput& turn = turn_at(row);
    const int rank = utterance_rank_[at(post_chain[at(row)])];
    const std::int64_t dialogue = places[at(turn_dialogue[at(row)])];
    extra_.clear();
    // Extended id of a word: its own in the vocabulary, else V + its place among this post's unknown words.
    const auto extended = [&](std::int32_t word, bool add) -> std::int32_t {
      if (word < vocabulary && !masked(dialogue, word)) return word;
      const auto found = std::find(extra_.begin(), extra_.end(), word);
      if (found == extra_.end() && !add) return word < vocabulary ? word : unk_id;
      const auto place = static_cast<std::int32_t>(found - extra_.begin());
      if (found == extra_.end()) extra_.push_back(word);
      return vocabulary + place;
    };
    for (std::size_t j = 0; j < turn.post.size(); ++j) {
      source_rows.push_back(encoder.row(static_cast<int>(j), rank));
      source_ids.push_back(extended(turn.post[j], true));
      source_words.push_back(turn.post[j]);
    }
    std::int32_t previous = sos_id;
    for (std::size_t i = 0; i < turn.response.size(); ++i) {
      const std::int32_t target = extended(turn.response[i], false);
      const int state = packing.row(static_cast<int>(i), r);
      if (target >= vocabulary) copied_targets.push_back(static_cast<std::int32_t>(targets.size()));
      targets.push_back(target);
      decoder_inputs[at(state)] = previous;
      state_rows.push_back(state);
      previous_rows.push_back(i == 0 ? r : n + packing.row(static_cast<int>(i) - 1, r));
      previous = target < vocabulary ? target : unk_id;
    }
    max_extra = std::max(max_extra, static_cast<int>(extra_.size()));
    source_offsets.push_back(static_cast<std::int32_t>(source_ids.size()));
    target_offsets.push_back(static_cast<std::int32_t>(targets.size()));
    weight_offsets.push_back(weight_offsets.back() +
                             static_cast<std::int64_t>(turn.post.size() * turn.response.size()));
  }
}

// Turns the ids that encoder and decoder read into places in word_ids.
void DialogueBatch::collect_words(std::int32_t vocabulary) {
  for (const std::int32_t id : word_ids) word_place_[at(id)] = -1;  // of the batch before
  if (word_place_.size() < at(vocabulary)) word_place_.resize(at(vocabulary), -1);
  word_ids.clear();
  const auto collect = [&](Ids& words) {
    for (std::int32_t& word : words) {
      std::int32_t& place = word_place_[at(word)];
      if (place < 0) {
        place = static_cast<std::int32_t>(word_ids.size());
        word_ids.push_back(word);
      }
      word = place;
    }
  };
  collect(decoder_inputs);
  decoder_word_count = static_cast<int>(word_ids.size());
  collect(encoder_inputs);
}

}  // namespace ethreed
