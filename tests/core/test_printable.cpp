#include "core/printable.h"

#include <catch2/catch.hpp>

#include <string>

using ethreed::printable;

TEST_CASE("printable leaves text as it is, in any script") {
  for (const std::string text :
       {"", "plain, with \"marks\" ~", "käse 中文 أنا 👩‍👩‍👧 \xEF\xBF\xBD", "‘so…’"})
    CHECK(printable(text) == text);
}

TEST_CASE("printable lets no control character through, of one byte or two") {
  CHECK(printable("I am\x1b[31m sad\x1b]0;title\x07") == "I am [31m sad ]0;title ");
  CHECK(printable("hello\rethreed> x\n\ty\x7f") == "hello ethreed> x  y ");
  CHECK(printable(std::string("a\0b", 3)) == "a b");
  CHECK(printable("a\xC2\x9B"
                  "31mb\xC2\x85"
                  "c") == "a 31mb c");  // CSI and NEL of 8 bits
  CHECK(printable("a\xE2\x80\xAE"
                  "b\xE2\x80\xA8"
                  "c\xE2\x81\xA6"
                  "d") == "a b c d");
  for (int c = 0; c < 256; ++c) {
    const std::string shown = printable(std::string(1, static_cast<char>(c)));
    INFO(c);
    CHECK((c >= 0x20 && c < 0x7F ? shown == std::string(1, static_cast<char>(c))
                                 : shown == (c < 0x80 ? " " : "\xEF\xBF\xBD")));
  }
}

TEST_CASE("printable gives U+FFFD for every byte that is no UTF-8") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(printable("caf\xE9 \xFF") == "caf" + mark + " " + mark);
  CHECK(printable("\xC0\x80") == mark + mark);             // overlong
  CHECK(printable("\xED\xA0\x80") == mark + mark + mark);  // a surrogate
  CHECK(printable("\xF4\x90\x80\x80") == mark + mark + mark + mark);
  CHECK(printable("a\xE2\x80") == "a" + mark + mark);  // cut off
}
