#include "model/subwords/tokenizer.h"

#include "core/error.h"
#include "core/json.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ethreed {

namespace {

// The vocabulary and, behind it, what was added to it.
std::unique_ptr<const WordTable> vocabulary_of(const TokenizerParts& parts) {
  auto words = std::make_unique<WordTable>();
  for (std::size_t id = 0; id < parts.vocabulary.size(); ++id) {
    const std::string& piece = parts.vocabulary[id];
    ETHREED_CHECK(is_utf8(piece), "{}: piece {} is no UTF-8; check the file", parts.source, id);
    const std::int32_t earlier = words->id(piece);
    ETHREED_CHECK(static_cast<std::size_t>(earlier) == id, "{}: the piece '{}' has two ids, {} and {}; check the file",
                  parts.source, cut_text(piece), earlier, id);
  }
  ETHREED_CHECK(words->size() > 0, "{}: the vocabulary has no piece; check the file", parts.source);
  std::vector<AddedToken> added = parts.added;
  std::stable_sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  std::int32_t before = -1;
  for (const AddedToken& token : added) {
    ETHREED_CHECK(token.id != before, "{}: two added tokens have the id {}; check the file", parts.source, token.id);
    before = token.id;
    ETHREED_CHECK(!token.content.empty() && token.content.size() <= AddedTokens::longest,
                  "{}: the added token {} has {} bytes, wanted 1 to {}; check the file", parts.source, token.id,
                  token.content.size(), AddedTokens::longest);
    const std::int32_t next = words->size();
    const std::int32_t id = words->id(token.content);
    ETHREED_CHECK(
        id == token.id, "{}: the added token '{}' has id {}, where {}; check the file", parts.source,
        cut_text(token.content), token.id,
        id == next ? fmt::format("the next free one is {}", next) : fmt::format("the vocabulary has it as {}", id));
  }
  return words;
}

void check_items(const std::vector<RowTemplate::Item>& items, bool pair, const TokenizerParts& parts,
                 std::int32_t size) {
  const auto count = [&](std::int32_t id) {
    return std::count_if(items.begin(), items.end(), [&](const RowTemplate::Item& item) { return item.id == id; });
  };
  ETHREED_CHECK(count(RowTemplate::first) == 1 && count(RowTemplate::second) == (pair ? 1 : 0),
                "{}: a row of {} wanted the first text once and the second {}; check the post_processor", parts.source,
                pair ? "a pair" : "one text", pair ? "once" : "never");
  for (const RowTemplate::Item& item : items)
    ETHREED_CHECK(item.id < size, "{}: the id {} of the post_processor is outside the vocabulary of {}; check the file",
                  parts.source, item.id, size);
}

std::size_t specials_of(const std::vector<RowTemplate::Item>& items) {
  return static_cast<std::size_t>(
      std::count_if(items.begin(), items.end(), [](const RowTemplate::Item& item) { return item.id >= 0; }));
}

// How much of two texts is kept where there is room for `room` pieces: the longer one is cut first.
std::array<std::size_t, 2> lengths_within(std::size_t first, std::size_t second, std::size_t room) {
  if (first + second <= room) return {first, second};
  std::size_t shorter = std::min(first, second), longer = std::max(first, second);
  longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = room - shorter;
  }
  return first > second ? std::array{longer, shorter} : std::array{shorter, longer};
}

}  // namespace

