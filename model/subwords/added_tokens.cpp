#include "model/subwords/added_tokens.h"

#include "model/subwords/characters.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace ethreed {

namespace {

// Where the character before text[end] begins; `end` is at least 1, and the text is UTF-8.
std::size_t before(std::string_view text, std::size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
  return end;
}

// The white space that ends at `end`, but none of what lies before `floor`: where it begins.
std::size_t space_before(std::string_view text, std::size_t end, std::size_t floor) {
  while (end > floor) {
    const std::size_t begin = before(text, end);
    if (begin < floor || !is_white_space(decode_utf8(text, begin).code)) break;
    end = begin;
  }
  return end;
}

std::size_t space_behind(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    const Character c = decode_utf8(text, begin);
    if (!is_white_space(c.code)) break;
    begin += c.bytes;
  }
  return begin;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin == 0 || !is_word_character(decode_utf8(text, before(text, begin)).code)) &&
         (end == text.size() || !is_word_character(decode_utf8(text, end).code));
}

PieceTrie trie_of(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string_view, std::int32_t>> pieces;
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!texts[i].empty() && seen.insert(texts[i]).second) pieces.emplace_back(texts[i], static_cast<std::int32_t>(i));
  return PieceTrie(std::move(pieces));
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, std::vector<std::string> texts)
    : tokens_(std::move(tokens)), texts_(std::move(texts)), trie_(trie_of(texts_)) {}

void AddedTokens::split(std::string_view text, const TextPart& part) const {
  std::size_t done = 0;  // up to where parts are given away
  for (std::size_t i = 0; i < text.size();) {
    const PieceTrie::Match match = trie_.begins_any(text[i]) ? trie_.longest(text.substr(i)) : PieceTrie::Match{};
    if (match.length == 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<std::size_t>(match.value)];
    std::size_t begin = i, end = i + match.length;
    i = end;
    if (token.single_word && !stands_alone(text, begin, end)) continue;
    if (token.left) begin = std::max(done, space_before(text, begin, done));
    // What an earlier token took with it is white space that need not be looked at again.
    if (token.right) end = space_behind(text, std::max(end, done));
    if (done < begin) part(text.substr(done, begin - done), -1);
    part(text.substr(begin, end - begin), token.id);
    done = std::max(done, end);
  }
  if (done < text.size()) part(text.substr(done), -1);
}

}  // namespace ethreed
