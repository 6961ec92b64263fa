#include "model/metrics/rouge.h"

#include "model/metrics/ngrams.h"
#include "model/text/word_table.h"

#include <algorithm>

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

// Length of the longest common subsequence, in c · r steps.
int common_subsequence(std::span<const std::string> a, std::span<const std::string> b) {
  std::vector<int> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    int diagonal = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
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
