#pragma once
// Replies that any program has written: plain lines, JSON Lines or a table, for `score` and `study`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

struct ReplyFileArguments {
  std::string format = "auto";
  std::vector<std::string> fields;  ///< "reply=output"
  bool split = false;
};
/// --in-format, --field and --split.
void add_reply_file_options(CLI::App& command, ReplyFileArguments& arguments);

/// One row of the file. Texts are as they stand there.
struct FileReply {
  std::int64_t line = 0;  ///< where it begins, from 1
  std::string reply;
  std::optional<std::string> gold{}, conversation{}, turn{}, emotion{}, reply_emotion{};
  std::vector<std::string> context{};  ///< what was said before, the post last
  std::vector<std::string> others{};   ///< further replies
  std::vector<double> gates{};         ///< p_gen of each word
  std::optional<bool> ended{};
};

/// Replies of one file in order. Records without a post to answer (status `empty` or `listener` of `ethreed reply`) are
/// passed over.
struct ReplyFile {
  std::string path;
  std::vector<FileReply> rows;
  std::int64_t records = 0;                  ///< with those passed over
  std::vector<bool> passed;                  ///< of each record
  std::vector<std::string> fields;           ///< that its records have
  std::vector<std::string> absent;           ///< of --field ROLE=NAME the NAMEs that it has not
  std::vector<std::string> notes;            ///< what a person should know of how it was read, a line each
  std::string place(std::size_t row) const;  ///< "file:line"
};
/// Fields of JSON Lines (columns of a table), the first that is there: reply (reply, output, prediction, hypothesis,
/// generated), gold (gold, reference, target, response), conversation (conversation, conversation_id, conv_id), turn,
/// context (context, history: a list, the post last), post (text, post), emotion, reply_emotion, others,
/// generation_gates, ended. Throws Error (file:line) for what cannot be read, for a record without a reply, and for a
/// file without rows.
ReplyFile read_reply_file(const std::string& path, const ReplyFileArguments& arguments);

/// The same for references: a line, or the field gold (or reply, where there is no gold).
ReplyFile read_reference_file(const std::string& path, const ReplyFileArguments& arguments);

/// Throws Error, naming file and line, unless both have replies to the same posts: as many rows, and the same
/// conversation and turn in each where both say them.
void check_same_posts(const ReplyFile& first, const ReplyFile& other);

/// Throws Error that lists the fields if a --field names one that none of the files has.
void check_fields(const std::vector<ReplyFile>& files);

/// Tokens of a text: by the project's tokenizer, or split on blanks; `<unk>` is the token unk.
std::vector<std::string> reply_tokens(const std::string& text, bool split);

/// What the speaker has said up to this row: its context, every second entry from the last backwards; or the posts of
/// its conversation so far. Empty where the file tells nothing of them.
std::vector<std::vector<std::string>> posts_of(const ReplyFile& file);

}  // namespace ethreed
