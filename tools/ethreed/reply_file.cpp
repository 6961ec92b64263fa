#include "tools/ethreed/reply_file.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"
#include "model/text/tokenizer.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <sstream>
#include <string_view>

namespace ethreed {

namespace {

struct Role {
  std::string_view name;
  std::array<std::string_view, 5> fields;  // tried in order
};
enum RoleNumber {
  reply,
  gold,
  conversation,
  turn,
  context,
  post,
  emotion,
  reply_emotion,
  others,
  gates,
  ended,
  status
};
constexpr std::array<Role, 12> roles{{{"reply", {"reply", "output", "prediction", "hypothesis", "generated"}},
                                      {"gold", {"gold", "reference", "target", "response"}},
                                      {"conversation", {"conversation", "conversation_id", "conv_id"}},
                                      {"turn", {"turn"}},
                                      {"context", {"context", "history"}},
                                      {"post", {"text", "post"}},
                                      {"emotion", {"emotion"}},
                                      {"reply_emotion", {"reply_emotion"}},
                                      {"others", {"others"}},
                                      {"generation_gates", {"generation_gates"}},
                                      {"ended", {"ended"}},
                                      {"status", {"status"}}}};

TableFormat format_of(const std::string& path, const ReplyFileArguments& arguments, std::string_view content) {
  if (arguments.format == "table") return TableFormat::delimited;
  if (arguments.format == "json") return TableFormat::json;
  if (arguments.format == "text") return TableFormat::lines;
  const auto named = [&](std::string_view ending) { return path.ends_with(ending); };
  if (named(".csv") || named(".tsv")) return TableFormat::delimited;
  if (named(".txt")) return TableFormat::lines;
  if (named(".json") || named(".jsonl") || named(".ndjson")) return TableFormat::json;
  return content.starts_with("{\"") ? TableFormat::json : TableFormat::lines;
}

class Reader {
 public:
  Reader(const std::string& path, const ReplyFileArguments& arguments, bool references)
      : path_(path), references_(references) {
    const MappedFile file(path);
    ETHREED_CHECK(!file.text().empty(), "{}: the file is empty, wanted a reply a line or a JSON object a line", path);
    table_.emplace(
        path, TableOptions{
                  .format = format_of(path, arguments, file.text()), .keep_blank = true, .column_of_lines = "reply"});
    for (std::size_t r = 0; r < roles.size(); ++r)
      for (const std::string_view name : roles[r].fields)
        if (!places_[r] && !name.empty()) places_[r] = table_->find(name);
    for (const std::string& field : arguments.fields) take(field);
    if (references && places_[gold]) places_[reply] = places_[gold];
    if (!places_[reply]) table_->column(references ? "gold" : "reply");  // its message says which there are
  }

  ReplyFile read() {
    ReplyFile file{.path = path_, .fields = table_->columns(), .absent = absent_};
    while (table_->next()) {
      ++file.records;
      const std::optional<std::string> what = text(status);
      file.passed.push_back(!references_ && what && (*what == "empty" || *what == "listener"));
      if (file.passed.back()) continue;
      file.rows.push_back(row());
    }
    ETHREED_CHECK(!file.rows.empty(), "{}: holds no replies", path_);
    const std::int64_t passed = file.records - std::ssize(file.rows);
    if (passed > 0)
      file.notes.push_back(fmt::format("{}: {} records without a post to answer, passed over", path_, passed));
    const auto note = [&](const Tally& tally, std::string_view what) {
      if (tally.count > 0)
        file.notes.push_back(
            fmt::format("{}: {} {} (the first at line {})", path_, tally.count, what, tally.first_line));
    };
    note(table_->notes().latin, "rows read as Windows-1252 (Latin-1), as they are no UTF-8");
    note(table_->notes().broken, "rows with bytes that are no UTF-8, each read as U+FFFD");
    note(table_->notes().joined, "rows of several lines, each of which would be one; is a quotation mark astray?");
    note(table_->notes().apart,
         "quotation marks that open a field in one line and close it in a later one; each line was read as a row (if "
         "fields have line ends, quote the header, too)");
    if (table_->format() != TableFormat::lines) note(table_->notes().blank, "blank lines between rows, passed over");
    return file;
  }

