#pragma once
// Replies that repeat themselves, each other, the training data or the context, and how long they are.

#include "core/indices.h"
#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// `rep_n` of one reply (Welleck et al. 2020): 1 − distinct / total n-grams; 0 where it has none.
double repetition(Indices reply, int n);

/// How often replies equal each other, word by word.
struct Duplicates {
  double duplicate_replies = 0;  ///< share of replies that equal another one
  double unique_replies = 0;     ///< different replies / replies
  double top_reply = 0;          ///< share of the most frequent one
  double ten_commonest = 0;      ///< share of the ten most frequent ones
  std::size_t top_row = 0;       ///< where that one stands first; of equals the one that comes first
};
Duplicates duplicates(std::span<const std::vector<std::string>> replies);
/// The same of draws of groups: a reply equals another if a row that is not its own was drawn with the same words. A
/// row that was drawn twice weighs twice and is no repetition of itself; else every draw would be full of duplicates.
/// `group_of` has a group for each reply.
std::function<Duplicates(GroupWeights)> duplicates_of_draw(std::span<const std::vector<std::string>> replies,
                                                           std::span<const std::int32_t> group_of);

/// `copied_from_train`: of each reply, whether it occurs word by word among these.
std::vector<bool> copied_from(std::span<const std::vector<std::string>> replies,
                              std::span<const std::vector<std::string>> train);

/// Of the numbers of words.
struct Lengths {
  double mean = 0, median = 0;  ///< of an even number of replies the mean of the middle two
  std::int64_t p95 = 0;         ///< by nearest rank
};
Lengths lengths_of(std::span<const std::vector<std::string>> replies);
/// The same of draws of groups, of which `group_of` has one for each reply. NaN and −1 where no reply was drawn.
std::function<Lengths(GroupWeights)> lengths_of_draw(std::span<const std::vector<std::string>> replies,
                                                     std::span<const std::int32_t> group_of);

/// n-grams of a reply that do not occur in any of the context's utterances, and all of them: `novel_n` is the ratio of
/// the sums.
struct Novelty {
  std::int64_t novel = 0, total = 0;
};
Novelty novelty(Indices reply, std::span<const std::vector<std::int32_t>> context, int n);

}  // namespace ethreed
