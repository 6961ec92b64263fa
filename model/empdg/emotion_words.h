#pragma once
// Which words are emotion words, and which of a context these are.

#include "core/context.h"
#include "core/tensor.h"
#include "model/blocks/context_batch.h"
#include "model/empdg/config.h"
#include "model/text/dataset.h"

#include <vector>

namespace ethreed {

/// Of every word of the vocabulary: 0 for an emotion word, 1 for every other. Stop words and the special words are
/// none. Those of `lexicon` are the words of the file. Those of `data_lexicon` are, of the words that stand
/// lexicon_count times or more in the situations of the training split, the ones with the largest
///   score(w) = Σ_e p(e|w) log(p(e|w)/p(e)),
/// p(e|w) the share of w's occurrences that are in situations of emotion e, p(e) that of all tokens': as many, of equal
/// ones the more frequent word of the vocabulary first, as it takes to be lexicon_coverage of the tokens in the
/// contexts of all replies of that split. Throws Error if there is no such file or no situation, or if no word is left.
std::vector<float> plain_words(const EmpdgConfig& config, const Dataset& data);

/// The emotion words of some contexts, LAB first, in order, repeats kept; and the rows of [C_u ; C_e], two encoders'
/// states one above the other, context by context. All of it lives as long as the step.
struct EmotionContexts {
  int positions() const { return words.size(); }
  /// The position of LAB of every context.
  Indices firsts() const { return offsets.first(offsets.size() - 1); }

  Indices offsets;         ///< [rows + 1] where each begins
  Indices words;           ///< [positions] place in word_ids, or behind those: LAB
  Indices source_offsets;  ///< [rows + 1] where the rows of each source begin
  Indices source_rows;     ///< [positions of contexts and of these] a state of C_u, or behind those: of C_e
};

/// `plain` is the parameter of that name, `word_ids` those of the batch. Waits for the device. While memory is planned
/// every word is an emotion word, as the numbers read 0: no context can be longer. Throws Error if a number is neither
/// 0 nor 1.
template <class T>
EmotionContexts emotion_contexts(const Context& context, const EmpdgConfig& config, View<const T> plain,
                                 Indices word_ids, const ContextRows& contexts);

}  // namespace ethreed
