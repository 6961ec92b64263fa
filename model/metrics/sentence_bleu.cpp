#include "model/metrics/sentence_bleu.h"

#include "core/error.h"
#include "model/text/word_table.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// Precisions of orders 1 … N and, behind them, what method 7 takes for order N + 1.
double smoothed_bleu(const BleuCounts& row, Smoothing smoothing, std::size_t highest) {
  std::array<double, BleuCounts::orders> p{};
  double zeros = 1;  // 2^k
  for (std::size_t n = 0; n < highest; ++n) {
    const double total = static_cast<double>(std::max<std::int64_t>(row.ngrams[n], 1));
    double matches = static_cast<double>(row.matches[n]);
    double of = total;
    if (smoothing == Smoothing::method_2 && n > 0) ++matches, ++of;
    if (row.matches[n] == 0) {
      if (smoothing == Smoothing::method_1) matches = 0.1;
      if (smoothing == Smoothing::method_3) matches = 1 / (zeros *= 2);
      if ((smoothing == Smoothing::method_4 || smoothing == Smoothing::method_7) && row.candidate > 1)
        matches = std::log(static_cast<double>(row.candidate)) / (5 * (zeros *= 2));
    }
    p[n] = matches / of;
  }
  if (smoothing == Smoothing::method_7) {
    const double fifth =
        static_cast<double>(row.matches[4]) / static_cast<double>(std::max<std::int64_t>(row.ngrams[4], 1));
    double before = p[0] + 1;
    for (std::size_t n = 0; n < highest; ++n)
      before = p[n] = (before + p[n] + (n + 1 < highest ? p[n + 1] : fifth)) / 3;
  }
  double logs = 0;
  for (std::size_t n = 0; n < highest; ++n) logs += p[n] > 0 ? std::log(p[n]) : -INFINITY;
  return brevity_penalty(static_cast<double>(row.candidate), static_cast<double>(row.reference)) *
         std::exp(logs / static_cast<double>(highest));
}

bool is_punctuation(const std::string& token) {
  return std::all_of(token.begin(), token.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c)) && c != '\'';
  });
}

std::vector<std::int32_t> without_articles(std::span<const std::string> tokens, WordTable& words) {
  std::vector<std::int32_t> ids;
  for (std::string token : tokens) {
    for (char& c : token)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_punctuation(token) && token != "a" && token != "an" && token != "the") ids.push_back(words.id(token));
  }
  return ids;
}

}  // namespace

Bleu sentence_bleu(const BleuCounts& row, Smoothing smoothing) {
  Bleu values{};
  if (row.matches[0] == 0) return values;
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = smoothed_bleu(row, smoothing, n + 1);
  return values;
}

PrecisionRecall emphi_bleu(std::span<const std::vector<std::string>> candidates,
                           std::span<const std::string> reference) {
  ETHREED_CHECK(!candidates.empty(), "emphi_bleu: no candidates, wanted one at least");
  WordTable words;
  const std::vector<std::int32_t> gold = without_articles(reference, words);
  PrecisionRecall result;
  for (const std::vector<std::string>& candidate : candidates) {
    const std::vector<std::int32_t> ids = without_articles(candidate, words);
    const Bleu values = ids.size() < 2 ? Bleu{} : sentence_bleu(bleu_counts(ids, gold), Smoothing::method_7);
    for (std::size_t n = 0; n < values.size(); ++n) {
      result.precision[n] += values[n] / static_cast<double>(candidates.size());
      result.recall[n] = std::max(result.recall[n], values[n]);
    }
  }
  return result;
}

double harmonic_mean(double a, double b) { return a + b > 0 ? 2 * a * b / (a + b) : 0; }

}  // namespace ethreed
