#pragma once
// elementwise: y = f(a, b) or f(a), element by element: sums of gate blocks, products with dropout masks, activations.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/elementwise/elementwise_functions.h"

#include <cstdint>

namespace ethreed {

/// y_k = f(a_k, b_k) for a function of two inputs, y_k = f(a_k) for one of one.
///
///   function  elementwise::number_of<F>, F a struct of elementwise_functions.h
///   a         [count]  read
///   b         [count]  read; may be `a`; null for a function of one input
///   y         [count]  written; aliases nothing
///
/// FLOPs: F::forward_flops·count. Bytes: (F::inputs + 1)·count·sizeof(T).
/// Saved: none beyond inputs and output. Workspace: none.
/// Order of reduction: there is none. On a device: one launch forward, one backward, whatever is asked for.
/// Source: the definition.
template <class T> struct ElementwiseForward {
  int function = 0;
  std::int64_t count = 0;
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;
};

/// da_k = dy_k·∂f/∂a,  db_k = dy_k·∂f/∂b.
///
///   forward  as it was called: those of a, b and y are read that the derivatives of F need
///   dy       [count]  read
///   da, db   [count]  written or accumulated, each may be absent (db is for a function of one input; a mask wants
///                     none). They alias no input; an element of da is done before the one of db, so both sinks may be
///                     the same array if the second accumulates.
///
/// FLOPs: F::backward_flops·count, where one of two sinks is absent half of it. Bytes: (1 + F::backward_reads +
/// F::inputs)·count·sizeof(T). Where one of two sinks is absent: one array less, and those of a, b and y that only it
/// needs. Workspace: none.
template <class T> struct ElementwiseBackward {
  ElementwiseForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> da;
  GradientSink<T> db;
};

ETHREED_KERNEL(elementwise_forward, ElementwiseForward)
ETHREED_KERNEL(elementwise_backward, ElementwiseBackward)

namespace elementwise {

/// One element of y.
template <class F, class T> ETHREED_HOST_DEVICE T value_at(const ElementwiseForward<T>& f, std::int64_t k) {
  if constexpr (F::inputs == 2)
    return F::value(f.a[k], f.b[k]);
  else
    return F::value(f.a[k]);
}
/// What one element adds to da.
template <class F, class T> ETHREED_HOST_DEVICE T to_a_at(const ElementwiseBackward<T>& args, std::int64_t k) {
  const ElementwiseForward<T>& f = args.forward;
  if constexpr (F::inputs == 2)
    return F::to_a(args.dy[k], f.a[k], f.b[k], f.y[k]);
  else
    return F::to_a(args.dy[k], f.a[k], f.y[k]);
}
/// What one element adds to db; of a function of two inputs.
template <class F, class T> ETHREED_HOST_DEVICE T to_b_at(const ElementwiseBackward<T>& args, std::int64_t k) {
  const ElementwiseForward<T>& f = args.forward;
  return F::to_b(args.dy[k], f.a[k], f.b[k], f.y[k]);
}

}  // namespace elementwise
}  // namespace ethreed
