// The tokens of the published releases, rule by rule. Every expectation was worked out by hand.

#include "core/error.h"
#include "model/text/published_tokens.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "model/text/word_table.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

// Tokens with "|" between.
std::string joined(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += (out.empty() ? "" : "|") + token;
  return out;
}
std::string older(std::string_view text) { return joined(published_tokens(text, PublishedVersion::older)); }
std::string newer(std::string_view text) { return joined(published_tokens(text, PublishedVersion::newer)); }

// Where both versions agree.
std::string both(std::string_view text) {
  const std::string tokens = older(text);
  CHECK(newer(text) == tokens);
  return tokens;
}

std::string shown(std::string_view text) {
  const std::vector<std::string> tokens = published_tokens(text, PublishedVersion::newer);
  return published_text(std::vector<std::string_view>(tokens.begin(), tokens.end()));
}

std::string repeated(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

}  // namespace

TEST_CASE("published tokens: _comma_ is a comma, quotation marks go, letters are lower-cased") {
  CHECK(both("Oh_comma_ NO") == "oh|,|no");
  CHECK(both("she said \"Go\"") == "she|said|go");
  CHECK(both("a\"b \"\" É") == "ab|é");
  CHECK(both("_Comma_") == "_comma_");
  CHECK(both("").empty());
  CHECK(both(" \t\r\n ").empty());
  CHECK(both("\"").empty());
}

TEST_CASE("published tokens: the contractions of the list become two words") {
  CHECK(both("It's don't DOESN'T didn't") == "it|is|do|not|does|not|did|not");
  CHECK(both("you'd you're you'll i'm they're") == "you|would|you|are|you|will|i|am|they|are");
  CHECK(both("that's what's couldn't i've we've") == "that|is|what|is|could|not|i|have|we|have");
  CHECK(both("can't i'd aren't isn't wasn't") == "can|not|i|would|are|not|is|not|was|not");
  CHECK(both("weren't won't there's there're") == "were|not|will|not|there|is|there|are");
}

TEST_CASE("published tokens: contractions are replaced inside words, too, and one after another") {
  CHECK(both("wit's") == "wit|is");               // it's
  CHECK(both("hawaii'd") == "hawaii|would");      // i'd
  CHECK(both("don'that's") == "do|nothat|is");    // don't first: its replacement makes a that's
  CHECK(both("couldn't've") == "could|not|'ve");  // of could not've
  CHECK(both("can'table") == "cannotable");       // can't: cannot, and no word ends behind it
}

TEST_CASE("published tokens: contractions outside the list are cut as the Treebank does") {
  CHECK(both("wouldn't he'll she's we're they've") == "would|n't|he|'ll|she|'s|we|'re|they|'ve");
  CHECK(both("she'd my dog's ma'm") == "she|'d|my|dog|'s|ma|'m");
  CHECK(both("shouldn't've") == "shouldn't|'ve");  // n't is not before a blank when its turn comes
  CHECK(both("shouldn't's") == "should|n't|'s");   // 's goes first
  CHECK(both("it’s") == "it|’|s");                 // a curly apostrophe is a closing quote
  CHECK(both("o'clock y'all") == "o'clock|y'all");
}

TEST_CASE("published tokens: a sentence ends behind . ? or ! at white space, closing marks may be between") {
  CHECK(both("One here. Two there.") == "one|here|.|two|there|.");
  CHECK(both("(A wug.) It ran.") == "(|a|wug|.|)|it|ran|.");
  CHECK(both("A wug.’ It ran") == "a|wug|.|’|it|ran");
  CHECK(both("A wug.It ran") == "a|wug.it|ran");
  CHECK(both("a.b.c ran.") == "a.b.c|ran|.");
  CHECK(both("a wug.- It ran") == "a|wug.-|it|ran");
}

