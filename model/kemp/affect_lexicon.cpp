// The affect lexicon: lines with tabs or blanks between, or JSON.

#include "core/error.h"
#include "core/json.h"
#include "model/kemp/knowledge.h"
#include "model/text/line_reader.h"
#include "model/text/packed_lines.h"

#include <nlohmann/json.hpp>

#include <array>
#include <optional>
#include <string>

namespace ethreed {

namespace {

constexpr std::size_t largest_json = std::size_t{64} << 20;

struct Entry {
  std::string_view word;
  std::array<std::optional<double>, 3> numbers;  // valence, arousal, dominance
};

// Nothing for a line of another number of fields. With a tab in it, tabs are between; a word may have blanks then.
std::optional<Entry> entry_of(std::string_view line) {
  const std::string_view between = line.find('\t') == std::string_view::npos ? " " : "\t";
  Entry entry;
  std::size_t fields = 0;
  for (std::size_t begin = line.find_first_not_of(between); begin != std::string_view::npos; ++fields) {
    const std::size_t end = std::min(line.find_first_of(between, begin), line.size());
    const std::string_view field = line.substr(begin, end - begin);
    if (fields == 0)
      entry.word = field;
    else if (fields <= entry.numbers.size())
      entry.numbers[fields - 1] = parse_number<double>(field);
    begin = line.find_first_not_of(between, end);
  }
  return fields == 1 + entry.numbers.size() ? std::optional(entry) : std::nullopt;
}

class LexiconReader {
 public:
  LexiconReader(const std::filesystem::path& path, const Dataset& data)
      : lines_(path), data_(data), lexicon_(static_cast<std::size_t>(data.vocabulary_size())) {}

  AffectLexicon read() {
    if (strip(lines_.head()).starts_with('{'))
      read_json();
    else
      read_lines();
    ETHREED_CHECK(known_ > 0, "{}: has no word of the data's vocabulary", lines_.path());
    return std::move(lexicon_);
  }

 private:
  void read_lines() {
    for (std::string_view line; lines_.next(line);) {
      if (strip(line).empty()) continue;
      const std::optional<Entry> entry = entry_of(line);
      ETHREED_CHECK(entry, "{}: the line is '{}', wanted a word and three numbers", lines_.place(), excerpt(line));
      const bool header = lines_.number() == 1 && !entry->numbers[0] && !entry->numbers[1] && !entry->numbers[2];
      if (header) continue;
      for (const auto& number : entry->numbers) check(lines_.place(), entry->word, number);
      keep(entry->word, *entry->numbers[0], *entry->numbers[1]);
    }
  }

  void read_json() {
    std::string text;
    for (std::string_view line; lines_.next(line);) {
      ETHREED_CHECK(text.size() + line.size() < largest_json, "{}: is longer than {} MiB", lines_.path(),
                    largest_json >> 20);
      text.append(line).push_back('\n');
    }
    const auto json = parse_json<nlohmann::json>(text, lines_.path(), "fetch it again", {.depth = 2});
    ETHREED_CHECK(json.is_object(), "{}: wanted an object of words", lines_.path());
    for (const auto& [word, numbers] : json.items()) {
      ETHREED_CHECK(numbers.is_array() && numbers.size() == 3, "{}: '{}' has {}, wanted a list of three numbers",
                    lines_.path(), cut_text(word), shown(numbers));
      for (const auto& number : numbers)
        check(lines_.path(), word, number.is_number() ? std::optional(number.get<double>()) : std::nullopt);
      keep(word, numbers[0], numbers[1]);
    }
  }

  static void check(const std::string& place, std::string_view word, std::optional<double> number) {
    ETHREED_CHECK(number && *number >= 0 && *number <= 1, "{}: '{}' has {}, wanted numbers from 0 to 1", place,
                  excerpt(word), number ? fmt::format("{}", *number) : "something that is no number");
  }

  void keep(std::string_view word, double valence, double arousal) {
    const auto id = data_.find(word);
    if (!id || *id >= data_.vocabulary_size()) return;
    Affect& affect = lexicon_[static_cast<std::size_t>(*id)];
    if (affect.known) return;
    affect = {.valence = valence, .arousal = arousal, .known = true};
    ++known_;
  }

  PackedLines lines_;
  const Dataset& data_;
  AffectLexicon lexicon_;
  std::int64_t known_ = 0;
};

}  // namespace

AffectLexicon read_affect_lexicon(const std::filesystem::path& path, const Dataset& data) {
  try {
    return LexiconReader(path, data).read();
  } catch (const Error& error) {
    fail("{}; {}", error.what(), lexicon_origin);
  }
}

}  // namespace ethreed
