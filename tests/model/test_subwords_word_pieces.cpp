// WordPiece: how a text is cleaned, cut into words and these into pieces.

#include "model/subwords/characters.h"
#include "tests/model/tiny_tokenizers.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

// A text as lower-cased WordPiece reads it, with "|" between words.
std::string read_as(std::string_view text, const BertNormaliser& how = {}) {
  std::string out = normalised(text, how);
  std::replace(out.begin(), out.end(), ' ', '|');
  return out;
}

// Every character in a vocabulary of its own: pieces are words as long as they are of these.
std::string words_of(std::string_view text) {
  static const SubwordTokenizer tokenizer =
      word_piece_tokenizer("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\n!\n$\n_\n-\n¿\n。\n…\n~\n`\n+\n");
  return pieces_text(tokenizer, text);
}

}  // namespace

TEST_CASE("a word is cut from the left into the longest pieces of the vocabulary") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(pieces_text(tokenizer, "blorbin") == "blor|##bin");
  CHECK(pieces_text(tokenizer, "blorbi") == "blor|##b|##i");
  CHECK(pieces_text(tokenizer, "mipzu") == "mipzu");
  CHECK(pieces_text(tokenizer, "Mip, BLOR!!") == "mip|,|blor|!|!");
  CHECK(tokenizer.encode("blorbin mip").ids == Ids{2, 5, 6, 9, 3});
}

TEST_CASE("a word is unknown as a whole where no piece goes on with it") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(pieces_text(tokenizer, "blorq") == "[UNK]");
  CHECK(pieces_text(tokenizer, "blorbiq mip") == "[UNK]|mip");
  CHECK(pieces_text(tokenizer, "mipz") == "[UNK]");  // mip, and nothing for z, though mipzu begins so
  CHECK(pieces_text(tokenizer, "bin") == "[UNK]");   // only inside a word
  CHECK(pieces_text(tokenizer, "😊") == "[UNK]");
}

TEST_CASE("a word of a hundred characters is cut, one of a hundred and one is unknown, however many bytes they are") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(tokenizer.pieces_of(std::string(100, 'x')).size() == 100);
  CHECK(pieces_text(tokenizer, std::string(101, 'x')) == "[UNK]");
  const SubwordTokenizer cased = word_piece_tokenizer(tiny_word_pieces, R"({"do_lower_case": false})");
  std::string word = "x";
  for (int i = 0; i < 99; ++i) word += "é";
  CHECK(cased.pieces_of(word).size() == 100);
  CHECK(pieces_text(cased, word + "é") == "[UNK]");
}

TEST_CASE("every punctuation character is a word, of ASCII and of Unicode, and symbols are parts of words") {
  CHECK(words_of("a!b") == "a|!|b");
  CHECK(words_of("a$b_a-b~`+") == "a|$|b|_|a|-|b|~|`|+");
  CHECK(words_of("¿a。b…") == "¿|a|。|b|…");
  CHECK(words_of("ab€") == "[UNK]");
  CHECK(is_punctuation(U'—'));
  CHECK(is_punctuation(U'«'));
  CHECK_FALSE(is_punctuation(U'€'));
  CHECK_FALSE(is_punctuation(U'😊'));
}

TEST_CASE("control characters and marks of format vanish, and white space of every kind separates") {
  CHECK(read_as(std::string_view("m\0ip", 4)) == "mip");
  CHECK(read_as("m\x01i\x7Fp\xEF\xBF\xBD") == "mip");
  CHECK(read_as("m\u200Bi\uFEFFp\u00AD\u202E") == "mip");
  CHECK(read_as("m\uE000ip") == "mip");        // private use
  CHECK(read_as("m\u0378ip") == "m\u0378ip");  // unassigned
  CHECK(read_as("a\tb\nc\rd\u00A0e\u2003f\u3000g") == "a|b|c|d|e|f|g");
  CHECK(read_as("a\vb\fc\u0085d") == "abcd");
}

TEST_CASE("a byte that is no UTF-8 is dropped, also half of a character and half of a pair of surrogates") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(pieces_text(tokenizer, "m\xFFip") == "mip");
  CHECK(pieces_text(tokenizer, "mip\xE6\x9D") == "mip");
  CHECK(pieces_text(tokenizer, "m\xED\xA0\x80ip") == "mip");
  CHECK(pieces_text(tokenizer, "\xC0\x80mip") == "mip");
}

