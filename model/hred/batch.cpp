#include "model/hred/batch.h"

#include <algorithm>

namespace ethreed {

namespace {

void fill_packed_rows(HredDecoderRows& rows) {
  const Packing packing = rows.packing();
  rows.packed_rows.clear();
  for (int step = 0; step < packing.steps(); ++step)
    for (int r = 0; r < packing.alive(step); ++r) rows.packed_rows.push_back(r);
}

}  // namespace

void HredBatch::build(std::span<const Example> examples, std::int32_t vocabulary, bool posts_wanted) {
  dialogues.build(examples, vocabulary);
  const DialogueBatch& d = dialogues;
  replies.offsets = d.decoder_offsets;
  replies.inputs = d.decoder_inputs;
  replies.state_rows = d.state_rows;
  replies.targets.clear();
  for (const std::int32_t target : d.targets) replies.targets.push_back(target < vocabulary ? target : unk_id);
  replies.contexts.clear();
  token_turns.clear();
  const RowLayout rows = d.rows();
  for (int r = 0; r < d.turns(); ++r) {
    const std::int32_t turn = d.turn_of_row[r];
    replies.contexts.push_back(d.post_chain[turn]);
    token_turns.insert(token_turns.end(), rows.target_count(r), turn);
  }
  fill_packed_rows(replies);
  for (std::vector<std::int32_t>* list :
       {&posts.inputs, &posts.packed_rows, &posts.contexts, &posts.targets, &posts.state_rows})
    list->clear();
  posts.offsets.assign(1, 0);
  if (posts_wanted) lay_out_posts(examples, vocabulary);
}

void HredBatch::lay_out_posts(std::span<const Example> examples, std::int32_t vocabulary) {
  const DialogueBatch& d = dialogues;
  word_place_.assign(vocabulary, 0);
  for (int k = 0; k < count_of(d.word_ids); ++k) word_place_[d.word_ids[k]] = k;
  reply_before_.assign(d.dialogues(), -1);
  rows_.clear();
  for (int turn = 0; turn < d.turns(); ++turn) {  // time-major: a dialogue's turns come in order
    const int dialogue = d.turn_dialogue[turn];
    if (reply_before_[dialogue] >= 0)
      rows_.push_back({examples[dialogue].turns[d.turn_time[turn]].post, reply_before_[dialogue]});
    reply_before_[dialogue] = d.response_chain[turn];
  }
  // No two have the same context: equally long ones have one order.
  std::sort(rows_.begin(), rows_.end(), [](const Post& a, const Post& b) {
    return a.words.size() != b.words.size() ? a.words.size() > b.words.size() : a.context < b.context;
  });
  for (int step = 0; !rows_.empty() && step < rows_.front().words.size(); ++step)
    posts.offsets.push_back(posts.offsets.back() +
                            static_cast<std::int32_t>(std::count_if(
                                rows_.begin(), rows_.end(), [&](const Post& row) { return row.words.size() > step; })));
  const Packing packing = posts.packing();
  posts.inputs.resize(packing.rows());
  const auto known = [&](std::int32_t word) { return word < vocabulary ? word : unk_id; };
  for (int r = 0; r < count_of(rows_); ++r) {
    posts.contexts.push_back(rows_[r].context);
    std::int32_t previous = sos_id;
    for (int i = 0; i < rows_[r].words.size(); ++i) {
      const int state = packing.row(i, r);
      posts.inputs[state] = word_place_[previous];
      posts.state_rows.push_back(state);
      posts.targets.push_back(previous = known(rows_[r].words[i]));
    }
  }
  fill_packed_rows(posts);
}

HredBatch::Arrays HredBatch::arrays() const {
  Arrays arrays;
  const auto shared = dialogues.arrays();
  const auto bytes = [](const std::vector<std::int32_t>& values) { return std::as_bytes(std::span(values)); };
  auto next = std::copy(shared.begin(), shared.end(), arrays.begin());
  for (const HredDecoderRows* rows : {&replies, &posts})
    for (const std::vector<std::int32_t>* list :
         {&rows->offsets, &rows->inputs, &rows->packed_rows, &rows->contexts, &rows->targets, &rows->state_rows})
      *next++ = bytes(*list);
  *next = bytes(token_turns);
  return arrays;
}

}  // namespace ethreed
