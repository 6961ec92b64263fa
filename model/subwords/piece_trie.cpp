#include "model/subwords/piece_trie.h"

#include <algorithm>

namespace ethreed {

PieceTrie::PieceTrie(std::vector<std::pair<std::string_view, std::int32_t>> pieces) {
  std::sort(pieces.begin(), pieces.end());
  // Of each node: which of the sorted pieces go through it, and how many bytes lie before it. Level by level, so that
  // children lie side by side and a long piece is no deep recursion.
  struct Span {
    std::size_t begin = 0, end = 0, depth = 0;
  };
  std::vector<Span> spans{{0, pieces.size(), 0}};
  nodes_.emplace_back();
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    Span span = spans[n];
    if (span.begin < span.end && pieces[span.begin].first.size() == span.depth) {
      if (span.depth > 0) nodes_[n].value = pieces[span.begin].second;
      ++span.begin;
    }
    nodes_[n].children = static_cast<std::uint32_t>(nodes_.size());
    while (span.begin < span.end) {
      const char byte = pieces[span.begin].first[span.depth];
      std::size_t end = span.begin;
      while (end < span.end && pieces[end].first[span.depth] == byte) ++end;
      nodes_.push_back({.byte = static_cast<unsigned char>(byte)});
      spans.push_back({span.begin, end, span.depth + 1});
      ++nodes_[n].count;
      span.begin = end;
    }
  }
  for (std::uint32_t i = 0; i < nodes_[0].count; ++i) roots_[nodes_[1 + i].byte] = 1 + i;
}

PieceTrie::Match PieceTrie::longest(std::string_view text) const {
  Match best;
  if (text.empty()) return best;
  std::uint32_t at = roots_[static_cast<unsigned char>(text.front())];
  for (std::size_t depth = 1; at != 0; ++depth) {
    const Node& node = nodes_[at];
    if (node.value >= 0) best = {depth, node.value};
    if (depth == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[depth]);
    const Node* first = nodes_.data() + node.children;
    const Node* last = first + node.count;
    const Node* found = std::lower_bound(first, last, byte,
                                         [](const Node& child, unsigned char wanted) { return child.byte < wanted; });
    at = found != last && found->byte == byte ? static_cast<std::uint32_t>(found - nodes_.data()) : 0;
  }
  return best;
}

}  // namespace ethreed
