// A lexicon: a list of words, or a table of words and tags.

#include "model/text/lexicon.h"

#include "tests/fuzz/target.h"

using namespace ethreed;

ETHREED_FUZZ_TARGET(lexicon) {
  static const fuzz::InputFile file("lexicon.txt"), written("again.txt");
  const std::vector<std::string> words = read_lexicon(file.hold(input));
  fuzz::require(!words.empty(), "a lexicon has a word");
  std::string list = "\n";  // a word may begin as a byte order mark does
  for (const std::string& word : words) {
    fuzz::require(lexicon_has(words, word), "a word of a lexicon is found");
    list += word + "\n";
  }
  fuzz::require(read_lexicon(written.hold(list)) == words, "the words of a lexicon, one a line, are that lexicon");
}
