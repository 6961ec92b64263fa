#include "model/metrics/chrf.h"

#include "model/metrics/ngrams.h"
#include "model/text/utf8.h"

namespace ethreed {

namespace {

std::vector<std::int32_t> characters(std::span<const std::string> words) {
  std::vector<std::int32_t> codes;
  for (const std::string& word : words)
    for (std::size_t i = 0; i < word.size();) {
      const Character c = decode_utf8(word, i);
      codes.push_back(static_cast<std::int32_t>(c.code));
      i += c.bytes;
    }
  return codes;
}

}  // namespace

void ChrfCounts::add(const ChrfCounts& other, std::int64_t times) {
  for (std::size_t n = 0; n < matches.size(); ++n) {
    candidate[n] += times * other.candidate[n];
    reference[n] += times * other.reference[n];
    matches[n] += times * other.matches[n];
  }
}

ChrfCounts chrf_counts(std::span<const std::string> candidate, std::span<const std::string> reference) {
  const std::vector<std::int32_t> c = characters(candidate), r = characters(reference);
  ChrfCounts counts;
  for (std::size_t n = 0; n < counts.matches.size(); ++n) {
    const auto ours = sorted_ngrams(c, static_cast<int>(n) + 1), gold = sorted_ngrams(r, static_cast<int>(n) + 1);
    counts.candidate[n] = gold.empty() ? 0 : std::ssize(ours);
    counts.reference[n] = std::ssize(gold);
    counts.matches[n] = matches_of(ours, gold);
  }
  return counts;
}

double chrf(const ChrfCounts& sum) {
  constexpr double beta_squared = 4;
  double precision = 0, recall = 0;
  int orders = 0;
  for (std::size_t n = 0; n < sum.matches.size(); ++n) {
    if (sum.candidate[n] == 0 || sum.reference[n] == 0) continue;
    precision += static_cast<double>(sum.matches[n]) / static_cast<double>(sum.candidate[n]);
    recall += static_cast<double>(sum.matches[n]) / static_cast<double>(sum.reference[n]);
    ++orders;
  }
  if (orders == 0 || precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + beta_squared) * precision * recall / (beta_squared * precision + recall);
}

}  // namespace ethreed
