#pragma once
// n-grams of words or characters, and how many two texts share.

#include "core/indices.h"

#include <array>
#include <cstdint>
#include <vector>

namespace ethreed {

/// The largest n: chrF counts six characters.
inline constexpr int longest_ngram = 6;

/// The ids of an n-gram; places from n on are −1.
using Ngram = std::array<std::int32_t, longest_ngram>;

/// All n-grams of a text in ascending order, equal ones as often as they occur; none where it is shorter than n.
/// `1 ≤ n ≤ longest_ngram`.
std::vector<Ngram> sorted_ngrams(Indices text, int n);

/// Matches of two sorted lists, each n-gram as often as it is in both ("clipped").
std::int64_t matches_of(const std::vector<Ngram>& a, const std::vector<Ngram>& b);

/// Different n-grams of a sorted list.
std::int64_t different_of(const std::vector<Ngram>& sorted);

}  // namespace ethreed
