#pragma once
// A matrix product, its blocks of k, and where a thread packs its operands.

#include "kernels/common/packed_matrix.h"
#include "kernels/gemm/packing_memory.h"
#include "kernels/gemm/unit_packing.h"

namespace ethreed::gemm_cpu {
namespace {

// How packed operands lie: rows in groups of so many, a group taking so many elements for every k, and so many columns,
// a panel at most, taking so many.
template <class F> constexpr int group_rows = F::in_unit ? unit_rows : tile_rows;
template <class F> constexpr int group_width = F::in_unit ? 1 : group_step<typename F::Number>;
template <class F> constexpr int columns_width(int columns) {
  return F::in_unit ? ceiling(columns, unit_columns) : up_to_multiple(columns, lanes<typename F::Number>);
}

/// Elements that two panels take in a block of k.
template <class F>
constexpr int two_panels = columns_width<F>(2 * panel_columns<typename F::Number>) * elements<F>(F::block_k);

/// Packing buffers of a thread, as elements.
template <class F> struct Buffers {
  using Element = typename F::Element;
  static constexpr int size_a = packed_rows_bytes / static_cast<int>(sizeof(Element));
  static constexpr int size_b = packed_columns_bytes / static_cast<int>(sizeof(Element));
  static_assert(size_b >= most_blocks<F> * two_panels<F>);
  Element* a = reinterpret_cast<Element*>(packing_memory.a);
  Element* b = reinterpret_cast<Element*>(packing_memory.b);
};
template <class F> Buffers<F> buffers() { return {}; }

/// Blocks of k, as even as can be; none but the last ends within an element.
template <class F> struct Depths {
  explicit Depths(int depth)
      : count(ceiling(depth, F::block_k)), size(up_to_multiple(ceiling(depth, count), F::per_element)), k(depth) {}
  int count, size, k;
  int begin(int block) const { return block * size; }
  int depth(int block) const { return std::min(size, k - begin(block)); }
};

template <class T> struct Product {
  int m, n, k;
  Operand<T> a, b;
  Target<T> to;
  const PackedMatrix<T>* packed_b = nullptr;  ///< B as it is read; null: it is packed, or read in place
};

}  // namespace
}  // namespace ethreed::gemm_cpu