TEST_CASE("published tokens: a period behind a number or an abbreviation and before a letter ends no sentence") {
  CHECK(both("She is 9. So am i.") == "she|is|9.|so|am|i|.");
  CHECK(both("It was 2,500. It is (9. or") == "it|was|2,500.|it|is|(|9.|or");
  CHECK(both("Is it ok. Dr. Wug did.") == "is|it|ok.|dr.|wug|did|.");
  CHECK(both("i am 9. 7 are here") == "i|am|9|.|7|are|here");  // no letter
  CHECK(both("9 apples. It") == "9|apples|.|it");
  CHECK(both("for $5. It") == "for|$|5|.|it");
  CHECK(both("is it ok? Yes") == "is|it|ok|?|yes");
  CHECK(both("Vitamin c. It") == "vitamin|c.|it");
}

TEST_CASE("published tokens: opening quotes stand alone") {
  CHECK(both("“hi” «wug» ‘x’ „y”") == "“|hi|”|«|wug|»|‘|x|’|„|y|”");
  CHECK(both("a`b ``wug") == "a|`|b|``|wug");
  CHECK(both("so ''blor") == "so|``|blor");
  CHECK(both("(''blor") == "(|``|blor");
}

TEST_CASE("published tokens: an apostrophe stands alone before one letter, but not before a clitic") {
  CHECK(both("rock 'e roll") == "rock|'|e|roll");
  CHECK(both("'em 'cause") == "'em|'cause");
  CHECK(both("the 's 't 'd 'm") == "the|'s|'t|'d|'m");
  CHECK(older("wug 'n' blor") == "wug|'|n|'|blor");
  CHECK(newer("wug 'n' blor") == "wug|'n|'|blor");
  CHECK(both("class of '9") == "class|of|'|9");
  CHECK(both("class of '99") == "class|of|'99");
}

TEST_CASE("published tokens: the last period stands alone, periods before it or inside do not") {
  CHECK(both("Mip blor.") == "mip|blor|.");
  CHECK(both("Mip blor.')") == "mip|blor|.|'|)");
  CHECK(both("e.g. this is 3.5 blor.") == "e.g|.|this|is|3.5|blor|.");
  CHECK(both(".") == ".");
  CHECK(both("mip.,") == "mip.|,");
}

TEST_CASE("published tokens: commas and colons stand alone, but not before a digit") {
  CHECK(both("yes,no:so") == "yes|,|no|:|so");
  CHECK(both("1,000 at 5:30, :) wug,") == "1,000|at|5:30|,|:|)|wug|,");
  CHECK(both("wug,,") == "wug|,|,");
  CHECK(both("wug,,mip") == "wug|,|,mip");  // the second goes unseen
  CHECK(both(":-(") == ":|-|(");
}

TEST_CASE("published tokens: three dots, in the newer version two dots or more") {
  CHECK(both("well... ok") == "well|...|ok");
  CHECK(both("well...ok") == "well|...|ok");
  CHECK(older("well..ok") == "well..ok");
  CHECK(newer("well..ok") == "well|..|ok");
  CHECK(older("well.... ok") == "well|...|.|ok");
  CHECK(newer("well.... ok") == "well|....|ok");
  CHECK(older("ok.....") == "ok|...|..");
  CHECK(newer("ok.....") == "ok|.....");
}

TEST_CASE("published tokens: single marks, brackets and dashes stand alone, stars in the newer version") {
  CHECK(both("what?!! a;b@c#d$5%e&f") == "what|?|!|!|a|;|b|@|c|#|d|$|5|%|e|&|f");
  CHECK(both("a(b)[c]{d}<e>") == "a|(|b|)|[|c|]|{|d|}|<|e|>");
  CHECK(both("a--b---c well-known") == "a|--|b|--|-c|well-known");
  CHECK(older("*mip* blor") == "*mip*|blor");
  CHECK(newer("*mip* blor") == "*|mip|*|blor");
  CHECK(both("a/b ~c 😊 £5 x+y=z") == "a/b|~c|😊|£5|x+y=z");
}

