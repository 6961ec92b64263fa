#pragma once
// embedding: y_i = E[id_i], the word vectors of section 2 and of (15).

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y[i] = weight[ids[i]].
///
///   weight  [vocabulary, columns]   read
///   ids     [rows], 0 … vocabulary − 1, repeats allowed; on the host  read
///   y       [rows, columns]         written; aliases nothing
template <class T> struct EmbeddingForward {
  int rows = 0;
  int vocabulary = 0;
  int columns = 0;
  const T* weight = nullptr;
  const std::int32_t* ids = nullptr;
  T* y = nullptr;
};

/// dweight[v] = Σ_{i: ids[i] = v} dy[i], by segments: positions are sorted by id (counting sort, stable), then every
/// word's rows are added up in one place.
///
///   dy       [rows, columns]  read
///   dweight  [vocabulary, columns]: overwritten (words that do not occur: zeros) or accumulated (words that do not
///            occur are not touched); may be absent
///
/// FLOPs, with u different words: forward none; backward (rows − u)·columns, accumulated rows·columns. Bytes: forward
/// 2·rows·columns·sizeof(T) + rows·4; backward (rows + vocabulary)·columns·sizeof(T) + rows·4, of which accumulation
/// spares the words that do not occur. Forward less where words repeat and the cache holds their rows. Saved: none
/// beyond the ids. Workspace: 4·(vocabulary + 1) and 4·rows, each rounded up to 64 bytes. Order of reduction: within a
/// word, ascending position; chunks are ranges of ids. On a device: one launch forward, one backward, and a clear of
/// the table before it if dweight is overwritten. Nothing is sorted and there is no workspace: the block of a word's
/// first position finds the other ones, which reads rows²·4 bytes of ids from cache. Ascending position too; the sum of
/// a word is added to what the sink holds. Source: the transpose of a selection.
template <class T> struct EmbeddingBackward {
  EmbeddingForward<T> forward;  // weight and y are not read
  const T* dy = nullptr;
  GradientSink<T> dweight;
};

ETHREED_KERNEL(embedding_forward, EmbeddingForward)
ETHREED_KERNEL(embedding_backward, EmbeddingBackward)

}  // namespace ethreed
