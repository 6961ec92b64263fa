#include "core/hash.h"

#include <fmt/format.h>

namespace ethreed {

std::uint64_t fnv1a(std::span<const std::byte> bytes, std::uint64_t hash) {
  for (const std::byte byte : bytes) {
    hash ^= std::to_integer<std::uint64_t>(byte);
    hash *= 1099511628211U;
  }
  return hash;
}

Fingerprint& Fingerprint::add_bytes(std::span<const std::byte> bytes) {
  const std::uint64_t length = bytes.size();
  hash_ = fnv1a(std::as_bytes(std::span(&length, 1)), hash_);
  hash_ = fnv1a(bytes, hash_);
  return *this;
}

std::string Fingerprint::text() const { return fmt::format("{:016x}", hash_); }

}  // namespace ethreed
