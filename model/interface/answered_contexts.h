#pragma once
// Which replies of a batch are asked for, and what was said before each.

#include "model/blocks/context_batch.h"
#include "model/interface/reply_session.h"

#include <algorithm>
#include <vector>

namespace ethreed {

struct AnsweredContexts {
  std::vector<ReplyRow> rows;
  std::vector<std::int32_t> decoder_rows;  ///< of each in the batch
  ContextRows contexts;
};

/// By decoder row of the batch.
inline AnsweredContexts answered_contexts(const ContextBatch& batch, Answer answer) {
  const DialogueBatch& d = batch.dialogues;
  std::vector<std::int32_t> last(static_cast<std::size_t>(d.dialogues()), 0);
  for (int i = 0; i < d.turns(); ++i) last[d.turn_dialogue[i]] = std::max(last[d.turn_dialogue[i]], d.turn_time[i]);
  AnsweredContexts out;
  for (int r = 0; r < d.turns(); ++r) {
    const std::int32_t turn = d.turn_of_row[r], dialogue = d.turn_dialogue[turn], t = d.turn_time[turn];
    if (answer == Answer::last_turn && t != last[dialogue]) continue;
    out.rows.push_back({.dialogue = dialogue, .turn = t, .place = d.place(turn)});
    out.decoder_rows.push_back(r);
    out.contexts.append(batch.contexts, r);
  }
  return out;
}

}  // namespace ethreed
