#pragma once
// Element types that tensors and files can hold.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ethreed {

enum class Dtype { float32, float64, int32, int64, uint8 };

/// Bytes of one element.
constexpr std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32:
    case Dtype::int32: return 4;
    case Dtype::float64:
    case Dtype::int64: return 8;
    case Dtype::uint8: return 1;
  }
  return 0;
}

/// The name that users write and read: "float32", "float64", "int32", "int64", "uint8".
constexpr std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::float32: return "float32";
    case Dtype::float64: return "float64";
    case Dtype::int32: return "int32";
    case Dtype::int64: return "int64";
    case Dtype::uint8: return "uint8";
  }
  return "?";
}

/// dtype_of<float> == Dtype::float32, and so on.
template <class T>
inline constexpr Dtype dtype_of = [] {
  static_assert(sizeof(T) == 0, "no dtype for this type");
  return Dtype::uint8;
}();
template <> inline constexpr Dtype dtype_of<float> = Dtype::float32;
template <> inline constexpr Dtype dtype_of<double> = Dtype::float64;
template <> inline constexpr Dtype dtype_of<std::int32_t> = Dtype::int32;
template <> inline constexpr Dtype dtype_of<std::int64_t> = Dtype::int64;
template <> inline constexpr Dtype dtype_of<std::uint8_t> = Dtype::uint8;

}  // namespace ethreed
