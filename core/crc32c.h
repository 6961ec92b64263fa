#pragma once
// CRC-32C (Castagnoli), the checksum of TFRecord files (and of iSCSI, RFC 3720).

#include <cstddef>
#include <cstdint>
#include <span>

namespace ethreed {

/// Of reflected bits, with the polynomial 0x1EDC6F41, first and last value inverted.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// As TFRecord files hold it: turned right by 15 bits, plus a constant, so that a checksum of data that holds checksums
/// is a good one, too.
inline std::uint32_t masked_crc32c(std::span<const std::byte> bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace ethreed
