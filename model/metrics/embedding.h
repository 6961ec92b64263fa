#pragma once
// How near two texts are by the vectors of their words. Values depend on the vectors wholly: name them.

#include <optional>
#include <span>
#include <vector>

namespace ethreed {

/// The vectors of a text's words, all of one width; words without one are left out.
using WordRows = std::vector<std::span<const float>>;

/// cos(a, b); 0 where either is zero. Throws Error where the widths differ.
double cosine(std::span<const double> a, std::span<const double> b);

/// Of one row. A candidate without vectors scores 0; a reference without vectors gives nothing: such rows are left out
/// and counted.
/// `emb_average`: cosine of the sums.
std::optional<double> emb_average(const WordRows& candidate, const WordRows& reference);
/// `emb_extrema`: of each dimension the value of the largest magnitude (the minimum only where |min| > max), cosine.
std::optional<double> emb_extrema(const WordRows& candidate, const WordRows& reference);
/// `emb_greedy`: the mean over c's words of their largest cosine with r's words, and the same from r; half of the sum.
std::optional<double> emb_greedy(const WordRows& candidate, const WordRows& reference);

}  // namespace ethreed
