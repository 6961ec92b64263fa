#include "tools/ethreed/records.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/printable.h"
#include "model/text/corpus.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"

#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace ethreed {

namespace {

struct Role {
  std::string_view name;
  std::array<std::string_view, 4> columns;  // tried in order
};
constexpr std::array<Role, 7> roles{{{"text", {"text", "post", "utterance", "message"}},
                                     {"id", {"id", "", "", ""}},
                                     {"conversation", {"conversation", "conversation_id", "conv_id", ""}},
                                     {"party", {"party", "role", "", ""}},
                                     {"number", {"utterance_idx", "", "", ""}},
                                     {"response", {"response", "gold", "", ""}},
                                     {"history", {"history", "", "", ""}}}};
constexpr std::size_t history_role = roles.size() - 1;

// All of standard input in memory, as a file with a path.
class InputCopy {
 public:
  InputCopy() : descriptor_(::memfd_create("input", 0)) {
    ETHREED_CHECK(descriptor_ >= 0, "standard input cannot be kept: {}", std::strerror(errno));
    std::array<char, 1 << 16> bytes{};
    for (;;) {
      const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      ETHREED_CHECK(got >= 0, "standard input cannot be read: {}", std::strerror(errno));
      if (got == 0) return;
      for (ssize_t done = 0; done < got;) {
        const ssize_t put = ::write(descriptor_, bytes.data() + done, static_cast<std::size_t>(got - done));
        ETHREED_CHECK(put > 0, "standard input cannot be kept: {}", std::strerror(errno));
        done += put;
      }
    }
  }
  ~InputCopy() { ::close(descriptor_); }
  InputCopy(const InputCopy&) = delete;
  InputCopy& operator=(const InputCopy&) = delete;
  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

TableFormat format_of(const RecordArguments& arguments, std::string_view content) {
  if (arguments.format == "table") return TableFormat::delimited;
  if (arguments.format == "json") return TableFormat::json;
  if (arguments.format == "text") return TableFormat::lines;
  const auto named = [&](std::string_view ending) { return arguments.in.ends_with(ending); };
  if (named(".csv") || named(".tsv")) return TableFormat::delimited;
  if (named(".txt")) return TableFormat::lines;
  if (named(".json") || named(".jsonl") || named(".ndjson")) return TableFormat::json;
  const std::size_t first = content.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && content[first] == '{' ? TableFormat::json : TableFormat::lines;
}

// The table with its columns by role.
class RecordReader {
 public:
  RecordReader(const std::string& path, const TableOptions& options, const RecordArguments& arguments)
      : table_(path, options) {
    if (table_.format() == TableFormat::lines) {
      places_[0] = 0;
      return;
    }
    for (std::size_t r = 0; r < roles.size(); ++r)
      for (const std::string_view name : roles[r].columns)
        if (!places_[r] && !name.empty()) places_[r] = table_.find(name);
    for (const std::string& column : arguments.columns) take(column);
    if (!places_[0]) table_.column("text");  // its message says which columns there are
  }

  bool next(InputRecord& record) {
    if (!table_.next()) return false;
    record = {.line = table_.line()};
    record.said.text = text(0).value_or("");
    record.id = text(1);
    if (const auto conversation = text(2); conversation && !strip(*conversation).empty())
      record.conversation = strip(*conversation);
    if (const auto party = text(3))
      record.said.listener = is_listener(*party, table_.place());
    else if (const auto number = text(4))
      record.said.listener = is_even(*number);
    record.response = text(5);
    if (!is_empty(history_role))
      record.history =
          history_of(parse_json<nlohmann::json>(table_.field(*places_[history_role]), table_.place() + ": the history",
                                                "write a JSON list of what was said"),
                     table_.place());
    return true;
  }
  const TableReader& table() const { return table_; }

 private:
  void take(const std::string& column) {
    const std::size_t sign = column.find('=');
    std::string known;
    for (std::size_t r = 0; r < roles.size(); ++r) {
      known += fmt::format("{}{}", r == 0 ? "" : ", ", roles[r].name);
      if (sign == std::string::npos || column.substr(0, sign) != roles[r].name) continue;
      places_[r] = table_.column(column.substr(sign + 1));
      return;
    }
    fail("--column {}: give ROLE=NAME, where ROLE is one of {}", column, known);
  }

  bool is_empty(std::size_t role) const { return !places_[role] || table_.field(*places_[role]).empty(); }

  // Nothing where there is no such column or the field is empty.
  std::optional<std::string> text(std::size_t role) const {
    if (is_empty(role)) return std::nullopt;
    ETHREED_CHECK(!table_.is_nested(*places_[role]), "{}: the value of '{}' is a list or an object, wanted a text",
                  table_.place(), table_.columns()[*places_[role]]);
    return std::string(table_.field(*places_[role]));
  }

  bool is_even(const std::string& number) const {
    const std::optional<std::int64_t> value = parse_number<std::int64_t>(number);
    ETHREED_CHECK(value && *value >= 1, "{}: the number of the utterance is '{}', wanted 1, 2, …", table_.place(),
                  excerpt(number));
    return *value % 2 == 0;
  }

