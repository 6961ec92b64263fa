#include "model/text/tokenizer.h"
#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <catch2/catch.hpp>

#include <ctime>

using namespace ethreed;

namespace {

std::string tokens_of(std::string_view text) {
  std::string out;
  for (const std::string& token : tokenize(text)) out += (out.empty() ? "" : "|") + token;
  return out;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Of the processor, whatever else runs.
double seconds_of(const std::string& text) {
  const std::clock_t start = std::clock();
  CHECK_FALSE(tokenize(text).empty());
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

TEST_CASE("unicode: marks of every script are tokens of their own") {
  CHECK(tokens_of("هل أنت حزين؟ نعم، جدا") == "هل|أنت|حزين|؟|نعم|،|جدا");
  CHECK(tokens_of("मुझे दुख हुआ।") == "मुझे|दुख|हुआ|।");
  CHECK(tokens_of("안녕, 세상！") == "안녕|,|세상|！");
  CHECK(tokens_of("«Oui», dit-il; ¿qué?") == "«|oui|»|,|dit|-|il|;|¿|qué|?");
  CHECK(tokens_of("Τι κάνεις; 100€") == "τι|κάνεις|;|100|€");
}

TEST_CASE("unicode: every ideograph is a token, kana and digits of other scripts make words") {
  CHECK(tokens_of("我很难过，你呢？") == "我|很|难|过|，|你|呢|？");
  CHECK(tokens_of("私はドイツ語が好き。") == "私|はドイツ|語|が|好|き|。");
  CHECK(tokens_of("٣٤ क२") == "٣٤|क२");
}

TEST_CASE("unicode: letters of every script are lower-cased and composed with their accents") {
  CHECK(tokens_of("ÉCOLE Привет ΑΘΗΝΑ Ｈｉ") == "école|привет|αθηνα|ｈｉ");
  CHECK(tokens_of("cafe\xCC\x81") == "café");
  CHECK(lower_case(std::string_view("SAD Ä\xFF")) == "sad ä\xFF");
}

TEST_CASE("unicode: joiners stay between letters beyond ASCII, soft hyphens and selectors vanish") {
  CHECK(tokens_of("می\u200Cخواهم") == "می\u200Cخواهم");
  CHECK(tokens_of("a\u200Cb \u200Dc") == "a|b|c");
  CHECK(tokens_of("co\u00ADoperate ❤\uFE0F") == "cooperate|❤");
  CHECK(is_blank(" \u200B\u00A0\u00AD\t"));
  CHECK_FALSE(is_blank(" \u200B."));
}

TEST_CASE("unicode: endings that stack by the hundred thousand are taken off in a loop") {
  const std::vector<std::string> tokens = tokenize(repeated("'s", 200'000));
  CHECK(tokens.size() > 100'000);
  CHECK(tokens_of("it's's couldn't've'd") == "it|is|'s|could|not|have|would");
  CHECK(tokenize(repeated("n't've", 100'000)).size() > 100'000);
}

TEST_CASE("unicode: a run of digits and marks that is no number keeps its tokens") {
  CHECK(tokens_of("1.2.3a") == "1|.|2|.|3a");
  CHECK(tokens_of("1.2.3 a") == "1.2.3|a");
  CHECK(tokens_of("1.2.3a 1.5") == "1|.|2|.|3a|1.5");
}

TEST_CASE("unicode: tokenizing takes time in proportion to the text") {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"1.", "1a"}, {"1:2,", "x"}, {"s'", ""}, {"'s", ""}, {"\xCC\x81\xCC\xA7", ""}, {"..", ""}, {"a\u200D", ""}};
  for (const auto& [piece, end] : kinds) {
    INFO(piece);
    CHECK(seconds_of(repeated(piece, 320'000) + end) < 10.0);  // a tenth of a second; quadratic: many minutes
  }
}

TEST_CASE("unicode: a letter with too many marks stays as it is, and the rest of the text is composed") {
  const std::string cafe = "cafe\u0301 ", zalgo = "z" + repeated("\u0301", 40);
  CHECK(compose(cafe + zalgo + " " + cafe) == "café " + zalgo + " café ");
  CHECK(compose(zalgo + zalgo + "e\u0301") == zalgo + zalgo + "é");
  CHECK(compose(repeated("\u0301", 40) + "e\u0301") == repeated("\u0301", 40) + "é");
  CHECK(compose("e" + repeated("\u0301", 30)) == "é" + repeated("\u0301", 29));
  CHECK(compose("e" + repeated("\u0301", 31)) == "e" + repeated("\u0301", 31));
  CHECK(tokens_of(cafe + zalgo) == tokens_of("café " + zalgo));
  CHECK(compose("\u1112\u1161\u11AB " + zalgo) == "한 " + zalgo);  // letters of a Korean syllable
}

TEST_CASE("unicode: marks are counted once characters are taken apart, whatever their own class") {
  // These are two marks each: U+0344 of class 230, the others of class 0. Quadratic, they would take days.
  for (const std::string_view pair : {"\u0344", "\u0F73", "\u0F75", "\u0F81", "\u0344\u0F73"}) {
    INFO(pair);
    const std::string many = "x" + repeated(std::string(pair), 1'000'000);
    CHECK((compose(many) == many));
    CHECK((compose("e\u0301 " + many + " e\u0301") == "é " + many + " é"));
    CHECK(compose("e\u0301" + std::string(pair)).starts_with("é"));
  }
  CHECK(compose("\u0F40" + repeated("\u0F73", 16)) == "\u0F40" + repeated("\u0F73", 16));
  CHECK(compose("\u0F40\u0F73") == "\u0F40\u0F71\u0F72");
}
