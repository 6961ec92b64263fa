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
  order.resize(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::int32_t a, std::int32_t b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
}

}  // namespace

void DialogueBatch::build(std::span<const Example> dialogues, std::int32_t vocabulary, const WordMask& mask) {
  mask_ = mask;
  vocabulary_ = vocabulary;
  for (std::size_t d = 0; d < dialogues.size(); ++d) {
    ETHREED_CHECK(!dialogues[d].turns.empty(), "DialogueBatch: dialogue {} has no turn", d);
    ETHREED_CHECK(dialogues[d].text.empty() == dialogues[0].text.empty(),
                  "DialogueBatch: dialogue {} brings {} situation, dialogue 0 {}", d,
                  dialogues[d].text.empty() ? "no" : "a", dialogues[0].text.empty() ? "none" : "one");
    for (const std::int32_t word : dialogues[d].text)
      ETHREED_CHECK(word >= 0, "DialogueBatch: negative word id {}", word);
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
  return {bytes(turn_offsets),    bytes(chain_offsets),  bytes(pair_offsets),   bytes(encoder_offsets),
          bytes(decoder_offsets), bytes(emotion),        bytes(listener_label), bytes(post_chain),
          bytes(both_chain),      bytes(both_pair),      bytes(chain_of_pair),  bytes(word_ids),
          bytes(summary_last),    bytes(summary_first),  bytes(turn_of_row),    bytes(source_offsets),
          bytes(target_offsets),  bytes(source_rows),    bytes(source_ids),     bytes(targets),
          bytes(state_rows),      bytes(previous_rows),  bytes(weight_offsets), bytes(encoder_inputs),
          bytes(decoder_inputs),  bytes(copied_targets), bytes(token_offsets),  bytes(token_rows),
          bytes(decoder_rows),    bytes(situation_label)};
}

void DialogueBatch::sort_dialogues(std::span<const Example> dialogues) {
  sort_by_length(dialogue_order, count_of(dialogues), [&](std::int32_t d) { return dialogues[d].turns.size(); });
  pack(turn_offsets, count_of(dialogues), [&](int rank) { return count_of(dialogues[dialogue_order[rank]].turns); });
}

void DialogueBatch::lay_out_turns(std::span<const Example> dialogues) {
  const int n = turn_offsets.back();
  for (Ids* ids : {&turn_dialogue, &turn_time, &emotion, &listener_label, &post_chain, &response_chain, &post_pair,
                   &response_pair})
    ids->resize(n);
  listener_distribution.resize(n);
  chain_of_pair.resize(2 * n);
  chain_turn_.resize(2 * n);
  chain_offsets.assign(1, 0);
  pair_offsets.assign(1, 0);
  listener_labels = 0;
  emotion_labels = 0;
  situation_labels = 0;
  situation_label.clear();
  for (const std::int32_t d : dialogue_order) {
    if (dialogues[d].text.empty()) continue;
    situation_label.push_back(dialogues[d].label);
    situation_labels += dialogues[d].label >= 0;
  }
  const Packing turns{turn_offsets};
  for (int t = 0; t < turns.steps(); ++t) {
    const int alive = turns.alive(t);
    const int first = 2 * turns.offset(t);
    chain_offsets.push_back(first + alive);
    chain_offsets.push_back(first + 2 * alive);
    pair_offsets.push_back(first + 2 * alive);
    for (int rank = 0; rank < alive; ++rank) {
      const int row = turns.row(t, rank);
      const std::int32_t d = dialogue_order[rank];
      const TurnInput& turn = dialogues[d].turns[t];
      turn_dialogue[row] = d;
      turn_time[row] = t;
      emotion[row] = turn.emotion;
      listener_label[row] = turn.listener_label;
      listener_distribution[row] = turn.listener_distribution;
      emotion_labels += turn.emotion >= 0;
      listener_labels += turn.listener_label >= 0;
      post_chain[row] = first + rank;
      response_chain[row] = first + alive + rank;
      post_pair[row] = first + 2 * rank;
      response_pair[row] = first + 2 * rank + 1;
      chain_of_pair[post_pair[row]] = post_chain[row];
      chain_of_pair[response_pair[row]] = response_chain[row];
      chain_turn_[post_chain[row]] = 2 * row;
      chain_turn_[response_chain[row]] = 2 * row + 1;
    }
  }
}

// Is this word of the vocabulary unknown to the dialogue whose first turn is at `place`.
bool DialogueBatch::masked(std::int64_t place, std::int32_t word) const {
  return mask_.share > 0 && word >= mask_.from && word < vocabulary_ &&
         mask_.random.uniform(static_cast<std::uint64_t>(place * vocabulary_ + word)) < mask_.share;
}

std::int32_t DialogueBatch::input_dialogue(int chain_row) const {
  const int n = 2 * turns();
  return chain_row < n ? turn_dialogue[chain_turn_[chain_row] / 2] : dialogue_order[chain_row - n];
}

Indices DialogueBatch::utterance(std::span<const Example> dialogues, int chain_row) const {
  if (chain_row >= 2 * turns()) return dialogues[input_dialogue(chain_row)].text;
  const std::int32_t code = chain_turn_[chain_row];
  const int row = code / 2;
  const TurnInput& turn = dialogues[turn_dialogue[row]].turns[turn_time[row]];
  return code % 2 == 0 ? turn.post : turn.response;
}

void DialogueBatch::lay_out_encoder(std::span<const Example> dialogues, std::int32_t vocabulary) {
  const int utterances = this->utterances();
  sort_by_length(utterance_order_, utterances, [&](std::int32_t row) { return utterance(dialogues, row).size(); });
  utterance_rank_.resize(utterances);
  for (int rank = 0; rank < utterances; ++rank) utterance_rank_[utterance_order_[rank]] = rank;
  pack(encoder_offsets, utterances, [&](int rank) { return utterance(dialogues, utterance_order_[rank]).size(); });
  const Packing packing{encoder_offsets};
  encoder_inputs.resize(packing.rows());
  summary_last.resize(utterances);
  summary_first.resize(utterances);
  for (int rank = 0; rank < utterances; ++rank) {
    const std::int32_t chain = utterance_order_[rank];
    const Indices words = utterance(dialogues, chain);
    const std::int64_t place = places[input_dialogue(chain)];
    for (int j = 0; j < words.size(); ++j)
      encoder_inputs[packing.row(j, rank)] = words[j] < vocabulary && !masked(place, words[j]) ? words[j] : unk_id;
    summary_first[chain] = packing.row(0, rank);
    summary_last[chain] = packing.row(words.size() - 1, rank);
  }
  token_offsets.assign(1, 0);
  token_rows.clear();
  for (int chain = 0; chain < utterances; ++chain) {
    const int rank = utterance_rank_[chain];
    for (int j = 0; j < utterance(dialogues, chain).size(); ++j) token_rows.push_back(packing.row(j, rank));
    token_offsets.push_back(count_of(token_rows));
  }
}

void DialogueBatch::lay_out_decoder(std::span<const Example> dialogues, std::int32_t vocabulary) {
  const int n = turns();
  const auto turn_at = [&](std::int32_t row) -> const TurnInput& {
    return dialogues[turn_dialogue[row]].turns[turn_time[row]];
  };
  sort_by_length(turn_of_row, n, [&](std::int32_t row) { return turn_at(row).response.size(); });
  pack(decoder_offsets, n, [&](int r) { return count_of(turn_at(turn_of_row[r]).response); });
  const Packing packing{decoder_offsets};
  row_of_turn.resize(n);
  source_offsets.assign(1, 0);
  target_offsets.assign(1, 0);
  weight_offsets.assign(1, 0);
  for (Ids* ids : {&source_rows, &source_ids, &source_words, &targets, &copied_targets, &state_rows, &previous_rows})
    ids->clear();
  decoder_inputs.resize(packing.rows());
  decoder_rows.resize(packing.rows());
  max_extra = 0;
  const Packing encoder{encoder_offsets};
  for (int r = 0; r < n; ++r) {
    const std::int32_t row = turn_of_row[r];
    row_of_turn[row] = r;
    const TurnInput& turn = turn_at(row);
    const int rank = utterance_rank_[post_chain[row]];
    const std::int64_t dialogue = places[turn_dialogue[row]];
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
    for (int j = 0; j < count_of(turn.post); ++j) {
      source_rows.push_back(encoder.row(j, rank));
      source_ids.push_back(extended(turn.post[j], true));
      source_words.push_back(turn.post[j]);
    }
    std::int32_t previous = sos_id;
    for (int i = 0; i < count_of(turn.response); ++i) {
      const std::int32_t target = extended(turn.response[i], false);
      const int state = packing.row(i, r);
      if (target >= vocabulary) copied_targets.push_back(target_tokens());
      targets.push_back(target);
      decoder_rows[state] = r;
      decoder_inputs[state] = previous;
      state_rows.push_back(state);
      previous_rows.push_back(i == 0 ? r : n + packing.row(i - 1, r));
      previous = target < vocabulary ? target : unk_id;
    }
    max_extra = std::max(max_extra, count_of(extra_));
    source_offsets.push_back(static_cast<std::int32_t>(source_ids.size()));
    target_offsets.push_back(static_cast<std::int32_t>(targets.size()));
    weight_offsets.push_back(weight_offsets.back() +
                             static_cast<std::int64_t>(turn.post.size() * turn.response.size()));
  }
}

// Turns the ids that encoder and decoder read into places in word_ids.
void DialogueBatch::collect_words(std::int32_t vocabulary) {
  for (const std::int32_t id : word_ids) word_place_[id] = -1;  // of the batch before
  if (count_of(word_place_) < vocabulary) word_place_.resize(vocabulary, -1);
  word_ids.clear();
  const auto collect = [&](Ids& words) {
    for (std::int32_t& word : words) {
      std::int32_t& place = word_place_[word];
      if (place < 0) {
        place = static_cast<std::int32_t>(word_ids.size());
        word_ids.push_back(word);
      }
      word = place;
    }
  };
  collect(decoder_inputs);
  decoder_word_count = count_of(word_ids);
  collect(encoder_inputs);
}

}  // namespace ethreed
