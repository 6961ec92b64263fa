#pragma once
// log_softmax: the logarithms of a softmax over every row, or the softmax itself: distributions over candidate replies,
// over labels, over a vocabulary.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"

#include <cstdint>

namespace ethreed {

/// y[i, k] = x[i, k] − lse_i, lse_i = log Σ_k exp(x[i, k]). x may be −∞, but not all of a row: its y is −∞ too.
/// With `probabilities` y[i, k] = exp(x[i, k] − lse_i), the softmax; 0 where x is −∞.
///
///   x  [rows, columns]  read; columns ≥ 1
///   y  [rows, columns]  written; aliases nothing
///
/// FLOPs: 5·rows·columns, of probabilities 6·rows·columns (an exp counts as one). Bytes: 2·rows·columns·sizeof(T).
/// Saved: none beyond the output. Workspace: none, on a device neither. lse is kept in two parts until it is
/// subtracted: large x cost no digits.
/// Order of reduction: that of math::log_sum_exp; one thread per row. On a device (one launch) that of warp_log_sum_exp
/// for rows of up to log_softmax_warp_columns elements, of block_log_sum_exp for longer ones, which have a block each.
/// Source: the definition.
template <class T> struct LogSoftmaxForward {
  int rows = 0;
  int columns = 0;
  bool probabilities = false;
  const T* x = nullptr;
  T* y = nullptr;
};

/// dx[i, k] = dy[i, k] − exp(y[i, k])·Σ_j dy[i, j], of probabilities y[i, k]·(dy[i, k] − Σ_j y[i, j]·dy[i, j]).
///
///   forward  as it was called: y is read
///   dy       [rows, columns]  read
///   dx       [rows, columns]  written or accumulated, may be absent; aliases nothing
///
/// FLOPs: 4·rows·columns. Bytes: 3·rows·columns·sizeof(T). Workspace: none, on a device neither (one launch).
/// Order of reduction of the sum: as in math::log_sum_exp, lane l adds elements l, l + 64, …, then pairwise. On a
/// device a thread of the warp or block adds every 32nd or 256th, then warp_sum or block_sum.
template <class T> struct LogSoftmaxBackward {
  LogSoftmaxForward<T> forward;  // x is not read
  const T* dy = nullptr;
  GradientSink<T> dx;
};

inline constexpr int log_softmax_warp_columns = 1024;

ETHREED_KERNEL(log_softmax_forward, LogSoftmaxForward)
ETHREED_KERNEL(log_softmax_backward, LogSoftmaxBackward)

namespace softmax_output {

/// What a kernel writes of a row, chosen when it is compiled: one element of y, what one element adds to the sum of the
/// backward, and one element of dx.
struct Logarithms {
  template <class T> ETHREED_HOST_DEVICE static T value(const math::LogSumExp<T>& lse, T x) {
    return lse.log_probability(x);
  }
  template <class T> ETHREED_HOST_DEVICE static T term(T, T dy) { return dy; }
  template <class T> ETHREED_HOST_DEVICE static T gradient(T y, T dy, T sum) { return dy - math::exp(y) * sum; }
};
struct Probabilities {
  template <class T> ETHREED_HOST_DEVICE static T value(const math::LogSumExp<T>& lse, T x) {
    return math::exp(lse.log_probability(x));
  }
  template <class T> ETHREED_HOST_DEVICE static T term(T y, T dy) { return y * dy; }
  template <class T> ETHREED_HOST_DEVICE static T gradient(T y, T dy, T sum) { return y * (dy - sum); }
};

/// Calls run(Output{}) with the one of the two that these arguments ask for.
template <class T, class Run> void with_output(const LogSoftmaxForward<T>& f, Run run) {
  if (f.probabilities)
    run(Probabilities{});
  else
    run(Logarithms{});
}

}  // namespace softmax_output

}  // namespace ethreed
