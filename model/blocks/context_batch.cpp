#include "model/blocks/context_batch.h"

#include <algorithm>

namespace ethreed {

void ContextRows::clear() {
  offsets.assign(1, 0);
  for (std::vector<std::int32_t>* list : {&words, &states, &row}) list->clear();
}

void ContextRows::append(const ContextRows& others, int from) {
  const auto part = [&](const std::vector<std::int32_t>& list) {
    return Indices(list).subspan(others.offsets[from], others.offsets[from + 1] - others.offsets[from]);
  };
  const Indices more = part(others.words), their = part(others.states);
  row.insert(row.end(), static_cast<std::size_t>(more.size()), rows());
  words.insert(words.end(), more.begin(), more.end());
  states.insert(states.end(), their.begin(), their.end());
  offsets.push_back(positions());
}

void ContextBatch::build(std::span<const Example> examples, std::int32_t vocabulary, int most) {
  dialogues.build(examples, vocabulary);
  const DialogueBatch& d = dialogues;
  last_turn_.assign(static_cast<std::size_t>(d.dialogues()), -1);
  turn_before_.clear();
  for (const std::int32_t dialogue : d.turn_dialogue) {  // time-major: a dialogue's turns come in order
    turn_before_.push_back(last_turn_[dialogue]);
    last_turn_[dialogue] = count_of(turn_before_) - 1;
  }
  contexts.clear();
  for (const std::int32_t turn : d.turn_of_row) add_context(turn, most);
  inputs.clear();
  for (const std::int32_t row : d.state_rows) inputs.push_back(d.decoder_inputs[row]);
  targets.clear();
  for (const std::int32_t target : d.targets) targets.push_back(target < vocabulary ? target : unk_id);
}

void ContextBatch::add_context(std::int32_t turn_row, int most) {
  const DialogueBatch& d = dialogues;
  const std::size_t first = contexts.words.size();
  const auto full = [&] { return contexts.words.size() - first + 1 >= static_cast<std::size_t>(most); };
  // From its end to its beginning, which is what a long one loses.
  const auto add = [&](std::int32_t utterance, Mark state) {
    for (int token = d.token_offsets[utterance + 1]; token-- > d.token_offsets[utterance] && !full();) {
      const std::int32_t word = d.encoder_inputs[d.token_rows[token]];
      if (d.word_ids[word] == eos_id) continue;
      contexts.words.push_back(word);
      contexts.states.push_back(state);
    }
  };
  add(d.post_chain[turn_row], mark_user);
  for (std::int32_t turn = turn_before_[turn_row]; turn >= 0 && !full(); turn = turn_before_[turn]) {
    add(d.response_chain[turn], mark_system);
    add(d.post_chain[turn], mark_user);
  }
  contexts.words.push_back(count_of(d.word_ids) + mark_cls);
  contexts.states.push_back(mark_cls);
  for (std::vector<std::int32_t>* list : {&contexts.words, &contexts.states})
    std::reverse(list->begin() + static_cast<std::ptrdiff_t>(first), list->end());
  contexts.row.resize(contexts.words.size(), contexts.rows());
  contexts.offsets.push_back(contexts.positions());
}

ContextBatch::Arrays ContextBatch::arrays() const {
  Arrays arrays;
  const auto shared = dialogues.arrays();
  auto next = std::copy(shared.begin(), shared.end(), arrays.begin());
  for (const std::vector<std::int32_t>* list :
       {&contexts.offsets, &contexts.words, &contexts.states, &contexts.row, &inputs, &targets})
    *next++ = std::as_bytes(std::span(*list));
  return arrays;
}

}  // namespace ethreed
