#include "model/metrics/rouge.h"

#include "model/metrics/ngrams.h"
#include "model/text/word_table.h"

#include <bit>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace ethreed {

namespace {

// F = (1 + β²)PR / (R + β²P).
RougeScore score(double matches, double candidate, double reference, double beta) {
  RougeScore s;
  if (matches == 0) return s;
  s.precision = matches / candidate;
  s.recall = matches / reference;
  s.f = (1 + beta * beta) * s.precision * s.recall / (s.recall + beta * beta * s.precision);
  return s;
}

// 64 places of a text, and those of them at which a word stands.
struct PlacesOfWord {
  std::size_t block = 0;
  std::uint64_t bits = 0;
};

std::unordered_map<std::string_view, std::vector<PlacesOfWord>> places_of_words(std::span<const std::string> text) {
  std::unordered_map<std::string_view, std::vector<PlacesOfWord>> places;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::vector<PlacesOfWord>& of_word = places[text[i]];
    if (of_word.empty() || of_word.back().block != i / 64) of_word.push_back({.block = i / 64});
    of_word.back().bits |= std::uint64_t{1} << (i % 64);
  }
  return places;
}

// The row of the table of lengths, as the differences of its neighbours: a bit is 0 where the length grows by one
// (Hyyrö 2004). `places` of a word of the other text make of it the next row: an addition whose carry goes from block
// to block. Blocks without a place and a carry stay.
void add_row(std::vector<std::uint64_t>& row, const std::vector<PlacesOfWord>& places) {
  std::size_t next = 0;
  for (std::size_t block = places.front().block; block < row.size();) {
    bool carry = false;
    for (; block < row.size(); ++block) {
      const bool here = next < places.size() && places[next].block == block;
      if (!here && !carry) break;
      const std::uint64_t bits = here ? places[next++].bits : 0, old = row[block], with_carry = old + carry;
      const std::uint64_t sum = with_carry + (old & bits);
      carry = with_carry < old || sum < with_carry;
      row[block] = sum | (old & ~bits);
    }
    if (next == places.size()) return;
    block = places[next].block;
  }
}

// Length of the longest common subsequence, in c · r/64 steps at most.
int common_subsequence(std::span<const std::string> a, std::span<const std::string> b) {
  const auto places = places_of_words(b);
  std::vector<std::uint64_t> row((b.size() + 63) / 64, ~std::uint64_t{0});
  for (const std::string& word : a)
    if (const auto found = places.find(word); found != places.end()) add_row(row, found->second);
  int length = 0;
  for (const std::uint64_t block : row) length += std::popcount(~block);
  return length;
}

RougeScore of_subsequence(std::span<const std::string> candidate, std::span<const std::string> reference, double beta) {
  return score(common_subsequence(candidate, reference), static_cast<double>(candidate.size()),
               static_cast<double>(reference.size()), beta);
}

}  // namespace

std::vector<std::string> rouge_tokens(std::span<const std::string> tokens) {
  std::vector<std::string> runs;
  for (const std::string& token : tokens) {
    std::string run;
    const auto finish = [&] {
      if (!run.empty()) runs.push_back(std::move(run));
      run.clear();
    };
    for (char c : token) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        run += c;
      else
        finish();
    }
    finish();
  }
  return runs;
}

RougeScore rouge_n(std::span<const std::string> candidate, std::span<const std::string> reference, int n) {
  WordTable words;
  const auto ngrams = [&](std::span<const std::string> tokens) {
    std::vector<std::int32_t> ids;
    for (const std::string& token : tokens) ids.push_back(words.id(token));
    return sorted_ngrams(ids, n);
  };
  const auto a = ngrams(candidate), b = ngrams(reference);
  return score(static_cast<double>(matches_of(a, b)), static_cast<double>(a.size()), static_cast<double>(b.size()), 1);
}

RougeScore rouge_l(std::span<const std::string> candidate, std::span<const std::string> reference) {
  return of_subsequence(candidate, reference, 1);
}

RougeScore rouge_l_coco(std::span<const std::string> candidate, std::span<const std::string> reference) {
  return of_subsequence(candidate, reference, 1.2);
}

}  // namespace ethreed
