#pragma once
// ROUGE (Lin 2004) of one candidate and one reference: by n-grams and by the longest common subsequence. Shares.

#include <span>
#include <string>
#include <vector>

namespace ethreed {

struct RougeScore {
  double precision = 0, recall = 0, f = 0;
};

/// The tokens that rouge-score sees: runs of [a-z0-9] of the lower-cased text; marks such as '.' and '!' vanish.
std::vector<std::string> rouge_tokens(std::span<const std::string> tokens);

/// `rouge_1`, `rouge_2`: n-grams, F1; rouge-score's after rouge_tokens().
RougeScore rouge_n(std::span<const std::string> candidate, std::span<const std::string> reference, int n);
/// `rouge_l`: P = LCS/c, R = LCS/r, F1 = 2PR / (P + R); rouge-score's after rouge_tokens().
RougeScore rouge_l(std::span<const std::string> candidate, std::span<const std::string> reference);
/// `rouge_l_coco`: F = (1 + β²)PR / (R + β²P) with β = 1.2, of the tokens as they are.
RougeScore rouge_l_coco(std::span<const std::string> candidate, std::span<const std::string> reference);

}  // namespace ethreed
