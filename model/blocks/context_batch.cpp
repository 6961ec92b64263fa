#include "model/blocks/context_batch.h"

#include <algorithm>

namespace ethreed {

void ContextRows::clear() {
  offsets.assign(1, 0);
  for (std::vector<std::int32_t>* list : {&words, &states, &row, &given, &extended}) list->clear();
}

void ContextRows::append(const ContextRows& others, int from) {
  const auto part = [&](const std::vector<std::int32_t>& list) {
    return Indices(list).subspan(others.offsets[from], others.offsets[from + 1] - others.offsets[from]);
  };
  const Indices more = part(others.words);
  row.insert(row.end(), static_cast<std::size_t>(more.size()), rows());
  words.insert(words.end(), more.begin(), more.end());
  for (const auto list : {&ContextRows::states, &ContextRows::given, &ContextRows::extended}) {
    const Indices their = part(others.*list);
    (this->*list).insert((this->*list).end(), their.begin(), their.end());
  }
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
  extended_targets.clear();
  for (int r = 0; r < d.turns(); ++r) {
    add_context(examples, d.turn_of_row[r], vocabulary, most);
    add_targets(examples, r, vocabulary);
  }
  inputs.clear();
  for (const std::int32_t row : d.state_rows) inputs.push_back(d.decoder_inputs[row]);
  targets.clear();
  for (const std::int32_t target : d.targets) targets.push_back(target < vocabulary ? target : unk_id);
}

void ContextBatch::add_context(std::span<const Example> examples, std::int32_t turn_row, std::int32_t vocabulary,
                               int most) {
  const DialogueBatch& d = dialogues;
  const auto said = [&](std::int32_t turn) -> const TurnInput& {
    return examples[d.turn_dialogue[turn]].turns[d.turn_time[turn]];
  };
  const std::size_t first = contexts.words.size();
  const auto full = [&] { return contexts.words.size() - first + 1 >= static_cast<std::size_t>(most); };
  // From its end to its beginning, which is what a long one loses.
  const auto add = [&](std::int32_t utterance, Mark state, Indices given) {
    for (int token = d.token_offsets[utterance + 1]; token-- > d.token_offsets[utterance] && !full();) {
      const std::int32_t word = d.encoder_inputs[d.token_rows[token]];
      if (d.word_ids[word] == eos_id) continue;
      contexts.words.push_back(word);
      contexts.states.push_back(state);
      contexts.given.push_back(given[token - d.token_offsets[utterance]]);
    }
  };
  add(d.post_chain[turn_row], mark_user, said(turn_row).post);
  for (std::int32_t turn = turn_before_[turn_row]; turn >= 0 && !full(); turn = turn_before_[turn]) {
    add(d.response_chain[turn], mark_system, said(turn).response);
    add(d.post_chain[turn], mark_user, said(turn).post);
  }
  contexts.words.push_back(count_of(d.word_ids) + mark_cls);
  contexts.states.push_back(mark_cls);
  contexts.given.push_back(-1);
  for (std::vector<std::int32_t>* list : {&contexts.words, &contexts.states, &contexts.given})
    std::reverse(list->begin() + static_cast<std::ptrdiff_t>(first), list->end());
  contexts.row.resize(contexts.words.size(), contexts.rows());
  unknown_.clear();
  for (int i = contexts.offsets.back(); i < contexts.positions(); ++i) {
    const std::int32_t word = contexts.given[i];
    if (word >= vocabulary && std::find(unknown_.begin(), unknown_.end(), word) == unknown_.end())
      unknown_.push_back(word);
    contexts.extended.push_back(extended(word, vocabulary));
  }
  contexts.offsets.push_back(contexts.positions());
}

// A word for the pointer of the context that was added last: one that neither it nor the vocabulary has is UNK.
std::int32_t ContextBatch::extended(std::int32_t word, std::int32_t vocabulary) const {
  if (word < vocabulary) return word;
  const auto place = std::find(unknown_.begin(), unknown_.end(), word);
  return place == unknown_.end() ? unk_id : vocabulary + static_cast<std::int32_t>(place - unknown_.begin());
}

void ContextBatch::add_targets(std::span<const Example> examples, int row, std::int32_t vocabulary) {
  const std::int32_t turn = dialogues.turn_of_row[row];
  for (const std::int32_t word : examples[dialogues.turn_dialogue[turn]].turns[dialogues.turn_time[turn]].response)
    extended_targets.push_back(extended(word, vocabulary));
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
