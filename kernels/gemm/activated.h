#pragma once
// What follows a matrix product in a layer, on the CPU: y = f(c) tile by tile, while the tile is in the core's cache.

#include "kernels/common/activation.h"
#include "kernels/gemm/gemm.h"

#include <cstddef>

namespace ethreed {

/// gemm(), and y = f(c). y [m, n] has the leading dimension of c and may be c itself; null for none, with the identity.
/// The bits are those of f over gemm()'s C.
template <class T> void gemm_activated(Context& context, const Gemm<T>& g, Activation activation, T* y);

/// f of `count` numbers, in place; f is not the identity. In the calling thread.
template <class T> void activate(Activation activation, T* values, std::ptrdiff_t count);

/// A tile of C that is finished: sums plus C if `add`, plus the bias, are stored to C, and f of that to y.
template <class T> struct ActivatedTile {
  const T* sums;  ///< [rows, width], of which `columns` exist
  int rows, width, columns;
  bool add;
  const T* bias;  ///< [columns], or null
  T* c;
  T* y;                     ///< may be c: then f alone is stored
  std::ptrdiff_t row_step;  ///< of c and y
};
/// f is not the identity. In the calling thread.
template <class T> void store_activated(Activation activation, const ActivatedTile<T>& tile);

// The same of one set of instructions.
#define ETHREED_GEMM_ACTIVATED(Tag, T)                                                           \
  template <class T> void gemm_activated(Tag, Context&, const Gemm<T>&, Activation, T* y);       \
  template <class T> void activate(Tag, Activation activation, T* values, std::ptrdiff_t count); \
  template <class T> void store_activated(Tag, Activation activation, const ActivatedTile<T>& tile);
ETHREED_FOR_EACH_CPU(ETHREED_GEMM_ACTIVATED, T)
#undef ETHREED_GEMM_ACTIVATED

template <class T> void gemm_activated(Context& context, const Gemm<T>& g, Activation activation, T* y) {
  on_cpu([&](auto cpu) { gemm_activated<T>(cpu, context, g, activation, y); });
}
template <class T> void activate(Activation activation, T* values, std::ptrdiff_t count) {
  on_cpu([&](auto cpu) { activate<T>(cpu, activation, values, count); });
}
template <class T> void store_activated(Activation activation, const ActivatedTile<T>& tile) {
  on_cpu([&](auto cpu) { store_activated<T>(cpu, activation, tile); });
}

}  // namespace ethreed