 private:
  void take(const std::string& field) {
    const std::size_t sign = field.find('=');
    std::string known;
    for (std::size_t r = 0; r < roles.size(); ++r) {
      known += fmt::format("{}{}", r == 0 ? "" : ", ", roles[r].name);
      if (sign == std::string::npos || field.substr(0, sign) != roles[r].name) continue;
      const auto place = table_->find(field.substr(sign + 1));
      if (place)
        places_[r] = place;
      else if (r == reply || r == gold)
        table_->column(field.substr(sign + 1));
      else
        absent_.push_back(field.substr(sign + 1));
      return;
    }
    fail("--field {}: give ROLE=NAME, where ROLE is one of {}", field, known);
  }

  bool has(RoleNumber role) const { return places_[role] && table_->has(*places_[role]); }
  std::optional<std::string> text(RoleNumber role) const {
    if (!has(role)) return std::nullopt;
    ETHREED_CHECK(!table_->is_nested(*places_[role]), "{}: the value of '{}' is a list or an object, wanted a text",
                  table_->place(), table_->columns()[*places_[role]]);
    return std::string(table_->field(*places_[role]));
  }

  // Blanks around it do not count, as in a corpus.
  std::optional<std::string> name_of_conversation() const {
    const std::optional<std::string> name = text(conversation);
    return name ? std::optional<std::string>(strip(*name)) : std::nullopt;
  }

  nlohmann::json list(RoleNumber role) const {
    if (!has(role) || table_->field(*places_[role]).empty()) return nlohmann::json::array();
    const auto list =
        parse_json<nlohmann::json>(table_->field(*places_[role]),
                                   fmt::format("{}: the field {}", table_->place(), roles[role].name), "wanted a list");
    ETHREED_CHECK(list.is_array(), "{}: the field {} is '{}', wanted a JSON list", table_->place(), roles[role].name,
                  excerpt(table_->field(*places_[role])));
    return list;
  }

  // Of strings, or of objects with the text under one of two keys.
  std::vector<std::string> texts(RoleNumber role, const char* key) const {
    std::vector<std::string> all;
    for (const nlohmann::json& entry : list(role)) {
      const bool object = entry.is_object() && entry.contains(key) && entry[key].is_string();
      ETHREED_CHECK(object || entry.is_string(), "{}: an entry of {} is {}, wanted a string, or an object with '{}'",
                    table_->place(), roles[role].name, excerpt(entry.dump()), key);
      all.push_back(object ? entry[key].get<std::string>() : entry.get<std::string>());
    }
    return all;
  }

  FileReply row() const {
    ETHREED_CHECK(has(reply), "{}: the record has no {} ('{}'); every row needs one, an empty text for no words",
                  table_->place(), references_ ? "reference" : "reply", table_->columns()[*places_[reply]]);
    FileReply row{.line = table_->line(),
                  .reply = *text(reply),
                  .gold = text(gold),
                  .conversation = name_of_conversation(),
                  .turn = text(turn),
                  .emotion = text(emotion),
                  .reply_emotion = text(reply_emotion),
                  .context = texts(context, "text"),
                  .others = texts(others, "reply")};
    if (row.context.empty() && has(post)) row.context.push_back(*text(post));
    for (const nlohmann::json& gate : list(gates)) {
      ETHREED_CHECK(gate.is_number() && gate.get<double>() >= 0 && gate.get<double>() <= 1,
                    "{}: a generation gate is {}, wanted a number from 0 to 1", table_->place(), excerpt(gate.dump()));
      row.gates.push_back(gate.get<double>());
    }
    if (const auto value = text(ended)) {
      ETHREED_CHECK(*value == "true" || *value == "false", "{}: the field ended is '{}', wanted true or false",
                    table_->place(), excerpt(*value));
      row.ended = *value == "true";
    }
    return row;
  }

