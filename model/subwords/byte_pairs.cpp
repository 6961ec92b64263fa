#include "model/subwords/byte_pairs.h"

#include "core/error.h"
#include "core/json.h"
#include "model/subwords/characters.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <limits>
#include <queue>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 7> contractions{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

enum class Kind { letter, number, space, other };

Kind kind_of(char32_t code) {
  if (is_letter(code)) return Kind::letter;
  if (is_number(code)) return Kind::number;
  return is_white_space(code) ? Kind::space : Kind::other;
}

struct Run {
  std::size_t end = 0;
  std::size_t last = 0;  // where its last character begins
};

Run run_of(std::string_view text, std::size_t begin, Kind kind) {
  Run run{begin, begin};
  while (run.end < text.size()) {
    const Character c = decode_utf8(text, run.end);
    if (kind_of(c.code) != kind) break;
    run.last = run.end;
    run.end += c.bytes;
  }
  return run;
}

std::size_t word_end(std::string_view text, std::size_t begin) {
  for (const std::string_view contraction : contractions)
    if (text.substr(begin).starts_with(contraction)) return begin + contraction.size();
  // A space and what follows it, unless that is white space, too.
  const std::size_t body = begin + (text[begin] == ' ' && begin + 1 < text.size());
  if (const Kind kind = kind_of(decode_utf8(text, body).code); kind != Kind::space) return run_of(text, body, kind).end;
  const Run run = run_of(text, begin, Kind::space);
  return run.end == text.size() || run.last == begin ? run.end : run.last;
}

// GPT-2's alphabet: bytes that are printable in Latin-1 stand for themselves, the others follow from U+0100 on.
std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    alphabet[byte] = itself ? byte : next++;
  }
  return alphabet;
}

const std::array<char32_t, 256>& alphabet() {
  static const std::array<char32_t, 256> characters = make_alphabet();
  return characters;
}

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

// A piece on its way, in a list of those of its word.
struct Symbol {
  std::int32_t id = 0;  // −1: it has become a part of the one before
  std::int32_t before = -1, after = -1;
};

struct Candidate {
  std::int32_t rank = 0, place = 0, id = 0;
  // The lowest rank comes first, then the leftmost.
  bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : place > other.place; }
};

}  // namespace

void split_words(std::string_view text, const std::function<void(std::string_view word)>& word) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(text, begin);
    word(text.substr(begin, end - begin));
    begin = end;
  }
}

std::string printable_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char byte : bytes) append_utf8(out, alphabet()[static_cast<unsigned char>(byte)]);
  return out;
}

BytePairs::BytePairs(const WordTable& vocabulary, std::int32_t pieces, const BytePairParts& parts,
                     const std::string& source)
    : join_unknown_(parts.join_unknown), vocabulary_(&vocabulary), pieces_(pieces), whole_first_(parts.whole_first) {
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte)
    bytes_[byte] = find(printable_bytes(std::string(1, static_cast<char>(byte)))).value_or(-1);
  if (parts.unknown) {
    const auto unknown = find(*parts.unknown);
    ETHREED_CHECK(unknown, "{}: the vocabulary has no piece '{}', which stands for unknown bytes; check the file",
                  source, cut_text(*parts.unknown));
    unknown_ = *unknown;
  }
  merges_.reserve(parts.merges.size());
  for (std::size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const std::string &left = parts.merges[rank].first, &right = parts.merges[rank].second;
    const auto piece = [&](const std::string& text) {
      const auto id = find(text);
      ETHREED_CHECK(id,
                    "{}: merge {}, of '{}' and '{}', needs '{}', which the vocabulary does not have; take merges and "
                    "vocabulary of one model",
                    source, rank + 1, cut_text(left), cut_text(right), cut_text(text));
      return *id;
    };
    const Merge merge{static_cast<std::int32_t>(rank), piece(left + right)};
    ETHREED_CHECK(merges_.emplace(key_of(piece(left), piece(right)), merge).second,
                  "{}: merge {}, of '{}' and '{}', appears twice; check the file", source, rank + 1, cut_text(left),
                  cut_text(right));
  }
}

std::optional<std::int32_t> BytePairs::find(std::string_view piece) const {
  const auto id = vocabulary_->find(piece);
  return id && *id < pieces_ ? id : std::nullopt;
}

const BytePairs::Merge* BytePairs::merge_of(std::int32_t left, std::int32_t right) const {
  const auto found = merges_.find(key_of(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode(std::string_view text, bool prefix_space, std::vector<std::int32_t>& ids) const {
  if (text.empty()) return;
  const auto word = [&](std::string_view found) { encode_word(found, ids); };
  if (prefix_space && text.front() != ' ')
    split_words(" " + std::string(text), word);
  else
    split_words(text, word);
}

void BytePairs::encode_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  ETHREED_CHECK(word.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
                "a word of {} bytes; cut the text into lines", word.size());
  if (whole_first_)
    if (const auto id = find(printable_bytes(word))) {
      ids.push_back(*id);
      return;
    }
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  // The alphabet's characters are what may be unknown, and each is one byte.
  bool unknown_before = false;
  for (const char byte : word) {
    const std::int32_t id = bytes_[static_cast<unsigned char>(byte)];
    const bool unknown = id < 0;
    if (unknown && (unknown_ < 0 || (join_unknown_ && unknown_before))) continue;
    unknown_before = unknown;
    const auto place = static_cast<std::int32_t>(symbols.size());
    if (place > 0) symbols.back().after = place;
    symbols.push_back({unknown ? unknown_ : id, place - 1, -1});
  }
  std::priority_queue<Candidate> queue;
  const auto propose = [&](std::int32_t place) {
    if (place < 0) return;
    const Symbol& left = symbols[static_cast<std::size_t>(place)];
    if (left.after < 0) return;
    if (const Merge* merge = merge_of(left.id, symbols[static_cast<std::size_t>(left.after)].id))
      queue.push({merge->rank, place, merge->id});
  };
  for (std::size_t place = 0; place < symbols.size(); ++place) propose(static_cast<std::int32_t>(place));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[static_cast<std::size_t>(best.place)];
    if (left.id < 0 || left.after < 0) continue;
    Symbol& right = symbols[static_cast<std::size_t>(left.after)];
    const Merge* merge = merge_of(left.id, right.id);
    if (merge == nullptr || merge->id != best.id) continue;  // other pieces stand there by now
    left.id = best.id;
    left.after = right.after;
    right.id = -1;
    if (left.after >= 0) symbols[static_cast<std::size_t>(left.after)].before = best.place;
    propose(left.before);
    propose(best.place);
  }
  for (const Symbol& symbol : symbols)
    if (symbol.id >= 0) ids.push_back(symbol.id);
}

}  // namespace ethreed
