// How a text that is to be answered is read.

#include "model/replies/post.h"
#include "model/text/vocabulary.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

WordTable table() {
  WordTable words;
  for (const std::string_view word : special_words) words.id(word);
  for (const char* word : {"i", "am", "sad", "."}) words.id(word);
  return words;
}

std::string text_of(const EncodedPost& post, const WordTable& words) { return decode_utterance(post.words, words); }

}  // namespace

TEST_CASE("a post that is longer than what is read keeps its end, and says how much was cut") {
  WordTable words = table();
  const EncodedPost whole = encode_post("I am sad.", words, 8, 5);
  CHECK(text_of(whole, words) == "i am sad.");
  CHECK(whole.tokens == 4);
  CHECK(whole.cut == 0);
  const EncodedPost cut = encode_post("Well, yesterday I am sad.", words, 8, 5);
  CHECK(text_of(cut, words) == "i am sad.");
  CHECK(cut.words.back() == eos_id);
  CHECK(cut.words.size() == 5);
  CHECK(cut.tokens == 7);
  CHECK(cut.cut == 3);
  CHECK(cut.known == 4);  // of those that are read
  CHECK(encode_post("sad sad", words, 8, 2).words == std::vector<std::int32_t>{6, eos_id});
  CHECK_THROWS(encode_post("sad", words, 8, 1));
}

TEST_CASE("a post says how much of it the model knows, and whether that is nothing") {
  WordTable words = table();
  const EncodedPost half = encode_post("I am Zorblax Zorblax", words, 8, 40);
  CHECK(half.known == 2);
  CHECK(half.unknown_share() == 0.5);
  CHECK(!half.nothing_known());
  const EncodedPost none = encode_post("Zorblax qwrtz", words, 8, 40);
  CHECK(none.nothing_known());
  CHECK(none.unknown_share() == 1.0);
  CHECK(words.size() == 10);  // both can be copied
  const EncodedPost fixed = encode_known_post("Zorblax other", words, 40);
  CHECK(fixed.words == std::vector<std::int32_t>{8, unk_id, eos_id});
  for (const char* nothing : {"", "  ", "\t\x01\r"}) {
    const EncodedPost empty = encode_post(nothing, words, 8, 40);
    CHECK(empty.empty());
    CHECK(!empty.nothing_known());
    CHECK(empty.unknown_share() == 0);
    CHECK(empty.words == std::vector<std::int32_t>{eos_id});
  }
}
