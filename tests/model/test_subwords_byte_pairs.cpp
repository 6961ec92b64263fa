// Byte pairs: how a text is cut into words, bytes are written, and pieces are merged.

#include "tests/model/tiny_tokenizers.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace ethreed;

namespace {

// Words as the vocabulary writes them, with " · " between.
std::string words_of(std::string_view text) {
  std::vector<std::string> words;
  split_words(text, [&](std::string_view word) { words.push_back(printable_bytes(word)); });
  return fmt::format("{}", fmt::join(words, " · "));
}

// The scheme as it is told: while some pair has a rank, the lowest one is merged, everywhere, from the left.
std::vector<std::string> merged(std::vector<std::string> pieces,
                                const std::vector<std::pair<std::string, std::string>>& merges) {
  for (;;) {
    std::size_t best = merges.size();
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const auto found = std::find(merges.begin(), merges.end(), std::pair(pieces[i], pieces[i + 1]));
      best = std::min(best, static_cast<std::size_t>(found - merges.begin()));
    }
    if (best == merges.size()) return pieces;
    std::vector<std::string> next;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool hit = i + 1 < pieces.size() && std::pair(pieces[i], pieces[i + 1]) == merges[best];
      next.push_back(hit ? pieces[i] + pieces[i + 1] : pieces[i]);
      i += hit;
    }
    pieces = std::move(next);
  }
}

}  // namespace

TEST_CASE("the toy vocabulary of byte pairs gives the ids that its merges say") {
  const SubwordTokenizer tokenizer = byte_pair_tokenizer();
  CHECK(tokenizer.pieces_of("hello world!") == Ids{16, 21, 4});
  CHECK(tokenizer.pieces_of("hello hello") == Ids{16, 22});
  CHECK(tokenizer.pieces_of("hellorld") == Ids{16, 10, 8, 5});
  CHECK(tokenizer.pieces_of("wohello world") == Ids{11, 9, 16, 21});
  CHECK(tokenizer.encode("hello").ids == Ids{0, 16, 2});
  CHECK(tokenizer.encode("hello", "world").ids == Ids{0, 16, 2, 2, 11, 18, 8, 5, 2});
  CHECK(tokenizer.encode("hello", "world").types == Ids(9, 0));
}

TEST_CASE("words are contractions, runs with a space before them, and white space, the last of which goes on") {
  CHECK(words_of("I'm  so\nhappy!! café 😊 don't 123abc") ==
        "I · 'm · Ġ · Ġso · Ċ · happy · !! · ĠcafÃ© · ĠðŁĺĬ · Ġdon · 't · Ġ123 · abc");
  CHECK(words_of("  two  ") == "Ġ · Ġtwo · ĠĠ");
  CHECK(words_of("it's\u00A0ok") == "it · 's · Âł · ok");
  CHECK(words_of("DON'T") == "DON · ' · T");
  CHECK(words_of("x\n\n y") == "x · ĊĊ · Ġy");
  CHECK(words_of("we'll've 'd'") == "we · 'll · 've · Ġ' · d · '");
  CHECK(words_of(" \t!") == "Ġ · ĉ · !");
  CHECK(words_of("٣½x") == "Ù£Â½ · x");
  CHECK(words_of("").empty());
}

TEST_CASE("every byte has a printable character of its own, and the words are all of the text") {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  const std::string printable = printable_bytes(bytes);
  CHECK_THAT(printable,
             Catch::StartsWith("ĀāĂă") && Catch::Contains("ğĠ!\"#") && Catch::Contains("~ġĢ") && Catch::EndsWith("þÿ"));
  std::string joined;
  split_words(" a\tb  7-  'sé", [&](std::string_view word) { joined += word; });
  CHECK(joined == " a\tb  7-  'sé");
}

