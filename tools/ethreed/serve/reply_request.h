#pragma once
// The body of POST /v1/reply: a record of `ethreed reply` with options of decoding beside it.

#include "tools/ethreed/decode_options.h"
#include "tools/ethreed/records.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// What one request may ask for at most, as a server works for others, too.
struct RequestLimits {
  int history = 200;       ///< entries
  int max_length = 200;    ///< tokens of a reply
  int post_length = 1000;  ///< tokens read of an utterance
  int beam = 32;           ///< hypotheses, and n_best
};

struct ReplyRequest {
  std::string model;                ///< which run; empty: the first
  std::vector<InputRecord> record;  ///< one, as of the first line of a file
  DecodeArguments decode;
  std::optional<int> post_length;  ///< as --post-length
  int history_limit = 0;           ///< as --history
  bool attention = false;          ///< where the pointer looked shall be told
  bool stream = false;             ///< the words shall be told as they come
};

/// Throws Error, which names the key, for anything that is not as GET /openapi.json tells: no JSON, an unknown key, a
/// wrong type, a value out of range, keys that contradict each other. A key that is null counts as not given.
ReplyRequest parse_reply_request(std::string_view body, const RequestLimits& limits);

/// All keys that a request may have.
std::vector<std::string_view> reply_request_keys();

}  // namespace ethreed
