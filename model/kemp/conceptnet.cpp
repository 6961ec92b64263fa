// ConceptNet's assertions, 34 million lines: what a line costs is finding its columns, unless both of its words are
// wanted.

#include "core/error.h"
#include "core/json.h"
#include "model/kemp/knowledge.h"
#include "model/text/line_reader.h"
#include "model/text/packed_lines.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

namespace ethreed {

namespace {

// Relations that make nothing a concept.
constexpr auto unwanted_relations = std::to_array<std::string_view>(
    {"Antonym", "ExternalURL", "NotDesires", "NotHasProperty", "NotCapableOf", "dbpedia", "DistinctFrom",
     "EtymologicallyDerivedFrom", "EtymologicallyRelatedTo", "SymbolOf", "FormOf", "AtLocation", "DerivedFrom",
     "CreatedBy", "Synonym", "MadeOf"});

// edge, relation, start, end, JSON
using Columns = std::array<std::string_view, 5>;

std::optional<Columns> columns_of(std::string_view line) {
  Columns columns;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::size_t end = line.find('\t');
    if ((end == std::string_view::npos) != (k + 1 == columns.size())) return std::nullopt;
    columns[k] = line.substr(0, end);
    line.remove_prefix(std::min(line.size(), columns[k].size() + 1));
  }
  return columns;
}

// What follows `prefix` up to the next slash: of "/c/en/dog/n" the dog. Empty if the path is another one.
std::string_view first_word(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return {};
  path.remove_prefix(prefix.size());
  return path.substr(0, path.find('/'));
}

bool is_alphabetic(std::string_view word) {
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

class AssertionReader {
 public:
  AssertionReader(const std::filesystem::path& path, const Dataset& data, const AffectLexicon& lexicon)
      : lines_(path), data_(data), lexicon_(lexicon) {}

  ConceptLists read(int most) {
    for (std::string_view line; lines_.next(line);) {
      const auto columns = columns_of(line);
      ETHREED_CHECK(columns, "{}: the line is '{}', wanted five columns with tabs between", lines_.place(),
                    excerpt(line));
      add(*columns);
    }
    return ranked(most);
  }

 private:
  struct Pair {
    std::int64_t order = 0;  // in which pairs came first
    bool wanted = false;     // by its last relation
  };

  void add(const Columns& columns) {
    const auto start = word_of(columns[2]), end = word_of(columns[3]);
    if (!start || !end || *start == *end) return;
    const bool forward = is_pair(*start, *end), backward = is_pair(*end, *start);
    if ((!forward && !backward) || weight_of(columns[4]) < 1) return;
    const std::string_view relation = first_word(columns[1], "/r/");
    ETHREED_CHECK(!relation.empty(), "{}: the relation is '{}', wanted /r/ and its name", lines_.place(),
                  excerpt(columns[1]));
    const bool wanted =
        std::find(unwanted_relations.begin(), unwanted_relations.end(), relation) == unwanted_relations.end();
    const auto note = [&](std::int32_t word, std::int32_t related) {
      const auto next = static_cast<std::int64_t>(pairs_.size());
      pairs_
          .try_emplace(std::uint64_t{static_cast<std::uint32_t>(word)} << 32 | static_cast<std::uint32_t>(related),
                       Pair{.order = next})
          .first->second.wanted = wanted;
    };
    if (forward) note(*start, *end);
    if (backward) note(*end, *start);
  }

  std::optional<std::int32_t> word_of(std::string_view path) const {
    const std::string_view word = first_word(path, "/c/en/");
    if (!is_alphabetic(word)) return std::nullopt;
    const auto id = data_.find(word);
    return id && *id < data_.vocabulary_size() ? id : std::nullopt;
  }

  bool is_pair(std::int32_t word, std::int32_t related) const {
    return is_concept(data_, lexicon_, related) && wants_concepts(data_, word);
  }

  double weight_of(std::string_view text) const {
    const auto json = parse_json<nlohmann::json>(text, lines_.place(), "fetch the file again");
    const bool there = json.is_object() && json.contains("weight") && json["weight"].is_number();
    ETHREED_CHECK(there, "{}: the fifth column has no number 'weight'", lines_.place());
    return json["weight"];
  }

  ConceptLists ranked(int most) const {
    struct Candidate {
      double score = 0;
      std::int64_t order = 0;
      std::int32_t related = 0;
    };
    std::vector<std::vector<Candidate>> candidates(lexicon_.size());
    for (const auto& [key, pair] : pairs_) {
      if (!pair.wanted) continue;
      const auto word = static_cast<std::size_t>(key >> 32);
      const auto related = static_cast<std::int32_t>(key & 0xFFFF'FFFFU);
      candidates[word].push_back(
          {concept_score(lexicon_[word], lexicon_[static_cast<std::size_t>(related)]), pair.order, related});
    }
    ConceptLists lists(lexicon_.size());
    bool any = false;
    for (std::size_t word = 0; word < lists.size(); ++word) {
      std::sort(candidates[word].begin(), candidates[word].end(), [](const Candidate& a, const Candidate& b) {
        return a.score != b.score ? a.score > b.score : a.order < b.order;
      });
      for (const Candidate& candidate : candidates[word])
        if (count_of(lists[word]) < most) lists[word].push_back(candidate.related);
      any = any || !lists[word].empty();
    }
    ETHREED_CHECK(any, "{}: gives no word of the vocabulary a concept that the lexicon knows as intense",
                  lines_.path());
    return lists;
  }

  PackedLines lines_;
  const Dataset& data_;
  const AffectLexicon& lexicon_;
  std::unordered_map<std::uint64_t, Pair> pairs_;  // word · 2³² + concept
};

}  // namespace

ConceptLists read_conceptnet(const std::filesystem::path& path, const Dataset& data, const AffectLexicon& lexicon,
                             int most) {
  try {
    return AssertionReader(path, data, lexicon).read(most);
  } catch (const Error& error) {
    fail("{}; {}", error.what(), conceptnet_origin);
  }
}

}  // namespace ethreed
