#pragma once
// Fingerprints of data: is this the data set that the checkpoint was trained on? Not for security.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace ethreed {

/// 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv): for each byte, hash = (hash xor byte) · 1099511628211.
/// Every piece goes in with its length in front, so that ("ab", "c") and ("a", "bc") differ.
class Fingerprint {
 public:
  Fingerprint& add(std::string_view text) { return add_bytes(std::as_bytes(std::span(text))); }
  template <class T> Fingerprint& add(std::span<const T> values) {
    static_assert(std::is_arithmetic_v<T>, "padding bytes would enter the hash");
    return add_bytes(std::as_bytes(values));
  }
  std::uint64_t value() const { return hash_; }
  /// 16 lower-case hexadecimal digits.
  std::string text() const;

 private:
  Fingerprint& add_bytes(std::span<const std::byte> bytes);

  std::uint64_t hash_ = 14695981039346656037U;
};

/// Plain FNV-1a of the bytes, as published (no length in front).
std::uint64_t fnv1a(std::span<const std::byte> bytes, std::uint64_t hash = 14695981039346656037U);

}  // namespace ethreed