  TableReader table_;
  std::array<std::optional<std::size_t>, roles.size()> places_{};
};

void add_notes(const TableNotes& notes, Records& records) {
  const auto note = [&](const Tally& tally, std::string_view what) {
    if (tally.count > 0)
      records.notes.push_back(
          fmt::format("{}: {} {} (the first at line {})", records.source, tally.count, what, tally.first_line));
  };
  note(notes.blank, "blank lines between records, passed over");
  note(notes.latin, "records read as Windows-1252 (Latin-1), as they are no UTF-8");
  note(notes.broken, "records with bytes that are no UTF-8, each read as U+FFFD");
  note(notes.nul, "records with NUL bytes");
  note(notes.joined, "records of several lines, each of which would be one; is a quotation mark astray?");
  note(notes.apart,
       "quotation marks that open a field in one line and close it in a later one; each line was read as a record (if "
       "fields have line ends, quote the header, too)");
  note(notes.malformed, "records with a quotation mark that opens a field and does not close it, read as it is");
}

}  // namespace

bool is_listener(std::string_view party, const std::string& place) {
  constexpr std::array<std::string_view, 4> speakers{"speaker", "user", "human", "seeker"};
  constexpr std::array<std::string_view, 5> listeners{"listener", "system", "assistant", "bot", "supporter"};
  std::string name(party);
  std::erase_if(name, [](char c) { return c == ' ' || c == '\t'; });
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (std::find(speakers.begin(), speakers.end(), name) != speakers.end()) return false;
  ETHREED_CHECK(std::find(listeners.begin(), listeners.end(), name) != listeners.end(),
                "{}: the party is '{}', wanted speaker (or user) or listener (or system, assistant)", place,
                excerpt(party));
  return true;
}

std::vector<Said> history_of(const nlohmann::json& list, const std::string& place) {
  ETHREED_CHECK(list.is_array(), "{}: the history is {}, wanted a list", place, list.type_name());
  std::vector<Said> history;
  bool listener = list.size() % 2 != 0;  // who spoke first, if the last was the listener
  for (const nlohmann::json& entry : list) {
    if (entry.is_object()) {
      const auto get = [&](const char* key, const char* other) {
        const auto found = entry.contains(key) ? entry.find(key) : entry.find(other);
        ETHREED_CHECK(found != entry.end() && found->is_string(),
                      "{}: an entry of the history has no text '{}'; wanted strings, or objects with party and text",
                      place, key);
        return found->get<std::string>();
      };
      history.push_back({is_listener(get("party", "role"), place), get("text", "utterance")});
      continue;
    }
    ETHREED_CHECK(entry.is_string(), "{}: an entry of the history is {}, wanted a string", place, entry.type_name());
    history.push_back({.listener = listener, .text = entry.get<std::string>()});
    listener = !listener;
  }
  return history;
}

void add_record_options(CLI::App& command, RecordArguments& arguments, bool required) {
  command
      .add_option("--in", arguments.in,
                  "Records to read: JSON Lines, a table with a header (.csv, .tsv), or a post a line; - for standard "
                  "input")
      ->required(required)
      ->type_name("FILE");
  command
      .add_option("--in-format", arguments.format, "What --in is; auto: seen from its name, then its first character")
      ->check(CLI::IsMember({"auto", "json", "table", "text"}))
      ->capture_default_str();
  command
      .add_option("--delimiter", arguments.delimiter,
                  "Of a table: tab, comma, semicolon or a mark; seen from its header")
      ->type_name("NAME");
  command
      .add_option("--column", arguments.columns,
                  "A column (key) by another name: ROLE=NAME, where ROLE is text, id, conversation, party, number, "
                  "response or history")
      ->type_name("ROLE=NAME");
}

Records read_records(const RecordArguments& arguments) {
  Records records{.source = arguments.in};
  std::optional<InputCopy> copy;
  std::string path = arguments.in;
  if (path == "-") {
    copy.emplace();
    path = copy->path();
    records.source = "standard input";
  }
  try {
    const MappedFile file(path);
    records.fingerprint = fnv1a(std::as_bytes(std::span(file.text())));
    if (file.text().empty()) return records;
    TableOptions options{.format = format_of(arguments, file.text()),
                         .spare = is_row_with_candidates,
                         .keep_blank = true,
                         .column_of_lines = "text"};
    if (!arguments.delimiter.empty()) options.delimiter = parse_delimiter(arguments.delimiter);
    RecordReader reader(path, options, arguments);
    for (InputRecord record; reader.next(record);) records.all.push_back(std::move(record));
    add_notes(reader.table().notes(), records);
  } catch (const Error& error) {
    if (!copy) throw;
    std::string message = error.what();
    if (const std::size_t place = message.find(path); place != std::string::npos)
      message.replace(place, path.size(), records.source);
    throw Error(message);
  }
  return records;
}

Conversations::Conversations(const std::vector<InputRecord>& records)
    : before_(records.size(), -1), after_(records.size(), -1), number_(records.size(), 1) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const InputRecord& record = records[i];
    if (record.history) number_[i] += static_cast<std::int64_t>(record.history->size());
    if (!record.conversation) continue;
    const auto [place, first] = last.try_emplace(*record.conversation, i);
    if (!first && !record.history) {
      before_[i] = static_cast<std::int64_t>(place->second);
      after_[place->second] = static_cast<std::int64_t>(i);
      number_[i] = number_[place->second] + 1;
    }
    place->second = i;
  }
}

}  // namespace ethreed