SubwordTokenizer::SubwordTokenizer(TokenizerParts parts)
    : source_(parts.source),
      vocabulary_(vocabulary_of(parts)),
      normaliser_(parts.normaliser),
      prefix_space_(parts.byte_pairs && parts.byte_pairs->prefix_space),
      rows_(parts.rows) {
  ETHREED_CHECK(parts.word_pieces.has_value() != parts.byte_pairs.has_value(),
                "{}: wanted either word pieces or byte pairs", source_);
  const auto pieces = static_cast<std::int32_t>(parts.vocabulary.size());
  if (parts.word_pieces) word_pieces_.emplace(*vocabulary_, pieces, *parts.word_pieces, source_);
  if (parts.byte_pairs) byte_pairs_.emplace(*vocabulary_, pieces, *parts.byte_pairs, source_);
  check_items(rows_.single, false, parts, size());
  check_items(rows_.pair, true, parts, size());
  // Special tokens come first: of two that look alike once they are normalised, the first one counts.
  std::stable_partition(parts.added.begin(), parts.added.end(), [](const AddedToken& token) { return token.special; });
  std::array<std::vector<AddedToken>, 2> tokens;
  std::array<std::vector<std::string>, 2> texts;
  for (const AddedToken& token : parts.added) {
    texts[token.normalised].push_back(token.normalised && normaliser_ ? normalised(token.content, *normaliser_)
                                                                      : token.content);
    tokens[token.normalised].push_back(token);
  }
  raw_.emplace(std::move(tokens[0]), std::move(texts[0]));
  normalised_.emplace(std::move(tokens[1]), std::move(texts[1]));
}

std::vector<std::int32_t> SubwordTokenizer::pieces_of(std::string_view raw, std::optional<bool> prefix_space) const {
  std::vector<std::int32_t> ids;
  std::string mended;
  if (!is_utf8(raw)) raw = mended = replace_broken(raw);
  const auto words = [&](std::string_view text, std::int32_t id) {
    if (id >= 0)
      ids.push_back(id);
    else if (word_pieces_)
      word_pieces_->encode(text, ids);
    else
      byte_pairs_->encode(text, prefix_space.value_or(prefix_space_), ids);
  };
  raw_->split(raw, [&](std::string_view text, std::int32_t id) {
    if (id >= 0)
      ids.push_back(id);
    else if (normaliser_)
      normalised_->split(normalised(text, *normaliser_), words);
    else
      normalised_->split(text, words);
  });
  return ids;
}

SubwordRow SubwordTokenizer::row(const std::vector<RowTemplate::Item>& items, std::vector<std::int32_t> first,
                                 std::vector<std::int32_t> second, const SubwordOptions& options) const {
  SubwordRow out;
  const std::size_t specials = options.specials ? specials_of(items) : 0;
  if (options.max_length > 0) {
    ETHREED_CHECK(options.max_length > specials, "{}: a length of {} has no room beside {} special tokens; give more",
                  source_, options.max_length, specials);
    const std::size_t all = first.size() + second.size();
    const auto [kept_first, kept_second] = lengths_within(first.size(), second.size(), options.max_length - specials);
    first.resize(kept_first);
    second.resize(kept_second);
    out.cut = all - kept_first - kept_second;
  }
  for (const RowTemplate::Item& item : items) {
    if (item.id >= 0) {
      if (options.specials) out.ids.push_back(item.id);
    } else {
      const std::vector<std::int32_t>& text = item.id == RowTemplate::first ? first : second;
      out.ids.insert(out.ids.end(), text.begin(), text.end());
    }
    out.types.resize(out.ids.size(), item.type);
  }
  return out;
}

SubwordRow SubwordTokenizer::encode(std::string_view text, const SubwordOptions& options) const {
  return row(rows_.single, pieces_of(text, options.prefix_space), {}, options);
}

SubwordRow SubwordTokenizer::encode(std::string_view first, std::string_view second,
                                    const SubwordOptions& options) const {
  return row(rows_.pair, pieces_of(first, options.prefix_space), pieces_of(second, options.prefix_space), options);
}

std::string_view SubwordTokenizer::piece(std::int32_t id) const {
  ETHREED_CHECK(id >= 0 && id < size(), "{}: piece {} wanted, of a vocabulary of {}", source_, id, size());
  return vocabulary_->word(id);
}

std::string SubwordTokenizer::description() const {
  if (byte_pairs_) return "byte pairs";
  return normaliser_ && normaliser_->lower_case ? "word pieces, lower case" : "word pieces, case kept";
}

}  // namespace ethreed
