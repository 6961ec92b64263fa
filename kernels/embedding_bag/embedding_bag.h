#pragma once
// embedding_bag: weighted sums of rows of a table, one sum for every bag of ids: a linear model on bags of n-grams, the
// mean of a text's word vectors.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y[i] = Σ_j weight[j]·table[ids[j]] over the entries j = offsets[i] … offsets[i + 1] − 1 of bag i; an empty bag gives
/// zeros.
///
///   table    [table_rows, columns]  read
///   offsets  [rows + 1], from 0 on, not decreasing; on the host  read
///   ids      [entries], entries = offsets[rows]; 0 … table_rows − 1, repeats allowed; on the host  read
///   weight   [entries]  read; null: all are 1. A constant: it gets no gradient
///   y        [rows, columns]  written; aliases nothing
template <class T> struct EmbeddingBagForward {
  int rows = 0;
  int table_rows = 0;
  int columns = 0;
  const T* table = nullptr;
  const std::int32_t* offsets = nullptr;
  const std::int32_t* ids = nullptr;
  const T* weight = nullptr;
  T* y = nullptr;

  int entries() const { return rows == 0 ? 0 : offsets[rows]; }
};

/// dtable[v] = Σ_{j: ids[j] = v} weight[j]·dy[bag of j], by segments: entries are sorted by id (counting sort, stable),
/// then every table row is added up in one place.
///
///   dy      [rows, columns]  read
///   dtable  [table_rows, columns]: overwritten (rows that do not occur: zeros) or accumulated (rows that do not occur
///           are not touched); may be absent
///
/// With e = entries, and w = e·sizeof(T) if there are weights, else 0:
/// FLOPs: 2·e·columns forward and as many backward, weights or not.
/// Bytes: forward (e + rows)·columns·sizeof(T) + w + 4·(e + rows + 1); backward
/// (e + table_rows)·columns·sizeof(T) + w + 4·(e + rows + 1), of which accumulation spares the rows that do not occur;
/// no indices if e is 0. Less where entries repeat and the cache holds their rows. Saved: none beyond offsets and ids.
/// Workspace: 4·(table_rows + 1), 4·e and 4·e, each rounded up to 64 bytes, 64 at least. The sort takes
/// e + table_rows steps on one thread, whatever `columns` is.
/// Order of reduction: ascending j, within a bag and within a table row; chunks are ranges of bags and of table rows.
/// On a device: one launch forward, one backward, and a clear of the table before it if dtable is overwritten. Nothing
/// is sorted and there is no workspace: the block of an id's first entry finds the other ones, which reads up to e²·4
/// bytes of ids from cache, and the bag of each by bisection of the offsets, log2(rows) reads. Ascending j too; the sum
/// of a table row is added to what the sink holds.
/// Source: Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017, for the use; the backward is
/// the transpose of a weighted selection.
template <class T> struct EmbeddingBagBackward {
  EmbeddingBagForward<T> forward;  // table and y are not read
  const T* dy = nullptr;
  GradientSink<T> dtable;
};

ETHREED_KERNEL(embedding_bag_forward, EmbeddingBagForward)
ETHREED_KERNEL(embedding_bag_backward, EmbeddingBagBackward)

}  // namespace ethreed
