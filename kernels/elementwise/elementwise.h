#pragma once
// elementwise: y = f(a, b) or f(a), element by element, where b may be one row or one column for all of a: sums of gate
// blocks, products with dropout masks, biases, activations, losses of single numbers.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/elementwise/elementwise_functions.h"

#include <cstdint>

namespace ethreed {

/// Which element of b goes with an element of a.
enum class Broadcast {
  none,    ///< its own
  row,     ///< b is one row: that of its column
  column,  ///< b is one column: that of its row
};

/// y_k = f(a_k, b_j) for a function of two inputs, y_k = f(a_k) for one of one, which may take a parameter p:
/// f(a_k, p). j = k; or with k = i·columns + c: j = c for a row, j = i for a column.
///
///   function   elementwise::number_of<F>, F a struct of elementwise_functions.h
///   broadcast  row or column: count is a multiple of columns ≥ 1; else columns is not used
///   parameter  p, of a function that has one
///   a          [count]  read
///   b          [n], n = count, columns or count/columns, read; may be `a` if nothing is broadcast; null for a function
///              of one input
///   y          [count]  written; aliases nothing
///
/// FLOPs: F::forward_flops·count. Bytes: (2·count + n)·sizeof(T), of one input 2·count·sizeof(T).
/// Saved: none beyond inputs and output. Workspace: none.
/// Order of reduction: there is none. On a device: one launch forward, one backward, whatever is asked for.
/// Source: the definition.
template <class T> struct ElementwiseForward {
  int function = 0;
  std::int64_t count = 0;
  Broadcast broadcast = Broadcast::none;
  std::int64_t columns = 0;
  T parameter = 0;
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;
};

/// da_k = dy_k·∂f/∂a,  db_j = Σ dy_k·∂f/∂b over the k that have this j.
///
///   forward  as it was called: those of a, b and y are read that the derivatives of F need
///   dy       [count]  read
///   da, db   [count], [n]  written or accumulated, each may be absent (db is for a function of one input; a mask wants
///                     none). They alias no input; where nothing is broadcast an element of da is done before the one
///                     of db, so both sinks may be the same array if the second accumulates.
///
/// FLOPs: F::backward_flops·count, where one of two sinks is absent half of it; count more for the sums of a row or
/// column. Bytes: (1 + F::backward_reads + F::inputs)·count·sizeof(T), with n in the place of count for b and db; the
/// function's reads are y of one input (a, for some), a and b of two. Where one of two sinks is absent: one array less,
/// and those of a, b and y that only it needs. Workspace: none.
/// Order of reduction of db: a row's element adds rows from first to last; a column's adds its row as lane_sum does. On
/// a device sixteen threads have a column, thread l of them adds rows l, l + 16, …, and they are added from first to
/// last; a warp has a row, lane l of it adds elements l, l + 32, …, and they are added by warp_sum.
template <class T> struct ElementwiseBackward {
  ElementwiseForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> da;
  GradientSink<T> db;
};

ETHREED_KERNEL(elementwise_forward, ElementwiseForward)
ETHREED_KERNEL(elementwise_backward, ElementwiseBackward)

namespace elementwise {

/// Element k of y, b the element of b that goes with it.
template <class F, class T> ETHREED_HOST_DEVICE T value_at(const ElementwiseForward<T>& f, std::int64_t k, T b) {
  return F::value(f.a[k], b);
}
template <class F, class T> ETHREED_HOST_DEVICE T value_at(const ElementwiseForward<T>& f, std::int64_t k) {
  if constexpr (F::inputs == 2)
    return value_at<F>(f, k, f.b[k]);
  else if constexpr (has_parameter<F>)
    return F::value(f.a[k], f.parameter);
  else
    return F::value(f.a[k]);
}
/// What one element adds to da.
template <class F, class T> ETHREED_HOST_DEVICE T to_a_at(const ElementwiseBackward<T>& args, std::int64_t k, T b) {
  return F::to_a(args.dy[k], args.forward.a[k], b, args.forward.y[k]);
}
template <class F, class T> ETHREED_HOST_DEVICE T to_a_at(const ElementwiseBackward<T>& args, std::int64_t k) {
  const ElementwiseForward<T>& f = args.forward;
  if constexpr (F::inputs == 2)
    return to_a_at<F>(args, k, f.b[k]);
  else if constexpr (has_parameter<F>)
    return F::to_a(args.dy[k], f.a[k], f.y[k], f.parameter);
  else
    return F::to_a(args.dy[k], f.a[k], f.y[k]);
}
/// What one element adds to db; of a function of two inputs.
template <class F, class T> ETHREED_HOST_DEVICE T to_b_at(const ElementwiseBackward<T>& args, std::int64_t k, T b) {
  return F::to_b(args.dy[k], args.forward.a[k], b, args.forward.y[k]);
}
template <class F, class T> ETHREED_HOST_DEVICE T to_b_at(const ElementwiseBackward<T>& args, std::int64_t k) {
  return to_b_at<F>(args, k, args.forward.b[k]);
}

/// Calls run(F{}) for a function of two inputs: one that may be broadcast.
template <class Run> void with_function_of_two(int function, Run run) {
  with_function(function, [&]<class F>(F f) {
    ETHREED_ASSERT(F::inputs == 2);
    if constexpr (F::inputs == 2) run(f);
  });
}

}  // namespace elementwise
}  // namespace ethreed
