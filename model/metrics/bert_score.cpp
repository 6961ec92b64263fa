#include "model/metrics/bert_score.h"

#include "core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

namespace ethreed {

namespace {

double sum_of(std::span<const double> weights) { return std::accumulate(weights.begin(), weights.end(), 0.0); }

void check(const WeighedTokens& tokens, int width) {
  ETHREED_CHECK(tokens.vectors.size() == tokens.weights.size() * static_cast<std::size_t>(width),
                "bert_score: {} numbers for {} tokens of width {}", tokens.vectors.size(), tokens.weights.size(),
                width);
}

double mean_of(const std::vector<double>& best, std::span<const double> weights) {
  double sum = 0;
  for (std::size_t i = 0; i < best.size(); ++i)
    if (weights[i] != 0) sum += weights[i] * best[i];
  return sum / sum_of(weights);
}

}  // namespace

BertScore bert_score(const WeighedTokens& candidate, const WeighedTokens& reference, int width) {
  check(candidate, width);
  check(reference, width);
  BertScore score;
  if (sum_of(candidate.weights) == 0 || sum_of(reference.weights) == 0) return score;
  const std::size_t rows = candidate.weights.size(), columns = reference.weights.size();
  const auto d = static_cast<std::size_t>(width);
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  std::vector<double> of_candidate(rows, lowest), of_reference(columns, lowest);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const float *x = candidate.vectors.data() + i * d, *y = reference.vectors.data() + j * d;
      double similarity = 0;
      for (std::size_t k = 0; k < d; ++k) similarity += static_cast<double>(x[k]) * static_cast<double>(y[k]);
      of_candidate[i] = std::max(of_candidate[i], similarity);
      of_reference[j] = std::max(of_reference[j], similarity);
    }
  score.precision = mean_of(of_candidate, candidate.weights);
  score.recall = mean_of(of_reference, reference.weights);
  const double both = score.precision + score.recall;
  score.f = both == 0 ? 0 : 2 * score.precision * score.recall / both;
  return score;
}

BertScore larger_of(const BertScore& a, const BertScore& b) {
  return {std::max(a.precision, b.precision), std::max(a.recall, b.recall), std::max(a.f, b.f)};
}

BertScore rescaled(const BertScore& raw, const BertScore& b) {
  const auto part = [](double value, double base) { return (value - base) / (1 - base); };
  return {part(raw.precision, b.precision), part(raw.recall, b.recall), part(raw.f, b.f)};
}

std::span<const BertScoreBaseline> bert_score_baselines() {
  static constexpr std::array baselines{
      BertScoreBaseline{"roberta-large", 17, {.83150584, .8314941, .83122575}},
      BertScoreBaseline{"roberta-base", 10, {.8146725, .8146619, .814463}},
      BertScoreBaseline{"distilroberta-base", 5, {.84732, .84759504, .8473319}},
      BertScoreBaseline{"bert-base-uncased", 9, {.35375935, .3537393, .35219112}},
  };
  return baselines;
}

void TokenRarity::add(Indices reference) {
  ++references_;
  for (const std::int32_t token : std::set<std::int32_t>(reference.begin(), reference.end())) ++frequency_[token];
}

double TokenRarity::weight(std::int32_t token) const {
  const auto found = frequency_.find(token);
  const auto df = found == frequency_.end() ? 0.0 : static_cast<double>(found->second);
  return std::log((static_cast<double>(references_) + 1) / (df + 1));
}

}  // namespace ethreed
