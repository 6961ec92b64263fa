#pragma once
// Which turns the rows of a batch of dialogues are.

#include "model/blocks/dialogue_batch.h"
#include "model/interface/reply_session.h"

#include <vector>

namespace ethreed {

/// By turn row.
inline std::vector<ReplyRow> rows_of_turns(const DialogueBatch& batch) {
  std::vector<ReplyRow> rows;
  for (int i = 0; i < batch.turns(); ++i)
    rows.push_back({.dialogue = batch.turn_dialogue[static_cast<std::size_t>(i)],
                    .turn = batch.turn_time[static_cast<std::size_t>(i)],
                    .place = batch.place(i)});
  return rows;
}

}  // namespace ethreed
