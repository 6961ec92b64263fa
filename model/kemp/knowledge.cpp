#include "model/kemp/knowledge.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/packed_lines.h"
#include "model/text/stop_words.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ethreed {

double emotion_intensity(const Affect& affect) {
  if (!affect.known) return 0;
  const double v = affect.valence - 0.5, a = affect.arousal / 2;
  return (std::sqrt(v * v + a * a) - 0.06467) / 0.607468;
}

double concept_score(const Affect& word, const Affect& related) {
  return emotion_intensity(related) + 1 -
         (std::abs(word.valence - related.valence) + std::abs(word.arousal - related.arousal)) / 2;
}

bool is_concept(const Dataset& data, const AffectLexicon& lexicon, std::int32_t word) {
  constexpr double least = 0.6;
  return emotion_intensity(lexicon[static_cast<std::size_t>(word)]) >= least && !is_stop_word(data.word(word));
}

bool wants_concepts(const Dataset& data, std::int32_t word) {
  constexpr std::array<std::string_view, 4> seldom{"like", "one", "yes", "around"};
  const std::string_view text = data.word(word);
  return word >= special_count && std::find(seldom.begin(), seldom.end(), text) == seldom.end() && !is_stop_word(text);
}

ConceptLists read_concept_map(const std::filesystem::path& path, const Dataset& data, const AffectLexicon& lexicon,
                              int most) {
  ConceptLists lists(static_cast<std::size_t>(data.vocabulary_size()));
  std::int64_t kept = 0;
  try {
    PackedLines lines(path);
    for (std::string_view line; lines.next(line);) {
      const std::string_view text = strip(line);
      if (text.empty()) continue;
      const std::size_t end = text.find_first_of(" \t");
      const std::string_view word = text.substr(0, end),
                             related = end == std::string_view::npos ? std::string_view{} : strip(text.substr(end));
      ETHREED_CHECK(!related.empty() && related.find_first_of(" \t") == std::string_view::npos,
                    "{}: the line is '{}', wanted a word and a concept", lines.place(), excerpt(line));
      const auto w = data.find(word), c = data.find(related);
      if (!w || !c || *w >= data.vocabulary_size() || *c >= data.vocabulary_size() || *w == *c) continue;
      if (!wants_concepts(data, *w) || !is_concept(data, lexicon, *c)) continue;
      std::vector<std::int32_t>& list = lists[static_cast<std::size_t>(*w)];
      if (count_of(list) >= most || std::find(list.begin(), list.end(), *c) != list.end()) continue;
      list.push_back(*c);
      ++kept;
    }
    ETHREED_CHECK(kept > 0, "{}: gives no word of the vocabulary a concept that the lexicon knows as intense",
                  lines.path());
  } catch (const Error& error) {
    fail("{}; {}", error.what(), concept_map_origin);
  }
  return lists;
}

std::vector<float> knowledge_table(const KempConfig& config, const Dataset& data) {
  const AffectLexicon lexicon = read_affect_lexicon(config.lexicon, data);
  const auto read = config.knowledge == Knowledge::conceptnet ? read_conceptnet : read_concept_map;
  const ConceptLists lists = read(config.concepts, data, lexicon, config.concepts_per_word);
  std::vector<float> table;
  for (std::size_t word = 0; word < lexicon.size(); ++word) {
    table.push_back(static_cast<float>(emotion_intensity(lexicon[word])));
    for (std::size_t k = 0; k < static_cast<std::size_t>(config.concepts_per_word); ++k) {
      const std::int32_t related = k < lists[word].size() ? lists[word][k] : -1;
      table.push_back(static_cast<float>(related));
      table.push_back(related < 0 ? 0.0F
                                  : static_cast<float>(emotion_intensity(lexicon[static_cast<std::size_t>(related)])));
    }
  }
  return table;
}

}  // namespace ethreed
