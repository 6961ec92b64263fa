#include "tools/ethreed/answered_record.h"

#include "core/printable.h"

#include <nlohmann/json.hpp>

namespace ethreed {

nlohmann::ordered_json answered_record(const InputRecord& record, const Answerer::Answer& answer, std::int64_t number,
                                       const ReplyRecords& write) {
  nlohmann::ordered_json out{{"line", record.line}};
  if (record.id) out["id"] = printable(*record.id);
  if (record.conversation) out["conversation"] = printable(*record.conversation);
  if (record.conversation || record.history) out["utterance"] = number;
  out["text"] = printable(record.said.text);
  out["status"] = answer.turn ? "answered" : record.said.listener ? "listener" : "empty";
  out["reply"] = nullptr;
  if (answer.turn) {
    out["reply"] = write.text(answer.turn->reply);
    write.add_insights(out, *answer.turn);
    write.add_reply(out, *answer.turn);
  }
  if (record.response) out["gold"] = printable(*record.response);
  ReplyRecords::add_post(out, answer.post);
  if (answer.turn) out["history_read"] = answer.history;
  return out;
}

}  // namespace ethreed
