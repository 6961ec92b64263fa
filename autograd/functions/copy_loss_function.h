#pragma once
// Differentiable smoothed cross-entropy over a vocabulary of which words of a source are copied: autograd over
// kernels/copy_loss.

#include "autograd/functions/vocabulary_loss_function.h"
#include "kernels/copy_loss/copy_loss.h"

namespace ethreed {

/// The loss of every target token under P = σ(gate)·softmax(logits) + σ(−gate)·(weights of the source words).
///   layout      rows of source and target tokens; its arrays must outlive the tape
///   logits      [M, V], as for vocabulary_loss: they may turn into their own gradient
///   gate_logit  [M] or [M, 1]
///   weights     as many as the layout has, not negative; of a target token they should sum to 1 at most
///   source_ids  [S]  0 or more, from V on for words that the vocabulary lacks, numbered by row, or −1 for a source
///               token that is no word; must outlive the tape
///   targets     [M]  −1 to V − 1, or a word from V on of the row's source; copied
/// Throws Error on what vocabulary_loss refuses, an invalid layout, and sizes and ids that do not fit it.
template <class T>
VocabularyLoss<T> copy_loss(Tape<T>& tape, const RowLayout& layout, Variable<T> logits, Variable<T> gate_logit,
                            Variable<T> weights, Indices source_ids, Indices targets, LabelSmoothing how = {});

}  // namespace ethreed
