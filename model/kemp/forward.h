#pragma once
// KEMP. A reply's context is its words 0 … S − 1, CLS first; behind them stand SEP and the words' concepts, C together.
//   t_i = √D_w (E[w_i] + E[state_i]), k_j likewise, whose state is KG;  t' by the graph (graph.h)
//   H = Encoder([t' ; k]);  ω = softmax over all S + C positions of the intensities η, 0 for CLS and SEP
//   c_e = Σ_j ω_j H_j;  g = W c_e;  y_0 = W_s g + b_s
//   decoder over y_0, √D_w E[y_1], … with keys and values from H; its attention to H gives W_m [O_t ; c_e] in place of
//   O_t; z = W O + b, P(v) = σ(w·o + b) softmax(z)_v + σ(−w·o − b) Σ_{j: word of column j = v} k_j, k = softmax_j(a)
//   over the columns, a the softmax of the heads' mean logits in the decoder's last layer: k is nearly even. Without
//   `copy` P = softmax(z). CLS and SEP have a share, and are no words: no word gets it, in replies the pad. A word that
//   the vocabulary lacks is copied by its own name (ids from V on, ContextRows::extended).
//   L_att = mean over replies of the mean over the S + C positions of (ā_j − ω_j)², ā the mean of a over a reply's
//   words
// Without knowledge ω is uniform, SEP stands alone, and there is no L_att.

#include "model/interface/model.h"
#include "model/interface/reply_pointer.h"
#include "model/kemp/graph.h"

namespace ethreed {

/// Places of the terms in StepLosses; the first two are sums.
enum KempLoss : std::size_t {
  kemp_generation,  ///< Σ p*(log p* − log P) over target tokens, with label smoothing
  kemp_emotion,     ///< Σ −log softmax(g)[emotion] over replies to a post that has one
  kemp_attention,   ///< weight_attention · L_att
};

/// What is known of some replies before their first word.
template <class T> struct KempContext {
  ConceptRows rows;
  Variable<T> states;  ///< H [columns, d]
  Variable<T> signal;  ///< c_e [contexts, d]
  Variable<T> logits;  ///< g [contexts, K]
  Variable<T> start;   ///< y_0 [contexts, D_w]
};

/// `words` is E of the batch's different words, whose ids are word_ids. Waits for the device where there is knowledge.
template <class T>
KempContext<T> read_kemp_contexts(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                                  Variable<T> words, Indices word_ids, const ContextRows& contexts,
                                  const PassOptions& options);

/// What is decoded: sequences of target rows, one behind the other.
struct KempTargets {
  Indices offsets;         ///< [sequences + 1]
  Indices contexts;        ///< [sequences] which context each answers
  Indices source_offsets;  ///< [sequences + 1] where the rows of its source begin
};

template <class T> struct KempDecoded {
  Variable<T> states;     ///< O [target rows, d]
  Variable<T> attention;  ///< a [target rows, widest], zeros behind a context's columns; absent if not asked for
};

/// `said` is √D_w E of the words before, SOS first [target rows, D_w]: in place of SOS stands y_0. `source` has the
/// rows of H of every sequence. `look`: is the attention wanted.
template <class T>
KempDecoded<T> kemp_decoder(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                            const KempContext<T>& read, const KempTargets& targets, Variable<T> said,
                            Variable<T> source, bool look);

/// How much of some words is copied, and from where. Every row's source is as wide as the widest context.
template <class T> struct KempCopy {
  Variable<T> gate;     ///< w·o + b [rows, 1]
  Variable<T> weights;  ///< k [rows, widest]; 0 behind a context's columns
};
/// From O and a of these rows, each of which answers a context of contexts [rows].
template <class T>
KempCopy<T> kemp_copy(Tape<T>& tape, const KempParameters<Variable<T>>& p, const ConceptRows& rows, Indices contexts,
                      Variable<T> states, Variable<T> attention);
/// The word of every column of a context, from V on one that the vocabulary lacks, −1 for CLS, SEP and what stands
/// behind its columns: widest ids into `ids`.
void copied_words(const ConceptRows& rows, const ContextRows& contexts, int context, std::int32_t* ids);
/// The same for replies: CLS is mark 0, SEP is mark 1.
PointerSources pointer_sources(const ConceptRows& rows, const ContextRows& contexts);

template <class T> struct KempPass {
  Variable<T> logits;  ///< g by turn row [N, K]
  Variable<T> nll;     ///< of every target [target tokens]
  int concepts = 0;    ///< of all contexts
  StepLosses<T> losses;
};

/// Up to the losses.
template <class T>
KempPass<T> kemp_forward(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options);

template <class T> KempPass<T> kemp_on_host(const Context& context, KempPass<T> pass);

}  // namespace ethreed
