#pragma once
// The parameters of a model: their names and shapes (the interchange format's), how they start, and where each stands
// in the one contiguous block that holds them all.

#include "core/shape.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// How a parameter starts (section 6 of the specification).
enum class Initialisation {
  word_vectors,    ///< the word vectors of the data [V, D_w]
  from_data,       ///< numbers that the model computes from the data set (DataValues)
  zero,            ///< zeros
  one,             ///< ones
  uniform_fan_in,  ///< U(±1/√fan_in)
  xavier,          ///< U(±√(6/(fan_in + fan_out))): Glorot and Bengio, AISTATS 2010
  orthogonal,      ///< each H × H gate block of a [3H, H] matrix orthogonal on its own
  recurrent_bias,  ///< U(±1/√fan_in), the update gate's third set to `update_gate_bias`
};

struct InitialValues {
  Initialisation how = Initialisation::uniform_fan_in;
  int fan_in = 1;
  int fan_out = 1;              ///< of Initialisation::xavier
  double update_gate_bias = 0;  ///< of Initialisation::recurrent_bias
  double shift = 0;             ///< added to every number of Initialisation::uniform_fan_in
  /// Of Initialisation::word_vectors: words without a vector start as N(0, this²); 0: as the data has them.
  double missing_deviation = 0;
};

/// Where each parameter stands in the block. Offsets are multiples of 64 bytes for float and double alike.
class ParameterLayout {
 public:
  struct Entry {
    std::string name;
    Shape shape;
    std::int64_t offset = 0;  ///< in elements
    InitialValues start;
  };

  /// Appends a parameter to the block.
  void add(std::string name, const Shape& shape, const InitialValues& start);

  const std::vector<Entry>& entries() const { return entries_; }
  /// Elements of the block, padding between parameters included (padding is zero and stays zero).
  std::int64_t size() const { return size_; }
  /// Parameters without padding.
  std::int64_t parameter_count() const;
  /// The entry of this name, or null.
  const Entry* find(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
  std::int64_t size_ = 0;
};

/// A line per module (the part of the name before the last dot, encoder and tracker cells each their own) and a total.
std::string parameter_table(const ParameterLayout& layout);

}  // namespace ethreed
