#pragma once
// embedding: y_i = E[id_i], the word vectors of section 2 and of (15).

#include "core/context.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y[i] = weight[ids[i]].
///
///   weight  [vocabulary, columns]   read
///   ids     [rows], 0 … vocabulary − 1, repeats allowed  read
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
///   occur
///            are not touched); may be absent
///
/// FLOPs: forward none; backward rows·columns. Bytes: forward 2·rows·columns·sizeof(T) + rows·4; backward
/// (rows + vocabulary)·columns·sizeof(T) + rows·4, of which accumulation spares the words that do not occur.
/// Saved: none beyond the ids. Workspace: 4·(vocabulary + 1) and 4·rows, each rounded up to 64 bytes.
/// Order of reduction: within a word, ascending position; chunks are ranges of ids.
/// Source: the transpose of a selection.
template <class T> struct EmbeddingBackward {
  EmbeddingForward<T> forward;  // weight and y are not read
  const T* dy = nullptr;
  GradientSink<T> dweight;
};

template <class T> void embedding_forward(Context& context, const EmbeddingForward<T>& args);
template <class T> void embedding_backward(Context& context, const EmbeddingBackward<T>& args);

}  // namespace ethreed
