#include "model/text/lexicon.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;
using Words = std::vector<std::string>;

TEST_CASE("a lexicon is a list of words or a table of words and tags: every word counts, once, as a token is written") {
  const TemporaryFolder folder;
  const auto read = [&](std::string_view content) { return read_lexicon(folder.file("lexicon.txt", content)); };
  CHECK(read("joy\n\nSorrow \r\n  cafe\xCC\x81\njoy") == Words{"café", "joy", "sorrow"});
  CHECK(read("\nyears\tanger\t0\nyears\tjoy\t0\nabandon\tfear\t1\r\nabandon\tjoy\t0\n") == Words{"abandon", "years"});
  CHECK(read("\xEF\xBB\xBFone\nTWO\tjoy\t 1 \n") == Words{"one", "two"});
  const Words words = read("b\na\nc\n");
  CHECK(lexicon_has(words, "a"));
  CHECK_FALSE(lexicon_has(words, "d"));
  CHECK_FALSE(lexicon_has(words, ""));
}

TEST_CASE("a lexicon of another layout is refused with its line") {
  const TemporaryFolder folder;
  const auto refuses = [&](std::string_view content, std::string_view reason) {
    INFO(content);
    CHECK_THROWS_WITH(read_lexicon(folder.file("lexicon.txt", content)), Contains(std::string(reason)));
  };
  refuses("joy\ntwo words\n", "lexicon.txt:2: got 'two words', wanted one word");
  refuses("joy\tanger\n", "lexicon.txt:1");
  refuses("joy\tanger\t0.5\n", "lexicon.txt:1");
  refuses("joy\tanger\t1\t0\n", "lexicon.txt:1");
  refuses("joy\t\t1\n", "lexicon.txt:1");
  refuses("\tanger\t1\n", "lexicon.txt:1");
  refuses("joy\n\nb\xFF\n", "lexicon.txt:3");
  refuses(" \n\n", "has no words");
  refuses("", "has no words");
  CHECK_THROWS_WITH(read_lexicon(folder / "none.txt"), Contains("none.txt"));
}
