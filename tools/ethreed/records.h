#pragma once
// Records to be answered or labelled: posts with what was said before them, from a table, JSON Lines or plain lines.

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

/// Something that one of the two said.
struct Said {
  bool listener = false;
  std::string text{};
};

/// One record of the input. Texts are UTF-8.
struct InputRecord {
  std::int64_t line = 0;  ///< where it begins in the input, from 1
  std::optional<std::string> id{}, conversation{};
  Said said{};
  std::optional<std::string> response{};       ///< the real reply, where the record has it
  std::optional<std::vector<Said>> history{};  ///< what was said before, where the record has it
};

/// Whether a party by this name (speaker, user, …; listener, system, assistant, …) is the listener. Throws Error, which
/// begins with `place`, for other names.
bool is_listener(std::string_view party, const std::string& place);
/// What a `history` tells: a list of strings, the last one the listener's, or of objects with `party` and `text`.
/// Throws Error, which begins with `place`, if it is something else.
std::vector<Said> history_of(const nlohmann::json& list, const std::string& place);

struct RecordArguments {
  std::string in;
  std::string format = "auto";
  std::string delimiter;
  std::vector<std::string> columns;  ///< "text=body"
};
/// --in, --in-format, --delimiter and --column.
void add_record_options(CLI::App& command, RecordArguments& arguments, bool required = true);

struct Records {
  std::vector<InputRecord> all;
  std::string source;              ///< how messages call the input
  std::uint64_t fingerprint = 0;   ///< of its bytes
  std::vector<std::string> notes;  ///< what a person should know of how it was read, a line each
};
/// Reads all records, in order: every line of plain text, every row of a table and every object of JSON Lines is one,
/// empty ones, too. "-" is standard input. Columns (keys): `text`, `post`, `utterance` or `message`; `id`;
/// `conversation`, `conversation_id` or `conv_id`; `party` or `role` (speaker, user; listener, system, assistant), or
/// `utterance_idx`, whose odd numbers are the speaker's; `response`, `gold`; `history`, a JSON list whose last entry is
/// the listener's, of strings or of objects with `party` and `text`. Throws Error (file:line) for what cannot be read.
Records read_records(const RecordArguments& arguments);

/// For every record the numbers of those before it in its conversation, oldest first, by these two links.
class Conversations {
 public:
  explicit Conversations(const std::vector<InputRecord>& records);
  /// The record before this one in its conversation, or −1. A record with a history of its own starts anew.
  std::int64_t before(std::size_t i) const { return before_[i]; }
  /// The next one, or −1.
  std::int64_t after(std::size_t i) const { return after_[i]; }
  /// The number of this utterance in its conversation, from 1, the record's own history counted.
  std::int64_t number(std::size_t i) const { return number_[i]; }

 private:
  std::vector<std::int64_t> before_, after_, number_;
};

}  // namespace ethreed
