#pragma once
// BERTScore (Zhang, Kishore, Wu, Weinberger, Artzi, ICLR 2020) from the tokens' vectors, which some encoder has made.

#include "core/indices.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

struct BertScore {
  double precision = 0, recall = 0, f = 0;
};

/// A text's tokens, special ones included: vectors of length 1 [tokens, width] and their weights [tokens], not
/// normalised; those of special tokens are 0.
struct WeighedTokens {
  std::span<const float> vectors;
  std::span<const double> weights;
};

/// With S_ij = x_i·y_j over all tokens of both and ω the weights, normalised to sum 1 on each side:
///   P = Σ_i ω_i max_j S_ij,  R = Σ_j ω_j max_i S_ij,  F = 2PR/(P + R)
/// All are 0 if no token of one side has a weight. Throws Error for vectors that are not [tokens, width].
BertScore bert_score(const WeighedTokens& candidate, const WeighedTokens& reference, int width);

/// The larger of each: of several references.
BertScore larger_of(const BertScore& a, const BertScore& b);

/// (value − b)/(1 − b), each with its own b: F is not made of P and R again.
BertScore rescaled(const BertScore& raw, const BertScore& baseline);

/// What the implementation publishes for English, at the layer that it takes by default.
struct BertScoreBaseline {
  std::string_view encoder;
  int layer;
  BertScore value;
};
std::span<const BertScoreBaseline> bert_score_baselines();

/// Inverse document frequencies of tokens in the references: w = ln((M + 1)/(df + 1)), df counted once a reference.
class TokenRarity {
 public:
  void add(Indices reference);
  double weight(std::int32_t token) const;

 private:
  std::unordered_map<std::int32_t, std::int64_t> frequency_;
  std::int64_t references_ = 0;
};

}  // namespace ethreed
