#pragma once
// What is computed piece by piece by other weights each, as one matrix again; and a matrix as one column.

#include "autograd/tape.h"
#include "core/indices.h"

namespace ethreed {

/// x_1 above x_2 above …: [Σ rows, columns]. Each part is read here alone: the gradient of the whole is theirs, without
/// a copy. Throws Error on an absent part and on different numbers of columns; backward, on a part that something else
/// has read.
template <class T> Variable<T> stack_rows(Tape<T>& tape, Span<const Variable<T>> parts) {
  ETHREED_CHECK(!parts.empty(), "stack_rows: no parts, wanted one at least");
  std::int64_t rows = 0;
  bool wanted = false;
  for (const Variable<T>& part : parts) {
    ETHREED_CHECK(part, "stack_rows: a part is absent");
    ETHREED_CHECK(part.columns() == parts[0].columns(), "stack_rows: a part is {}, the first one {}",
                  part.shape().text(), parts[0].shape().text());
    ETHREED_CHECK(part.node()->whole == nullptr, "stack_rows: a part is rows of another matrix; gather them first");
    rows += part.rows();
    wanted = wanted || part.wants_gradient();
  }
  const Context& context = tape.context();
  const Variable<T> y = tape.result({rows, parts[0].columns()}, wanted);
  T* next = y.data();
  for (const Variable<T>& part : parts) {
    const std::int64_t count = part.value().count();
    context.copy(next, static_cast<const T*>(part.data()), count);
    next += count;
  }
  if (!y.wants_gradient()) return y;
  const std::span<const Variable<T>> kept = context.arena.copy(std::span<const Variable<T>>(parts));
  tape.record([y, first = kept.data(), count = parts.size()](Tape<T>& t) {
    if (t.gradient(y) == nullptr) return;
    T* gradient = y.node()->gradient;
    for (int i = 0; i < count; ++i) {
      Node<T>* node = first[i].node();
      if (node->wanted) {
        ETHREED_CHECK(!node->written, "stack_rows: part {} has a second reader", i);
        node->gradient = gradient;
        node->written = true;
      }
      gradient += node->value.count();
    }
  });
  return y;
}

/// The elements of a matrix [N, K], row by row, as one column [N·K, 1] that shares its memory. Its gradient is added to
/// the matrix's. Throws Error on rows of another matrix.
template <class T> Variable<T> as_column(Tape<T>& tape, Variable<T> matrix) {
  ETHREED_CHECK(matrix && matrix.node()->whole == nullptr, "as_column: wanted a matrix of its own");
  const View<T> column(matrix.data(), {matrix.value().count(), 1});
  return Variable<T>(tape.context().arena.template make<Node<T>>(
      Node<T>{.value = column, .wanted = matrix.wants_gradient(), .whole = matrix.node()}));
}

}  // namespace ethreed
