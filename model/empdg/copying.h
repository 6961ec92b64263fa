#pragma once
// What EmpDG copies, where it has a pointer: words of a context, and its emotion words once more.
//   a = softmax over the source of the heads' mean logits,  k = softmax(a),  α = σ(w·O + b)
//   P_v = α softmax(logits)_v + (1 − α) Σ_{j: source word j is v} k_j
// The second softmax is the released code's: two shares of k differ by a factor of e at most. CLS and LAB have a share,
// and are no words: no word gets it, in replies the pad. A word that the vocabulary lacks is copied by its own name
// (ids from V on, ContextRows::extended).

#include "kernels/common/row_layout.h"
#include "model/empdg/emotion_words.h"
#include "model/empdg/parameters.h"
#include "model/interface/reply_pointer.h"

namespace ethreed {

/// Rows are replies; their source is [C_u ; C_e]. Lives as long as the step.
struct CopySources {
  RowLayout layout;
  Indices words;  ///< [sources] word ids, from V on of words that the vocabulary lacks, −1 for CLS and LAB
};

/// The sources of a batch whose different words are word_ids.
CopySources copy_sources(const Context& context, Indices word_ids, const ContextRows& contexts,
                         const EmotionContexts& emotion, Indices target_offsets);

/// The same for replies: CLS is mark 0, LAB is mark 1.
PointerSources pointer_sources(Indices word_ids, const ContextRows& contexts, const EmotionContexts& emotion);

/// How much of every target token is copied, and from where.
template <class T> struct EmpdgCopy {
  Variable<T> gate;     ///< w·O + b [targets, 1]
  Variable<T> weights;  ///< k, ragged [target, source]
};
/// states: O [targets, d]; logits: the heads' mean, ragged [target, source].
template <class T>
EmpdgCopy<T> empdg_copy(Tape<T>& tape, const EmpdgParameters<Variable<T>>& p, const RowLayout& layout,
                        Variable<T> states, Variable<T> logits);

}  // namespace ethreed
