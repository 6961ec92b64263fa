// Apart from the matrix products: those are compiled without the compiler's own vectors, and these loops need them.
#include "kernels/gemm/activated.h"

#include "kernels/common/math.h"

#include <type_traits>

namespace ethreed {

namespace {

template <class T, class Body> void with_function(Activation activation, Body&& body) {
  switch (activation) {
    case Activation::none: ETHREED_ASSERT(false); break;
    case Activation::tanh: body([](T z) { return math::tanh(z); }); break;
    case Activation::gelu: body([](T z) { return math::gelu(z); }); break;
  }
}

constexpr int most_columns = 64;                                   // of a tile
template <class T> constexpr int usual_columns = 128 / sizeof(T);  // two vectors of 64 bytes

/// `columns` is a number, or a constant for the compiler.
template <class T, class Columns, class F> void store_rows(const ActivatedTile<T>& tile, Columns columns, F f) {
  alignas(64) T z[most_columns];
  for (std::ptrdiff_t i = 0; i < tile.rows; ++i) {
    T* const c = tile.c + i * tile.row_step;
    T* const y = tile.y + i * tile.row_step;
    for (int j = 0; j < columns; ++j) z[j] = tile.sums[i * tile.width + j];
    if (tile.add)
      for (int j = 0; j < columns; ++j) z[j] += c[j];
    if (tile.bias != nullptr)
      for (int j = 0; j < columns; ++j) z[j] += tile.bias[j];
    if (c != y)
      for (int j = 0; j < columns; ++j) c[j] = z[j];
    for (int j = 0; j < columns; ++j) y[j] = f(z[j]);
  }
}

}  // namespace

template <class T> void activate(Cpu, Activation activation, T* values, std::ptrdiff_t count) {
  with_function<T>(activation, [&](auto f) {
    for (std::ptrdiff_t i = 0; i < count; ++i) values[i] = f(values[i]);
  });
}

template <class T> void store_activated(Cpu, Activation activation, const ActivatedTile<T>& tile) {
  ETHREED_ASSERT(tile.columns <= most_columns);
  with_function<T>(activation, [&](auto f) {
    if (tile.columns == usual_columns<T>)
      store_rows(tile, std::integral_constant<int, usual_columns<T>>(), f);
    else
      store_rows(tile, tile.columns, f);
  });
}

template void activate(Cpu, Activation, float*, std::ptrdiff_t);
template void activate(Cpu, Activation, double*, std::ptrdiff_t);
template void store_activated(Cpu, Activation, const ActivatedTile<float>&);
template void store_activated(Cpu, Activation, const ActivatedTile<double>&);

}  // namespace ethreed
