#include "model/kemp/concept_rows.h"

#include "core/error.h"
#include "model/kemp/parameters.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// A concept that a context might have.
struct Candidate {
  std::int32_t owner = 0, word = 0;  // place in the context of the word that it is of; id
  double intensity = 0;
  int place = 0;  // among all candidates
};

// Fills arrays of the step; they are as large as they may become.
class Builder {
 public:
  Builder(const Context& context, const KempConfig& config, const ContextRows& contexts)
      : config_(config), contexts_(contexts) {
    const std::int64_t most_of_one = std::int64_t{config.total_concepts} + 1;
    const std::int64_t behind =
        config.has_graph() ? std::min(contexts.rows() * most_of_one,
                                      contexts.rows() + std::int64_t{contexts.positions()} * config.concepts_per_word)
                           : 0;
    const auto ids = [&](std::int64_t count) { return context.arena.allocate<std::int32_t>(count); };
    offsets_ = ids(contexts.rows() + 1);
    order_ = ids(contexts.positions() + behind);
    intensity_ = context.arena.allocate<double>(contexts.positions() + behind);
    concepts_ = ids(behind);
    behind_ = ids(behind);
    owner_ = ids(behind);
    candidates_ = context.arena.allocate<Candidate>(std::int64_t{contexts.positions()} * config.concepts_per_word);
    offsets_[0] = 0;
  }

  template <class T> void add_context(int row, View<const T> known) {
    int found = 0;
    for (int i = contexts_.offsets[row]; i < contexts_.offsets[row + 1]; ++i) {
      const std::int32_t word = contexts_.words[i];
      const bool is_known = word < known.rows();
      add_column(i, is_known ? static_cast<double>(known.row(word)[0]) : 0.0);
      if (!is_known || !config_.has_graph()) continue;
      for (int k = 0; k < config_.concepts_per_word; ++k) {
        const auto id = static_cast<double>(known.row(word)[1 + 2 * k]);
        if (id == -1) continue;
        ETHREED_CHECK(id >= 0 && id < config_.vocabulary && id == std::floor(id),
                      "model 'kemp': a concept of a word is {}, wanted the id of a word, 0 to {}, or -1 for none; take "
                      "a checkpoint that is whole",
                      id, config_.vocabulary - 1);
        candidates_[found] = {.owner = i - contexts_.offsets[row],
                              .word = static_cast<std::int32_t>(id),
                              .intensity = static_cast<double>(known.row(word)[2 + 2 * k]),
                              .place = found};
        ++found;
      }
    }
    if (config_.has_graph()) {
      add_behind(-1, -1, 0);
      const int kept = keep_most_intense(found);
      for (int k = 0; k < kept; ++k) add_behind(candidates_[k].owner, candidates_[k].word, candidates_[k].intensity);
    }
    offsets_[row + 1] = columns_;
  }

  ConceptRows result() const {
    for (int b = 0; b < all_behind_; ++b)
      if (owner_[b] < 0) behind_[b] = all_concepts_ + mark_sep;
    return {.offsets = {offsets_, contexts_.rows() + 1},
            .order = {order_, columns_},
            .concepts = {concepts_, all_concepts_},
            .behind = {behind_, all_behind_},
            .owner = {owner_, all_behind_},
            .intensity = {intensity_, columns_}};
  }

 private:
  void add_column(std::int32_t row, double intensity) {
    order_[columns_] = row;
    intensity_[columns_++] = intensity;
  }
  void add_behind(std::int32_t owner, std::int32_t word, double intensity) {
    add_column(contexts_.positions() + all_behind_, intensity);
    owner_[all_behind_] = owner;
    if (owner >= 0) {
      behind_[all_behind_] = all_concepts_;
      concepts_[all_concepts_++] = word;
    }
    ++all_behind_;
  }

  // The first so many candidates are then those that stay, in the order of their words.
  int keep_most_intense(int found) {
    const int kept = std::min(found, config_.total_concepts);
    if (kept == found) return kept;
    // Few stay: each of them is looked for.
    for (int k = 0; k < kept; ++k) {
      Candidate* const best = std::max_element(
          candidates_ + k, candidates_ + found,
          [](const Candidate& a, const Candidate& b) { return a.intensity < b.intensity; });  // of equal ones the first
      std::rotate(candidates_ + k, best, best + 1);
    }
    std::sort(candidates_, candidates_ + kept,
              [](const Candidate& a, const Candidate& b) { return a.place < b.place; });
    return kept;
  }

  const KempConfig& config_;
  const ContextRows& contexts_;
  std::int32_t *offsets_, *order_, *concepts_, *behind_, *owner_;
  double* intensity_;
  Candidate* candidates_;  // of the context in hand
  int columns_ = 0, all_concepts_ = 0, all_behind_ = 0;
};

}  // namespace

int ConceptRows::widest() const {
  int most = 0;
  for (int r = 0; r < contexts(); ++r) most = std::max(most, columns(r));
  return most;
}

template <class T>
ConceptRows concept_rows(const Context& context, const KempConfig& config, const ContextRows& contexts,
                         View<const T> known) {
  Builder builder(context, config, contexts);
  for (int r = 0; r < contexts.rows(); ++r) builder.add_context(r, known);
  return builder.result();
}

template ConceptRows concept_rows(const Context&, const KempConfig&, const ContextRows&, View<const float>);
template ConceptRows concept_rows(const Context&, const KempConfig&, const ContextRows&, View<const double>);

}  // namespace ethreed
