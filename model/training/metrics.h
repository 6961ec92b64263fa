#pragma once
// The figures of section 8: accuracies, perplexities, coverage, Distinct-n.

#include "model/ethreed/ethreed.h"

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace ethreed {

/// What a teacher-forced pass over a split shows.
struct EvaluationResult {
  double speaker_accuracy = 0;   ///< share of turns with argmax W_e e^P = y^P
  double listener_accuracy = 0;  ///< the same for R over labelled turns; 0 if there is none
  double perplexity_token = 0;   ///< exp(mean over tokens of −log P)
  double perplexity_macro = 0;   ///< exp(mean over dialogues of mean over turns of mean over tokens of −log P)
  double coverage = 0;           ///< L4 over the split
  double policy_divergence = 0;  ///< L2 over the split; 0 without the term
  double unk_share = 0;          ///< share of target tokens that are UNK
  std::int64_t dialogues = 0, turns = 0, listener_turns = 0, tokens = 0;
};

/// Adds up batches; sums are taken in the order of the calls, in double.
class EvaluationSums {
 public:
  /// `pass` must be a finished pass over `batch`.
  template <class T> void add(const Batch& batch, const ForwardPass<T>& pass);
  /// Throws Error if no batch was added.
  EvaluationResult result() const;

 private:
  double nll_ = 0, macro_ = 0, coverage_ = 0, divergence_ = 0;
  std::int64_t speaker_right_ = 0, speaker_turns_ = 0, listener_right_ = 0, unknown_ = 0;
  EvaluationResult counts_;
};

/// Distinct-n × 100: distinct over total n-grams of all replies (n-grams do not cross replies).
class DistinctCounter {
 public:
  void add(std::span<const std::int32_t> words);
  double distinct_1() const { return share(unigrams_.size(), unigram_count_); }
  double distinct_2() const { return share(bigrams_.size(), bigram_count_); }
  std::int64_t replies() const { return replies_; }

 private:
  static double share(std::size_t distinct, std::int64_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(distinct) / static_cast<double>(total);
  }
  std::set<std::int32_t> unigrams_;
  std::set<std::pair<std::int32_t, std::int32_t>> bigrams_;
  std::int64_t unigram_count_ = 0, bigram_count_ = 0, replies_ = 0;
};

/// Index of the largest value, the first of equals.
template <class T> int argmax(std::span<const T> values) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i)
    if (values[i] > values[best]) best = i;
  return static_cast<int>(best);
}

}  // namespace ethreed
