#pragma once
// All figures of a set of replies: one call for any program's replies, so that one table holds one definition of each.

#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

using TokenText = std::vector<std::string>;

/// Replies, row by row, and what they are scored against. Rows of the other lists are those of `replies`; an empty list
/// says that there is none, and its figures are absent.
struct ReplySet {
  std::vector<TokenText> replies;                  ///< lower case; a word that the model does not know is `unk`
  std::vector<TokenText> references;               ///< one gold reply a row, its words as they are
  std::vector<std::vector<TokenText>> posts;       ///< P_1 … P_t, what the speaker has said
  std::vector<std::vector<TokenText>> candidates;  ///< several replies a row, the first one included
  std::vector<std::vector<double>> gates;          ///< p_gen of each word of the reply, as it was generated
  std::vector<std::int8_t> cut;                    ///< 1 where the reply was cut at the longest length
  std::vector<std::int32_t> group_of;  ///< the dialogue of a row, 0 … groups − 1; empty: each row is its own
  int groups = 0;
};

struct ScoreOptions {
  /// The vector of a word; empty where there is none.
  std::function<std::span<const float>(std::string_view)> vector_of;
  std::optional<std::vector<TokenText>> train;  ///< replies of the training split
  std::int64_t vocabulary = 0;                  ///< V, for `ead_n`; 0: not known
  int longest = 40;                             ///< tokens of a reply that counts as cut, where `cut` is empty
  std::size_t self_bleu_sample = 1000;
  std::uint64_t seed = 1;  ///< of that sample
};

enum class FigureUnit {
  percent,  ///< × 100
  share,    ///< 0 to 1
  nats,
  tokens,
  count
};
std::string_view name_of(FigureUnit unit);

/// ScoreFigure::no_interval of a count that says what the file is like.
inline constexpr const char* counted_in_file = "counts rows of this file and estimates nothing";

/// One that is there has `of_draw` or `no_interval`.
struct ScoreFigure {
  std::string name;
  FigureUnit unit = FigureUnit::share;
  double value = 0;           ///< NaN: absent
  std::string absent{};       ///< why
  std::string note{};         ///< what a reader must know of this value (a text, a zero count)
  GroupFigure of_draw{};      ///< for the bootstrap; none: absent, or without an interval
  std::string no_interval{};  ///< why a figure that is there has no interval
};

/// Every figure in a fixed order, also the absent ones: two sets have the same list of names. Throws Error without
/// replies, and where a list has another number of rows.
std::vector<ScoreFigure> score_replies(const ReplySet& set, const ScoreOptions& options);

/// The rows of the sample that Self-BLEU is taken of: `count` different ones of `rows`, ascending; all where there are
/// no more. A pure function of the three.
std::vector<std::size_t> sample_rows(std::size_t rows, std::size_t count, std::uint64_t seed);

}  // namespace ethreed