  std::string path_;
  bool references_;
  std::vector<std::string> absent_;
  std::optional<TableReader> table_;
  std::array<std::optional<std::size_t>, roles.size()> places_{};
};

}  // namespace

void add_reply_file_options(CLI::App& command, ReplyFileArguments& arguments) {
  command
      .add_option("--in-format", arguments.format,
                  "What the files are; auto: seen from a name, then its first character")
      ->check(CLI::IsMember({"auto", "json", "table", "text"}))
      ->capture_default_str();
  command
      .add_option("--field", arguments.fields,
                  "A field by another name: ROLE=NAME, where ROLE is reply, gold, conversation, turn, context, post, "
                  "emotion, reply_emotion, others, generation_gates, ended or status")
      ->allow_extra_args(false)
      ->type_name("ROLE=NAME");
  command.add_flag("--split", arguments.split, "Texts are tokens with blanks between, not for the tokenizer");
}

std::string ReplyFile::place(std::size_t row) const { return fmt::format("{}:{}", path, rows[row].line); }

ReplyFile read_reply_file(const std::string& path, const ReplyFileArguments& arguments) {
  return Reader(path, arguments, false).read();
}

ReplyFile read_reference_file(const std::string& path, const ReplyFileArguments& arguments) {
  return Reader(path, arguments, true).read();
}

void check_same_posts(const ReplyFile& first, const ReplyFile& other) {
  const std::size_t both = std::min(first.rows.size(), other.rows.size());
  for (std::size_t i = 0; i < both; ++i)
    for (const auto& [what, field] :
         {std::pair("conversation", &FileReply::conversation), std::pair("turn", &FileReply::turn)}) {
      const auto &a = first.rows[i].*field, &b = other.rows[i].*field;
      ETHREED_CHECK(!a || !b || *a == *b,
                    "{}: {} '{}', where {} has '{}'; give replies to the same posts in the same order", other.place(i),
                    what, excerpt(*b), first.place(i), excerpt(*a));
    }
  if (first.rows.size() == other.rows.size()) return;
  const ReplyFile& longer = first.rows.size() > both ? first : other;
  const ReplyFile& shorter = first.rows.size() > both ? other : first;
  fail("{}: row {} has no counterpart: {} has {} rows, {} has {}; give replies to the same posts in the same order",
       longer.place(both), both + 1, longer.path, longer.rows.size(), shorter.path, shorter.rows.size());
}

void check_fields(const std::vector<ReplyFile>& files) {
  const auto lacks = [](const ReplyFile& file, const std::string& name) {
    return std::find(file.absent.begin(), file.absent.end(), name) != file.absent.end();
  };
  if (files.empty()) return;
  const ReplyFile& first = files.front();
  for (const std::string& name : first.absent)
    ETHREED_CHECK(!std::all_of(files.begin(), files.end(), [&](const ReplyFile& file) { return lacks(file, name); }),
                  "--field: {} has no field '{}'{}; its fields are '{}'", first.path, excerpt(name),
                  files.size() > 1 ? ", nor has another file" : "",
                  excerpt(fmt::format("{}", fmt::join(first.fields, "', '"))));
}

std::vector<std::string> reply_tokens(const std::string& text, bool split) {
  std::string known;
  constexpr std::string_view unknown = "<unk>";
  for (std::size_t i = 0; i < text.size();)
    if (text.compare(i, unknown.size(), unknown) == 0) {
      known += " unk ";
      i += unknown.size();
    } else {
      known += text[i++];
    }
  if (!split) return tokenize(known);
  std::vector<std::string> tokens;
  std::istringstream stream(known);
  for (std::string token; stream >> token;) tokens.push_back(token);
  return tokens;
}

std::vector<std::vector<std::string>> posts_of(const ReplyFile& file) {
  std::vector<std::vector<std::string>> all;
  std::map<std::string, std::vector<std::string>> so_far;  // of files whose records hold their post alone
  for (const FileReply& row : file.rows) {
    if (row.context.empty()) return {};
    std::vector<std::string>& posts = all.emplace_back();
    for (auto said = static_cast<std::ptrdiff_t>(row.context.size()) - 1; said >= 0; said -= 2)
      posts.insert(posts.begin(), row.context[static_cast<std::size_t>(said)]);
    if (row.context.size() > 1 || !row.conversation) continue;
    std::vector<std::string>& said = so_far[*row.conversation];
    said.push_back(posts[0]);
    posts = said;
  }
  return all;
}

}  // namespace ethreed
