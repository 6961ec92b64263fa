#include "model/metrics/embedding.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

using Row = std::vector<double>;

double cosine_of_words(std::span<const float> a, std::span<const float> b) {
  ETHREED_CHECK(a.size() == b.size(), "cosine: vectors of {} and {} numbers, wanted one width", a.size(), b.size());
  double product = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return aa > 0 && bb > 0 ? product / std::sqrt(aa * bb) : 0;
}

Row sum_of(const WordRows& words) {
  Row sum(words.front().size(), 0);
  for (const auto& word : words)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += word[i];
  return sum;
}

Row extrema_of(const WordRows& words) {
  Row extrema(words.front().size());
  for (std::size_t i = 0; i < extrema.size(); ++i) {
    const auto by_value = [i](std::span<const float> a, std::span<const float> b) { return a[i] < b[i]; };
    const auto [low, high] = std::minmax_element(words.begin(), words.end(), by_value);
    const double least = (*low)[i], most = (*high)[i];
    extrema[i] = std::abs(least) > most ? least : most;
  }
  return extrema;
}

double greedy_side(const WordRows& from, const WordRows& to) {
  double sum = 0;
  for (const auto& word : from) {
    double best = -1;
    for (const auto& other : to) best = std::max(best, cosine_of_words(word, other));
    sum += best;
  }
  return sum / static_cast<double>(from.size());
}

void check_width(const WordRows& words, std::size_t width) {
  for (const auto& word : words)
    ETHREED_CHECK(word.size() == width, "embedding metric: vectors of {} and {} numbers, wanted one width", word.size(),
                  width);
}

template <class Score>
std::optional<double> scored(const WordRows& candidate, const WordRows& reference, const Score& score) {
  if (reference.empty()) return std::nullopt;
  check_width(candidate, reference.front().size());
  check_width(reference, reference.front().size());
  return candidate.empty() ? 0 : score();
}

}  // namespace

double cosine(std::span<const double> a, std::span<const double> b) {
  ETHREED_CHECK(a.size() == b.size(), "cosine: vectors of {} and {} numbers, wanted one width", a.size(), b.size());
  double product = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? product / std::sqrt(aa * bb) : 0;
}

std::optional<double> emb_average(const WordRows& candidate, const WordRows& reference) {
  return scored(candidate, reference, [&] { return cosine(sum_of(candidate), sum_of(reference)); });
}

std::optional<double> emb_extrema(const WordRows& candidate, const WordRows& reference) {
  return scored(candidate, reference, [&] { return cosine(extrema_of(candidate), extrema_of(reference)); });
}

std::optional<double> emb_greedy(const WordRows& candidate, const WordRows& reference) {
  return scored(candidate, reference,
                [&] { return (greedy_side(candidate, reference) + greedy_side(reference, candidate)) / 2; });
}

}  // namespace ethreed
