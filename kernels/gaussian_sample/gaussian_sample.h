#pragma once
// gaussian_sample: the reparameterised draw R̂ = μ + exp(λ/2) ⊙ ε of the empathetic policy, after (9) and (10).

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// sample = mean + exp(log_variance / 2)·noise, element by element.
///
///   mean, log_variance  [count]  read; λ is the log variance
///   noise               [count]  read; ε ~ N(0, 1), a constant
///   sample              [count]  written; may be `mean`, else aliases nothing
///
/// FLOPs: 4·count (an exp counts as one). Bytes: 4·count·sizeof(T).
/// Saved: none beyond log_variance and noise. Workspace: none.
/// Order of reduction: there is none. On a device: one launch forward, one backward, whatever is asked for.
/// Source: Kingma, Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
template <class T> struct GaussianSampleForward {
  std::int64_t count = 0;
  const T* mean = nullptr;
  const T* log_variance = nullptr;
  const T* noise = nullptr;
  T* sample = nullptr;
};

/// dmean = dsample;  dlog_variance = dsample·exp(log_variance / 2)·noise / 2.
///
///   forward                as it was called: log_variance and noise are read
///   dsample                [count]  read
///   dmean, dlog_variance   [count]  written or accumulated, each may be absent; they alias nothing
///
/// FLOPs: 7·count (the addition to either gradient is one). Bytes: 5·count·sizeof(T). Workspace: none.
template <class T> struct GaussianSampleBackward {
  GaussianSampleForward<T> forward;
  const T* dsample = nullptr;
  GradientSink<T> dmean;
  GradientSink<T> dlog_variance;
};

ETHREED_KERNEL(gaussian_sample_forward, GaussianSampleForward)
ETHREED_KERNEL(gaussian_sample_backward, GaussianSampleBackward)

}  // namespace ethreed