TEST_CASE("ideographs stand alone, kana and hangul do not") {
  CHECK(read_as("a東b") == "a|東|b");
  CHECK(read_as("𠀀𠀁") == "|𠀀||𠀁|");
  CHECK(read_as("aかb") == "aかb");
  CHECK(is_spaced_ideograph(0x2B81F));
  CHECK_FALSE(is_spaced_ideograph(0x2B820));
  CHECK(is_spaced_ideograph(0x2B920));
  CHECK(pieces_text(word_piece_tokenizer(), "東mip") == "東|mip");
}

TEST_CASE("lower-casing takes accents off, composed or not, and a cased model keeps both") {
  CHECK(read_as("ÀÉ´ Ñandú") == "ae´|nandu");
  CHECK(read_as("e\u0301\u0323") == "e");
  CHECK(read_as("İI") == "ii");
  CHECK(read_as("ΑΣ") == "ασ");  // no final form
  CHECK(read_as("한") == "\u1112\u1161\u11AB");
  const BertNormaliser cased{.strip_accents = false, .lower_case = false};
  CHECK(read_as("ÀÉ", cased) == "ÀÉ");
  CHECK(read_as("ÀÉİ", {.strip_accents = false}) == "àéi\u0307");
  CHECK(read_as("ÀÉ", {.lower_case = false}) == "AE");
}

TEST_CASE("what Unicode made an accent, a letter or punctuation after the models were made is none to them") {
  CHECK(is_accent(0x0301));
  CHECK_FALSE(is_accent(0x0898));  // Unicode 14
  CHECK_FALSE(is_punctuation(0x2E52));
  CHECK_FALSE(is_dropped(0x0890));
  CHECK(is_dropped(0x0600));
  CHECK(is_letter(0x1C89));  // of byte pairs, whose tables are younger
  CHECK(is_number(0x10D40));
}

TEST_CASE("a pair is two texts with types 0 and 1, and MPNet's has two separators and one type") {
  const SubwordTokenizer bert = word_piece_tokenizer();
  const SubwordRow row = bert.encode("mip", "blor!");
  CHECK(row.ids == Ids{2, 9, 3, 5, 11, 3});
  CHECK(row.types == Ids{0, 0, 0, 1, 1, 1});
  const SubwordTokenizer mpnet = word_piece_tokenizer("<s>\n<pad>\n</s>\n<unk>\n[PAD]\n[UNK]\nblor\nmip\n<mask>\n", {});
  CHECK(mpnet.encode("mip", "blor").ids == Ids{0, 7, 2, 2, 6, 2});
  CHECK(mpnet.encode("mip", "blor").types == Ids(6, 0));
  CHECK(mpnet.encode("wug").ids == Ids{0, 5, 2});  // [UNK], not <unk>
  CHECK(mpnet.encode("mip  <mask> mip").ids == Ids{0, 7, 8, 7, 2});
}

TEST_CASE("too long a row keeps its front and its specials, too long a pair loses from the longer text") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  const SubwordRow row = tokenizer.encode("mip blor ! mip", {.max_length = 4});
  CHECK(row.ids == Ids{2, 9, 5, 3});
  CHECK(row.cut == 2);
  CHECK(tokenizer.encode("mip", {.max_length = 3}).cut == 0);
  CHECK(tokenizer.encode("mip blor mip", {.max_length = 2, .specials = false}).ids == Ids{9, 5});
  CHECK(tokenizer.encode("mip mip mip mip", "blor", {.max_length = 6}).ids == Ids{2, 9, 9, 3, 5, 3});
  CHECK(tokenizer.encode("mip mip mip", "blor blor blor", {.max_length = 6}).ids == Ids{2, 9, 3, 5, 5, 3});
  CHECK(tokenizer.encode("mip mip mip mip", "blor blor blor", {.max_length = 6}).ids == Ids{2, 9, 9, 3, 5, 3});
  CHECK_THROWS_WITH(tokenizer.encode("mip", {.max_length = 2}),
                    Catch::Contains("vocab.txt: a length of 2 has no room beside 2 special tokens"));
}

TEST_CASE("nothing is a row of specials") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(tokenizer.encode("").ids == Ids{2, 3});
  CHECK(tokenizer.encode(" \t\u200B").ids == Ids{2, 3});
  CHECK(tokenizer.encode("", {.specials = false}).ids.empty());
}

TEST_CASE("special tokens are found in a text as they stand, the longest first, in their own case") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(pieces_text(tokenizer, "mip[MASK]mip") == "mip|[MASK]|mip");
  CHECK(pieces_text(tokenizer, "[MASK") == "[|[UNK]");
  CHECK(pieces_text(tokenizer, "[[CLS]") == "[|[CLS]");
}
