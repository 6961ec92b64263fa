#pragma once
// layer_norm: every row is brought to mean 0 and deviation 1, then scaled and shifted column by column. Serves
// transformers, of both conventions.

#include "core/host_device.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cmath>
#include <cstdint>

namespace ethreed {

/// What a row is divided by, with c = x − mean: √(Σ c²/columns + ε), the usual form; or √(Σ c²/(columns − 1)) + ε, the
/// unbiased deviation, to which ε is added.
enum class LayerNormForm { usual, unbiased };

/// y[i, k] = gamma[k]·c[i, k]/u_i + beta[k], c[i, k] = x[i, k] − mean_i,
///   usual:    u_i = s_i,      s_i = √(Σ_k c[i, k]²/columns + epsilon)
///   unbiased: u_i = s_i + ε,  s_i = √(Σ_k c[i, k]²/(columns − 1)); columns ≥ 2
///
///   x          [rows, columns]  read; columns ≥ 1
///   gamma      [columns]        read
///   beta       [columns]        read
///   mean       [rows]           written, saved
///   deviation  [rows]           written, saved: s_i, by which the backward can tell a row of equal elements
///   y          [rows, columns]  written; may be x itself, which a backward would miss
///
/// epsilon > 0. Nothing else may alias.
/// FLOPs: 8·rows·columns. Bytes: (2·rows·columns + 2·columns + 2·rows)·sizeof(T); nothing without rows.
/// Saved beyond inputs and output: 2·rows·sizeof(T). Workspace: none.
/// Order of reduction: the sum, then the sum of squares of what is left, each as lane_sum does; one thread per row. On
/// a device (one launch, a warp per row) lane l adds elements l, l + 32, …, the lanes are added by warp_sum.
/// Source: Ba, Kiros, Hinton, "Layer Normalization", 2016, for the usual form.
template <class T> struct LayerNormForward {
  LayerNormForm form = LayerNormForm::usual;
  int rows = 0;
  int columns = 0;
  T epsilon = 0;
  const T* x = nullptr;
  const T* gamma = nullptr;
  const T* beta = nullptr;
  T* mean = nullptr;
  T* deviation = nullptr;
  T* y = nullptr;
};

/// With h = gamma ⊙ dy, C_i = Σ_k h[i, k]·c[i, k]:
///   dx[i, k] = (h[i, k] − mean_k h)/u_i − c[i, k]·C_i·w_i
///              usual: w_i = 1/(columns·u_i³); unbiased: w_i = 1/((columns − 1)·s_i·u_i²), 0 where s_i = 0
///   dgamma[k] = Σ_i dy[i, k]·c[i, k]/u_i,  dbeta[k] = Σ_i dy[i, k]
///
///   forward               as it was called: x, gamma, mean and deviation are read
///   dy                    [rows, columns]  read
///   dx, dgamma, dbeta     shapes of x, gamma, beta; written or accumulated, each may be absent; they alias nothing
///
/// FLOPs: 17·rows·columns, 12 of which for dx, 4 for dgamma. Bytes: (3·rows·columns + 3·columns + 2·rows)·sizeof(T);
/// without rows 2·columns·sizeof(T).
/// Workspace: 2·⌈rows / 32⌉·columns·sizeof(T) if dgamma or dbeta is wanted, on a device none.
/// Order of reduction: along a row as in the forward; dgamma and dbeta add 32 rows from first to last, then these sums
/// from first to last. On a device (up to two launches: dx; dgamma with dbeta) a column has eight threads, of which
/// thread l adds rows l, l + 8, …; they are added from first to last.
template <class T> struct LayerNormBackward {
  LayerNormForward<T> forward;  // beta and y are not read
  const T* dy = nullptr;
  GradientSink<T> dx;
  GradientSink<T> dgamma;
  GradientSink<T> dbeta;
};

ETHREED_KERNEL(layer_norm_forward, LayerNormForward)
ETHREED_KERNEL(layer_norm_backward, LayerNormBackward)

namespace norm {

/// s of a row, from Σ c².
template <class T> ETHREED_HOST_DEVICE T deviation(const LayerNormForward<T>& f, T squares) {
  return f.form == LayerNormForm::usual ? std::sqrt(squares / static_cast<T>(f.columns) + f.epsilon)
                                        : std::sqrt(squares / static_cast<T>(f.columns - 1));
}
/// 1/u of a row.
template <class T> ETHREED_HOST_DEVICE T scale(const LayerNormForward<T>& f, T s) {
  return T{1} / (f.form == LayerNormForm::usual ? s : s + f.epsilon);
}
/// w of a row, `scale` its 1/u.
template <class T> ETHREED_HOST_DEVICE T curvature(const LayerNormForward<T>& f, T s, T scale) {
  if (f.form == LayerNormForm::usual) return scale * scale * scale / static_cast<T>(f.columns);
  return s > T{0} ? scale * scale / (static_cast<T>(f.columns - 1) * s) : T{0};
}

}  // namespace norm
}  // namespace ethreed