TEST_CASE("published tokens: apostrophes before a blank and closing quotes stand alone") {
  CHECK(both("my parents' house 'quoted'") == "my|parents|'|house|'quoted|'");
  CHECK(both("the wug'?") == "the|wug|'|?");
  CHECK(both("wug'' mip") == "wug|''|mip");
  CHECK(older("''wug mip") == "''wug|mip");  // at the start no blank is before it
  CHECK(newer("''wug mip") == "''|wug|mip");
}

TEST_CASE("published tokens: ten words are cut in two") {
  CHECK(both("cannot d'ye gimme gonna gotta") == "can|not|d|'ye|gim|me|gon|na|got|ta");
  CHECK(both("lemme wanna 'tis 'twas") == "lem|me|wan|na|'t|is|'t|was");
  CHECK(newer("more'n") == "more|'n");
  CHECK(both("gonna. wanna? cannot-do") == "gon|na|.|wan|na|?|can|not|-do");
  CHECK(both("cannots begotta wanna-be it'tis") == "cannots|begotta|wanna-be|it'tis");
}

TEST_CASE("published tokens: white space and control characters separate, broken UTF-8 is replaced") {
  CHECK(both("a\xC2\xA0"
             "b\xE3\x80\x80"
             "c\x01"
             "d") == "a|b|c|d");
  CHECK(both("a\xFF"
             "b") ==
        "a\xEF\xBF\xBD"
        "b");
}

TEST_CASE("published tokens: no text can name a special word") { CHECK(both("<pad> <EOS>") == "<|pad|>|<|eos|>"); }

TEST_CASE("published tokens: time is linear in the length of a text") {
  for (const char* part : {"5. a ", "'", "''",  ". ", ".",      "`",   "it's", "don'that's ", "cannot ", "'tis ", ",:",
                           "5",     "«", "x' ", "--", "n't've", "a. ", ")",    ".)",          "\xFF",    "wan"}) {
    INFO(part);
    const std::string text = repeated(part, 50'000) + repeated(" ", 50'000);
    CHECK_FALSE(published_tokens(text, PublishedVersion::older).empty());
    CHECK_FALSE(published_tokens(text, PublishedVersion::newer).empty());
  }
}

TEST_CASE("published tokens print as readable text") {
  CHECK(shown("Oh no_comma_ she'd seen my dog's (old) bone... wouldn't you?!") ==
        "oh no, she'd seen my dog's (old) bone... wouldn't you?!");
  CHECK(shown("I'm gonna gimme what my parents' friends cannot; $5 or 50%: ok.") ==
        "i am gonna gimme what my parents' friends can not; $5 or 50%: ok.");
  CHECK(shown("“Mip” said: ‘blor’ -- 'tis well-known") == "“mip” said: ‘blor’ -- 'tis well-known");
  CHECK(published_text({}).empty());
}

TEST_CASE("tokens have names, and a table of words cuts texts and prints them by its own") {
  for (const std::string_view name : token_rule_names) CHECK(name_of(token_rules_named(name)) == name);
  CHECK_THROWS_WITH(token_rules_named("treebank"), Contains("'treebank'") && Contains("own, published-older, "));
  CHECK(version_of(TokenRules::own) == tokenizer_version);
  CHECK(version_of(TokenRules::published_older) == "published-older 1");
  WordTable own, published(TokenRules::published_newer);
  for (WordTable* words : {&own, &published})
    for (const std::string_view word : special_words) words->id(word);
  const std::string text = "She wouldn't...";
  CHECK(encode_utterance(text, own, 40).size() == 5);  // she would not ...
  CHECK(encode_utterance(text, published, 40).size() == 5);
  CHECK(published.word(special_count + 2) == "n't");
  CHECK(decode_utterance(encode_known(text, published, 40), published) == "she wouldn't...");
  CHECK(decode_utterance(encode_known(text, own, 40), own) == "she would not...");
  const WordTable copy = published;
  CHECK(copy.rules() == TokenRules::published_newer);
}
