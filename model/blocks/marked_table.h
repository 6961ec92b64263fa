#pragma once
// What MoEL, MIME, EmpDG and KEMP share beside their transformer blocks: the table of words and marks, how contexts and
// targets are read from it, layers that start as theirs do, and the loss over the vocabulary.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/vocabulary_loss_function.h"
#include "model/blocks/context_batch.h"
#include "model/blocks/parameters.h"

#include <cmath>
#include <numeric>

namespace ethreed {

/// One table in two parameters: the rows of words start as the word vectors of the data, and below them stand those of
/// the marks, which no data has.
template <class Handle> struct MarkedTable {
  Handle words{};  ///< E [V, D_w]
  Handle marks{};  ///< CLS, USR, SYS and what a model has beside them [marks, D_w]
};

/// A word without a vector starts as 0.01·N(0, 1), and a mark's row as narrow as that is.
template <class Handle, class Visit>
void visit_table(Visit& visit, int vocabulary, int width, MarkedTable<Handle>& h, int marks = mark_count) {
  constexpr int narrow = 3333;  // U(±1/√narrow) has a deviation of 0.01
  visit("embedding", ".weight", Shape{vocabulary, width},
        InitialValues{.how = Initialisation::word_vectors, .fan_in = width, .missing_deviation = 0.01}, h.words);
  visit("marks", ".weight", Shape{marks, width}, InitialValues{.fan_in = narrow}, h.marks);
}

/// A matrix starts as Xavier has it, a bias as U(±1/√fan_in).
template <class Handle, class Visit>
void visit_xavier(Visit& visit, std::string_view prefix, int out, int in, Handle& h) {
  visit(prefix, ".weight", Shape{out, in}, InitialValues{.how = Initialisation::xavier, .fan_in = in, .fan_out = out},
        h);
}
template <class Handle, class Visit>
void visit_xavier_linear(Visit& visit, std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
  visit_xavier(visit, prefix, out, in, h.weight);
  visit(prefix, ".bias", Shape{out}, InitialValues{.fan_in = in}, h.bias);
}

/// 0 … n − 1, as long as the step lives.
inline Indices all_rows(const Context& context, int n) {
  std::int32_t* rows = context.arena.allocate<std::int32_t>(n);
  std::iota(rows, rows + n, 0);
  return {rows, n};
}

/// Rows of words are multiplied by this: √D_w.
template <class T> double word_scale(const MarkedTable<Variable<T>>& table) {
  return std::sqrt(static_cast<double>(table.words.columns()));
}

/// E of the batch's different words [word_ids, D_w].
template <class T>
Variable<T> read_words(Tape<T>& tape, const MarkedTable<Variable<T>>& table, const ContextBatch& batch) {
  return embedding<T>(tape, table.words, batch.dialogues.word_ids);
}

/// √D_w·(E[word] + E[state]) of every position [positions, D_w].
template <class T>
Variable<T> read_contexts(Tape<T>& tape, const MarkedTable<Variable<T>>& table, Variable<T> words,
                          const ContextRows& contexts) {
  const Variable<T> both = add(tape, gather_stacked_rows<T>(tape, words, table.marks, contexts.words),
                               gather_rows<T>(tape, {{table.marks, contexts.states}}));
  return scale(tape, both, word_scale(table));
}

/// √D_w·E[y_{i−1}] of every target token [tokens, D_w].
template <class T>
Variable<T> read_targets(Tape<T>& tape, const MarkedTable<Variable<T>>& table, Variable<T> words,
                         const ContextBatch& batch) {
  return scale(tape, gather_rows<T>(tape, {{words, batch.inputs}}), word_scale(table));
}

/// The loss of every target token from the decoder's states [tokens, d]; a pad has no share in what is smoothed.
template <class T>
VocabularyLoss<T> target_loss(Tape<T>& tape, const LinearHandles<Variable<T>>& output, Variable<T> states,
                              const ContextBatch& batch, double smoothing) {
  return vocabulary_loss<T>(tape, linear(tape, {states}, output.weight, output.bias), batch.targets,
                            {.smoothing = smoothing, .excluded = pad_id});
}

}  // namespace ethreed
