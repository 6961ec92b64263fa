#pragma once
// Are two arrays the same to the bit?

#include "core/indices.h"
#include "core/tensor.h"

#include <cstring>

namespace ethreed::test {

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.count() == b.count() && (a.count() == 0 || std::memcmp(a.data(), b.data(), bytes_of<T>(a.count())) == 0);
}

}  // namespace ethreed::test
