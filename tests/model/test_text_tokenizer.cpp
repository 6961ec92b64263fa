#include "model/text/tokenizer.h"
#include "model/text/utf8.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

// Tokens with "|" between.
std::string tokens_of(std::string_view text) {
  std::string out;
  for (const std::string& token : tokenize(text)) out += (out.empty() ? "" : "|") + token;
  return out;
}

std::string round_trip(std::string_view text) {
  const std::vector<std::string> tokens = tokenize(text);
  const std::vector<std::string_view> views(tokens.begin(), tokens.end());
  return detokenize(views);
}

}  // namespace

TEST_CASE("text is lower-cased and _comma_ is a comma, also without spaces") {
  CHECK(tokens_of("Today_comma_as I was") == "today|,|as|i|was");
  CHECK(tokens_of("Oh_comma_ NO") == "oh|,|no");
  CHECK(tokens_of("_Comma_") == "_|comma|_");
  CHECK(tokens_of("").empty());
  CHECK(tokens_of(" \t\r\n ").empty());
}

TEST_CASE("contractions are expanded whatever apostrophe and case they have") {
  CHECK(tokens_of("It's IT’S it‘s") == "it|is|it|is|it|is");
  CHECK(tokens_of("don't can't won't shan't ain't") == "do|not|can|not|will|not|shall|not|is|not");
  CHECK(tokens_of("I'm you're they've he'll she'd let's y'all") ==
        "i|am|you|are|they|have|he|will|she|would|let|us|you|all");
  CHECK(tokens_of("couldn't've y'all're") == "could|not|have|you|all|are");
}

TEST_CASE("'s is is after a subject and a token of its own after any other word") {
  CHECK(tokens_of("that's who's everyone's there's") == "that|is|who|is|everyone|is|there|is");
  CHECK(tokens_of("my dog's bone") == "my|dog|'s|bone");
  CHECK(tokens_of("parents' o'clock 'quoted'") == "parents|'|o'clock|'|quoted|'");
}

TEST_CASE("punctuation is split into single characters, runs of dots into one token") {
  CHECK(tokens_of("what?!! (yes)") == "what|?|!|!|(|yes|)");
  CHECK(tokens_of("well.... ok.. no. …") == "well|...|ok|...|no|.|...");
  CHECK(tokens_of("well-known mother-in-law -") == "well|-|known|mother|-|in|-|law|-");
  CHECK(tokens_of("“hi”") == "\"|hi|\"");
}

TEST_CASE("numbers keep the marks between their digits and no others") {
  CHECK(tokens_of("3.5 10_comma_000 5:30 2.") == "3.5|10,000|5:30|2|.");
  CHECK(tokens_of("5:30pm 20s $5.00") == "5|:|30pm|20s|$|5.00");
  CHECK(tokens_of("1,2,and") == "1,2|,|and");
}

TEST_CASE("letters beyond ASCII belong to words, signs and emoji stand alone, broken UTF-8 is replaced") {
  CHECK(tokens_of("café naïve £5 happy😊😒") == "café|naïve|£|5|happy|😊|😒");
  CHECK(tokens_of("a\xC2\xA0"
                  "b\xE2\x80\x8B"
                  "c") == "a|b|c");
  CHECK(tokens_of("a\xFF"
                  "b \xC3") == "a|\xEF\xBF\xBD|b|\xEF\xBF\xBD");
  CHECK(tokens_of("\xC0\xAF") == "\xEF\xBF\xBD|\xEF\xBF\xBD");                   // overlong '/'
  CHECK(tokens_of("\xED\xA0\x80") == "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD");  // a surrogate
}

TEST_CASE("no text can name a special word") { CHECK(tokens_of("<pad> <EOS>") == "<|pad|>|<|eos|>"); }

TEST_CASE("detokenized replies read like text") {
  CHECK(round_trip("Oh no_comma_ that's my dog's (old) bone... is it?!") ==
        "oh no, that is my dog's (old) bone... is it?!");
  CHECK(round_trip("he said \"hi there\" to a well-known $5 man; 50% off: ok.") ==
        "he said \"hi there\" to a well-known $5 man; 50% off: ok.");
  CHECK(detokenize({}).empty());
}

TEST_CASE("UTF-8 is told from other bytes") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("caf\xC3\xA9 \xF0\x9F\x98\x80 \xEF\xBF\xBD"));
  CHECK_FALSE(is_utf8("caf\xE9"));
  CHECK_FALSE(is_utf8("\xC0\xAF"));      // overlong
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));  // a surrogate
  CHECK_FALSE(is_utf8("a\xC3"));         // cut off
}
