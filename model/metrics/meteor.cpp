#include "model/metrics/meteor.h"

#include "core/error.h"

#include <libstemmer.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ethreed {

PorterStemmer::PorterStemmer() : stemmer_(sb_stemmer_new("porter", "UTF_8")) {
  ETHREED_CHECK(stemmer_ != nullptr, "libstemmer has no algorithm 'porter' for UTF-8; install libstemmer-dev 2.2");
}

PorterStemmer::~PorterStemmer() { sb_stemmer_delete(stemmer_); }

std::string PorterStemmer::stem(std::string_view word) const {
  if (word.size() <= 2) return std::string(word);  // else "is" would be "i"
  const sb_symbol* stem =
      sb_stemmer_stem(stemmer_, reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
  ETHREED_CHECK(stem != nullptr, "libstemmer: out of memory");
  return {reinterpret_cast<const char*>(stem), static_cast<std::size_t>(sb_stemmer_length(stemmer_))};
}

namespace {

using Match = std::pair<std::size_t, std::size_t>;  // places in candidate and reference

// Pairs equal words among the places left, from the ends; takes them off both lists. Linear: the places of a word in
// the reference are a pile with the last one on top.
void pair_equal(std::span<const std::string> candidate, std::span<const std::string> reference,
                std::vector<std::size_t>& left_c, std::vector<std::size_t>& left_r, std::vector<Match>& matches) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> places;
  for (const std::size_t place : left_r) places[reference[place]].push_back(place);
  std::vector<bool> taken_c(candidate.size()), taken_r(reference.size());
  for (std::size_t i = left_c.size(); i-- > 0;) {
    const auto of_word = places.find(candidate[left_c[i]]);
    if (of_word == places.end() || of_word->second.empty()) continue;
    matches.emplace_back(left_c[i], of_word->second.back());
    taken_c[left_c[i]] = taken_r[of_word->second.back()] = true;
    of_word->second.pop_back();
  }
  std::erase_if(left_c, [&](std::size_t place) { return taken_c[place]; });
  std::erase_if(left_r, [&](std::size_t place) { return taken_r[place]; });
}

std::vector<std::size_t> all_places(std::size_t count) {
  std::vector<std::size_t> places(count);
  for (std::size_t i = 0; i < count; ++i) places[i] = i;
  return places;
}

std::vector<std::string> stems_of(std::span<const std::string> words, const std::vector<std::size_t>& places,
                                  const PorterStemmer& stemmer) {
  std::vector<std::string> stems(words.size());
  for (const std::size_t i : places) stems[i] = stemmer.stem(words[i]);
  return stems;
}

}  // namespace

MeteorScore meteor_exact_stem(std::span<const std::string> candidate, std::span<const std::string> reference,
                              const PorterStemmer& stemmer) {
  constexpr double alpha = 0.9, gamma = 0.5;
  std::vector<std::size_t> left_c = all_places(candidate.size()), left_r = all_places(reference.size());
  std::vector<Match> matches;
  pair_equal(candidate, reference, left_c, left_r, matches);
  pair_equal(stems_of(candidate, left_c, stemmer), stems_of(reference, left_r, stemmer), left_c, left_r, matches);
  MeteorScore result{.matches = static_cast<int>(matches.size())};
  if (matches.empty()) return result;
  std::sort(matches.begin(), matches.end());
  result.chunks = 1;
  for (std::size_t i = 1; i < matches.size(); ++i)
    result.chunks += matches[i].first != matches[i - 1].first + 1 || matches[i].second != matches[i - 1].second + 1;
  const double m = result.matches;
  const double p = m / static_cast<double>(candidate.size()), r = m / static_cast<double>(reference.size());
  const double share = result.chunks / m;
  result.score = p * r / (alpha * p + (1 - alpha) * r) * (1 - gamma * share * share * share);
  return result;
}

}  // namespace ethreed
