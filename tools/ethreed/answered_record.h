#pragma once
// The record of an answered post, as `ethreed reply` writes it and `ethreed serve` sends it.

#include "tools/ethreed/answerer.h"
#include "tools/ethreed/records.h"
#include "tools/ethreed/reply_record.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>

namespace ethreed {

/// What was answered, with what, and how the post was read: the keys of docs/guide.md in their order. `number` is that
/// of the utterance in its conversation.
nlohmann::ordered_json answered_record(const InputRecord& record, const Answerer::Answer& answer, std::int64_t number,
                                       const ReplyRecords& write);

}  // namespace ethreed