TEST_CASE("a space before the text is put there where it is asked for, and never twice") {
  const SubwordTokenizer plain = byte_pair_tokenizer(), spaced = byte_pair_tokenizer(R"({"add_prefix_space": true})");
  CHECK(plain.pieces_of("world") == Ids{11, 18, 8, 5});
  CHECK(plain.pieces_of("world", true) == Ids{21});
  CHECK(plain.pieces_of(" world", true) == Ids{21});
  CHECK(plain.encode("world", {.prefix_space = true}).ids == Ids{0, 21, 2});
  CHECK(spaced.pieces_of("world") == Ids{21});
  CHECK(spaced.pieces_of("world", false) == Ids{11, 18, 8, 5});
  CHECK(spaced.pieces_of("").empty());
}

TEST_CASE("the mask takes the white space on its left, and nothing on its right") {
  const SubwordTokenizer tokenizer = byte_pair_tokenizer();
  CHECK(tokenizer.pieces_of("hello \t<mask> hello") == Ids{16, 23, 22});
  CHECK(tokenizer.pieces_of("hello<mask>hello") == Ids{16, 23, 16});
  CHECK(tokenizer.pieces_of("hello <pad>") == Ids{16, 12, 1});
}

TEST_CASE("a byte that the vocabulary does not have is unknown, or vanishes where the file names no such piece") {
  CHECK(byte_pair_tokenizer().pieces_of("hexll") == Ids{15});
  nlohmann::json json = byte_pair_json();
  CHECK(json_tokenizer(json).pieces_of("hexxll") == Ids{15});
  json["model"]["unk_token"] = "<unk>";
  CHECK(json_tokenizer(json).pieces_of("hexxll") == Ids{13, 3, 3, 14});
  json["model"]["fuse_unk"] = true;
  CHECK(json_tokenizer(json).pieces_of("hexxll") == Ids{13, 3, 14});
}

TEST_CASE("a word that is a piece is taken whole only where the file says so") {
  nlohmann::json json = byte_pair_json();
  json["model"]["merges"] = {"h e", "l l"};
  CHECK(json_tokenizer(json).pieces_of("hello") == Ids{13, 14, 9});
  json["model"]["ignore_merges"] = true;
  CHECK(json_tokenizer(json).pieces_of("hello") == Ids{16});
}

TEST_CASE("merging by a queue gives what merging by the rule gives, on random merges and words") {
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    // Pieces over three letters, each made of two earlier ones: as training makes them.
    std::vector<std::string> pieces{"a", "b", "c"};
    std::vector<std::pair<std::string, std::string>> merges;
    while (merges.size() < 12) {
      const std::pair merge(pieces[random() % pieces.size()], pieces[random() % pieces.size()]);
      const std::string made = merge.first + merge.second;
      if (made.size() > 6 || std::find(pieces.begin(), pieces.end(), made) != pieces.end()) continue;
      merges.push_back(merge);
      pieces.push_back(made);
    }
    TokenizerParts parts;
    parts.vocabulary = pieces;
    parts.byte_pairs = BytePairParts{.merges = merges};
    const SubwordTokenizer tokenizer(parts);
    for (int i = 0; i < 50; ++i) {
      std::string word;
      std::vector<std::string> letters;
      for (std::size_t k = 1 + random() % 30; k > 0; --k) word += letters.emplace_back(1, "abc"[random() % 3]);
      INFO(word);
      CHECK(pieces_text(tokenizer, word) == fmt::format("{}", fmt::join(merged(letters, merges), "|")));
    }
  }
}

TEST_CASE("hostile texts take a time that is linear in their length") {
  const SubwordTokenizer words = word_piece_tokenizer(), pairs = byte_pair_tokenizer();
  const auto many = [](std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  // Quadratic work on any of these would take minutes.
  for (const char* text : {"h", "hello", "x", "e\u0301", "\u0301\u0323", "東", " ", "\n", "😊\u200D", "\xFF", "'", "[",
                           "<mask", " <mask>", "[MASK]", "!", "\u200B"}) {
    const std::string long_text = many(text, 100'000);
    INFO(text);
    CHECK(words.encode(long_text).ids.size() >= 2);
    CHECK(pairs.encode(long_text).ids.size() >= 2);
    CHECK(words.pieces_of(long_text).size() <= long_text.size());
  }
}
