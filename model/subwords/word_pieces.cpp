#include "model/subwords/word_pieces.h"

#include "core/error.h"
#include "core/json.h"
#include "model/subwords/characters.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <utility>

namespace ethreed {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The same for text that has no accents and no ideographs.
std::string normalised_ascii(std::string_view text, const BertNormaliser& how) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (how.clean && is_dropped(static_cast<unsigned char>(c))) continue;
    if (how.clean && is_white_space(static_cast<unsigned char>(c)))
      out += ' ';
    else
      out += how.lower_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// The pieces of a vocabulary that begin a word, and those that go on with one, without what stands in front of them.
PieceTrie trie_of(const WordTable& vocabulary, std::int32_t size, std::string_view prefix) {
  std::vector<std::pair<std::string_view, std::int32_t>> pieces;
  for (std::int32_t id = 0; id < size; ++id) {
    const std::string_view piece = vocabulary.word(id);
    if (piece.starts_with(prefix) && piece.size() > prefix.size()) pieces.emplace_back(piece.substr(prefix.size()), id);
  }
  return PieceTrie(std::move(pieces));
}

}  // namespace

std::string normalised(std::string_view text, const BertNormaliser& how) {
  if (is_ascii(text)) return normalised_ascii(text, how);
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    i += c.bytes;
    char32_t code = c.code;
    if (how.clean) {
      if (is_dropped(code)) continue;
      if (is_white_space(code)) code = U' ';
    }
    if (how.space_ideographs && is_spaced_ideograph(code))
      out += {U' ', code, U' '};
    else
      out += code;
  }
  if (how.strip_accents) out = without_accents(out);
  if (how.lower_case) out = lower_cased(out);
  return utf8_of(out);
}

WordPieces::WordPieces(const WordTable& vocabulary, std::int32_t pieces, const WordPieceParts& parts,
                       const std::string& source)
    : longest_word_(static_cast<std::size_t>(parts.longest_word)),
      heads_(trie_of(vocabulary, pieces, "")),
      tails_(trie_of(vocabulary, pieces, parts.continuation)) {
  const auto unknown = vocabulary.find(parts.unknown);
  ETHREED_CHECK(unknown && *unknown < pieces,
                "{}: the vocabulary has no piece '{}', which stands for unknown words; check the file", source,
                cut_text(parts.unknown));
  unknown_ = *unknown;
}

void WordPieces::encode(std::string_view text, std::vector<std::int32_t>& ids) const {
  std::size_t begin = 0, characters = 0;  // of the word that is open
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    const std::size_t end = i + c.bytes;
    const bool mark = is_punctuation(c.code);
    if (mark || is_white_space(c.code)) {
      if (characters > 0) encode_word(text.substr(begin, i - begin), characters, ids);
      if (mark) encode_word(text.substr(i, c.bytes), 1, ids);
      begin = end;
      characters = 0;
    } else {
      ++characters;
    }
    i = end;
  }
  if (characters > 0) encode_word(text.substr(begin), characters, ids);
}

void WordPieces::encode_word(std::string_view word, std::size_t characters, std::vector<std::int32_t>& ids) const {
  const std::size_t before = ids.size();
  const PieceTrie* pieces = &heads_;
  while (characters <= longest_word_ && !word.empty()) {
    const PieceTrie::Match match = pieces->longest(word);
    if (match.length == 0) break;
    ids.push_back(match.value);
    word.remove_prefix(match.length);
    pieces = &tails_;
  }
  if (word.empty()) return;
  ids.resize(before);
  ids.push_back(unknown_);
}

}  // namespace ethreed
