#include "model/metrics/bleu.h"

#include "model/metrics/ngrams.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// BLEU-1 … BLEU-4 from precisions and the brevity penalty.
Bleu from_precisions(const std::array<double, 4>& p, double penalty) {
  Bleu values{};
  double logs = 0;
  for (std::size_t n = 0; n < 4; ++n) {
    logs += p[n] > 0 ? std::log(p[n]) : -INFINITY;
    values[n] = penalty * std::exp(logs / static_cast<double>(n + 1));
  }
  return values;
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

void BleuCounts::add(const BleuCounts& other, std::int64_t times) {
  for (std::size_t n = 0; n < orders; ++n) {
    matches[n] += times * other.matches[n];
    ngrams[n] += times * other.ngrams[n];
    without[n] += times * other.without[n];
  }
  candidate += times * other.candidate;
  reference += times * other.reference;
}

BleuCounts bleu_counts(Indices candidate, Indices reference) {
  BleuCounts counts{.candidate = candidate.size(), .reference = reference.size()};
  for (std::size_t n = 0; n < BleuCounts::orders; ++n) {
    const auto ngrams = sorted_ngrams(candidate, static_cast<int>(n) + 1);
    counts.ngrams[n] = std::ssize(ngrams);
    counts.without[n] = ngrams.empty();
    counts.matches[n] = matches_of(ngrams, sorted_ngrams(reference, static_cast<int>(n) + 1));
  }
  return counts;
}

double brevity_penalty(double c, double r) {
  if (c == 0) return 0;
  return c > r ? 1 : std::exp(1 - r / c);
}

Bleu bleu(const BleuCounts& sum) {
  std::array<double, 4> p{};
  for (std::size_t n = 0; n < 4; ++n) p[n] = share(sum.matches[n], sum.ngrams[n]);
  return from_precisions(p, brevity_penalty(static_cast<double>(sum.candidate), static_cast<double>(sum.reference)));
}

bool has_zero_count(const BleuCounts& sum, int order) {
  return std::any_of(sum.matches.begin(), sum.matches.begin() + order, [](std::int64_t m) { return m == 0; });
}

Bleu bleu_coco(const BleuCounts& sum) {
  constexpr double tiny = 1e-15, small = 1e-9;
  std::array<double, 4> p{};
  for (std::size_t n = 0; n < 4; ++n)
    p[n] = (static_cast<double>(sum.matches[n]) + tiny) / (static_cast<double>(sum.ngrams[n]) + small);
  const double ratio = (static_cast<double>(sum.candidate) + tiny) / (static_cast<double>(sum.reference) + small);
  return from_precisions(p, ratio < 1 ? std::exp(1 - 1 / ratio) : 1);
}

Bleu bleu_nltk(const BleuCounts& sum) {
  std::array<double, 4> p{};
  for (std::size_t n = 0; n < 4; ++n) p[n] = share(sum.matches[n], sum.ngrams[n] + sum.without[n]);
  return from_precisions(p, brevity_penalty(static_cast<double>(sum.candidate), static_cast<double>(sum.reference)));
}

SacreBleu sacrebleu(const BleuCounts& sum) {
  SacreBleu result;
  if (std::all_of(sum.matches.begin(), sum.matches.begin() + 4, [](std::int64_t m) { return m == 0; })) return result;
  double zeros = 1;
  for (std::size_t n = 0; n < 4 && sum.ngrams[n] > 0; ++n) {
    const double total = static_cast<double>(sum.ngrams[n]);
    if (sum.matches[n] == 0) zeros *= 2;
    result.precisions[n] = 100 * (sum.matches[n] == 0 ? 1 / (zeros * total) : share(sum.matches[n], sum.ngrams[n]));
  }
  const double penalty = brevity_penalty(static_cast<double>(sum.candidate), static_cast<double>(sum.reference));
  result.score = from_precisions(result.precisions, penalty)[3];
  return result;
}

}  // namespace ethreed
