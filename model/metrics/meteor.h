#pragma once
// METEOR (Banerjee and Lavie 2005) with the stages exact and Porter stem, as nltk has them; without WordNet's synonyms,
// so that values are lower than with them. The Java program's version 1.5 has other parameters: do not compare.

#include <memory>
#include <span>
#include <string>
#include <string_view>

struct sb_stemmer;

namespace ethreed {

/// The algorithm of Porter (1980), by the Snowball library. One thread at a time.
class PorterStemmer {
 public:
  /// Throws Error if the library lacks the algorithm.
  PorterStemmer();
  ~PorterStemmer();
  PorterStemmer(const PorterStemmer&) = delete;
  PorterStemmer& operator=(const PorterStemmer&) = delete;
  /// Of one lower-case word; words of one or two letters stay as they are, as in Porter's own program and nltk.
  std::string stem(std::string_view word) const;

 private:
  sb_stemmer* stemmer_;
};

/// `meteor_exact_stem`: each stage pairs what is left, from the texts' ends backwards; m matches in ch chunks, P = m/c,
/// R = m/r, F = PR / (.9 P + .1 R), score = F (1 − .5 (ch/m)³). 0 without matches.
struct MeteorScore {
  int matches = 0, chunks = 0;
  double score = 0;
};
MeteorScore meteor_exact_stem(std::span<const std::string> candidate, std::span<const std::string> reference,
                              const PorterStemmer& stemmer);

}  // namespace ethreed
