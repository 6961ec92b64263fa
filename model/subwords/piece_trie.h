#pragma once
// The longest piece that a text begins with.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed {

/// Pieces as a tree of bytes. Finding takes as many steps as the longest piece that begins like the text has bytes.
class PieceTrie {
 public:
  /// Pieces, none of them empty and no two alike, and what they stand for (0 or more). Memory is about 12 bytes a byte.
  explicit PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> pieces = {});

  struct Match {
    std::size_t length = 0;  ///< 0: none
    std::int32_t value = -1;
  };
  Match longest(std::string_view text) const;
  bool begins_any(char byte) const { return roots_[static_cast<unsigned char>(byte)] != 0; }

 private:
  struct Node {
    std::uint32_t children = 0;  ///< the first of them; they lie side by side, in the order of their bytes
    std::int32_t value = -1;
    std::uint16_t count = 0;
    unsigned char byte = 0;
  };
  std::vector<Node> nodes_;
  std::array<std::uint32_t, 256> roots_{};  ///< of nodes_, 0: none
};

}  // namespace ethreed
