#pragma once
// Contexts with what is known of them: behind each stand SEP and its concepts.

#include "core/context.h"
#include "core/indices.h"
#include "core/tensor.h"
#include "model/blocks/context_batch.h"
#include "model/kemp/config.h"

#include <cstdint>

namespace ethreed {

/// Columns are the positions of a context and then those behind it, context after context: S + C of each, n in all. The
/// arrays live as long as the step.
struct ConceptRows {
  Indices offsets;  ///< [contexts + 1] where the columns of each begin
  /// [columns] which row of [positions of all contexts ; all that stands behind them] each is
  Indices order;
  Indices concepts;              ///< [concepts] their word ids, context after context
  Indices behind;                ///< [behind] which row of [concepts ; marks] each is: SEP's or a concept's
  Indices owner;                 ///< [behind] the place in its context of the word that a concept is of, −1 for SEP
  Span<const double> intensity;  ///< [columns] 0 for CLS and SEP

  int contexts() const { return offsets.size() - 1; }
  int columns(int context) const { return offsets[context + 1] - offsets[context]; }
  /// The most columns of one context.
  int widest() const;
};

/// `known` holds the knowledge of the words that contexts are made of, on the host [words, knowledge_width], or has no
/// rows: then there are no concepts and every intensity is 0. A context's concepts are those of its words in their
/// order; beyond total_concepts the most intense ones stay, of equal ones those of the earlier word. In a model without
/// the graph nothing stands behind a context. Throws Error if a number there is no word's.
template <class T>
ConceptRows concept_rows(const Context& context, const KempConfig& config, const ContextRows& contexts,
                         View<const T> known);

}  // namespace ethreed
