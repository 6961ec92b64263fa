// vocabulary.txt of a checkpoint.

#include "model/text/vocabulary.h"
#include "tests/fuzz/target.h"

using namespace ethreed;

ETHREED_FUZZ_TARGET(vocabulary) {
  static const fuzz::InputFile file("vocabulary.txt"), written("again.txt");
  const WordTable words = load_vocabulary(file.hold(input));
  const std::string text = vocabulary_text(words);
  const WordTable again = load_vocabulary(written.hold(text));
  fuzz::require(vocabulary_text(again) == text, "a vocabulary reads back as written");
}
