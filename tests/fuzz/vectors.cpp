// Word vectors in all their formats.

#include "model/text/vocabulary.h"
#include "model/text/word_vectors.h"
#include "tests/fuzz/target.h"

#include <cmath>

using namespace ethreed;

namespace {

WordTable small_vocabulary() {
  WordTable words;
  for (const std::string_view word : special_words) words.id(word);
  for (const char* word : {"the", "my", "cake", ",", "."}) words.id(word);
  return words;
}

}  // namespace

ETHREED_FUZZ_TARGET(vectors) {
  static const fuzz::InputFile file("vectors.txt");
  static const WordTable words = small_vocabulary();
  const WordVectors vectors = read_word_vectors(file.hold(input), words);
  fuzz::require(vectors.rows.rows() == words.size() && vectors.rows.columns() >= 1, "every word has a vector");
  for (const float value : vectors.rows.span()) fuzz::require(std::isfinite(value), "a component is finite");
}
