// ROUGE, METEOR and chrF, against values of the usual packages on corpus A.

#include "model/metrics/chrf.h"
#include "model/metrics/meteor.h"
#include "model/metrics/rouge.h"
#include "tests/model/metric_texts.h"

#include <catch2/catch.hpp>

using namespace ethreed;

TEST_CASE("ROUGE-L sees runs of letters and digits and takes F1 of the longest common subsequence") {
  const std::array<double, 3> f{0.8, 0.823529, 0.571429}, p{0.857143, 0.777778, 1}, r{0.75, 0.875, 0.4};
  for (std::size_t i = 0; i < 3; ++i) {
    const RougeScore score = rouge_l(rouge_tokens(candidates_a[i]), rouge_tokens(references_a[i]));
    CHECK(score.f == Approx(f[i]).margin(6e-7));
    CHECK(score.precision == Approx(p[i]).margin(6e-7));
    CHECK(score.recall == Approx(r[i]).margin(6e-7));
  }
  const RougeScore plain = rouge_l(candidates_a[0], references_a[0]);
  CHECK(plain.precision == Approx(6.0 / 7));
  CHECK(plain.recall == Approx(0.6));
  CHECK(rouge_tokens(words_of("It's o'clock 3.5 !")) == words_of("it s o clock 3 5"));
}

TEST_CASE("the caption scripts' ROUGE-L weighs recall by 1.2 and leaves the tokens as they are") {
  const std::array<double, 3> f{0.684112, 0.850174, 0.403974};
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(rouge_l_coco(candidates_a[i], references_a[i]).f == Approx(f[i]).margin(6e-7));
}

TEST_CASE("ROUGE-1 and ROUGE-2 are F1 of clipped n-grams") {
  const std::array<double, 3> one{0.8, 0.823529, 0.571429}, two{0.615385, 0.533333, 0.4};
  for (std::size_t i = 0; i < 3; ++i) {
    const Words c = rouge_tokens(candidates_a[i]), r = rouge_tokens(references_a[i]);
    CHECK(rouge_n(c, r, 1).f == Approx(one[i]).margin(6e-7));
    CHECK(rouge_n(c, r, 2).f == Approx(two[i]).margin(6e-7));
  }
}

TEST_CASE("ROUGE of an empty candidate or reference is 0") {
  const Words none;
  CHECK(rouge_l(none, references_a[0]).f == 0);
  CHECK(rouge_l(candidates_a[0], none).f == 0);
  CHECK(rouge_n(words_of("hello"), references_a[0], 2).f == 0);
}

TEST_CASE("METEOR pairs equal words, then equal stems, and pays for chunks") {
  const PorterStemmer stemmer;
  const std::array<double, 3> wanted{0.607102, 0.855941, 0.288462};
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(meteor_exact_stem(candidates_a[i], references_a[i], stemmer).score == Approx(wanted[i]).margin(6e-7));
  const MeteorScore first = meteor_exact_stem(candidates_a[0], references_a[0], stemmer);
  CHECK(first.matches == 6);
  CHECK(first.chunks == 2);
  const Words hope = words_of("i hope you won the game"), hoping = words_of("i was hoping you win the games");
  const MeteorScore stems = meteor_exact_stem(hope, hoping, stemmer);
  CHECK(stems.score == Approx(0.646377).margin(6e-7));
  CHECK(stems.matches == 5);  // i, you, the; hoping with hope, games with game
  CHECK(stems.chunks == 3);
  // The other way round P = 5/7 and R = 5/6: F = .819672, penalty .5 · .6³.
  CHECK(meteor_exact_stem(hoping, hope, stemmer).score == Approx(0.819672 * (1 - 0.5 * 0.216)).margin(1e-6));
}

TEST_CASE("METEOR without a match is 0") {
  const PorterStemmer stemmer;
  CHECK(meteor_exact_stem(words_of("yes"), words_of("no"), stemmer).score == 0);
  CHECK(meteor_exact_stem({}, words_of("no"), stemmer).score == 0);
  CHECK(stemmer.stem("hoping") == "hope");
  CHECK(stemmer.stem("is") == "is");
  CHECK(meteor_exact_stem(words_of("it is"), words_of("i do"), stemmer).matches == 0);  // "is" is no "i"
}

TEST_CASE("chrF counts characters without blanks over the corpus, with recall twice as heavy") {
  ChrfCounts sum;
  for (std::size_t i = 0; i < 3; ++i) sum.add(chrf_counts(candidates_a[i], references_a[i]));
  CHECK(chrf(sum) == Approx(47.145470).margin(6e-7));
}

TEST_CASE("chrF of equal texts is 100, of texts without a common character 0, and it counts characters, not bytes") {
  CHECK(chrf(chrf_counts(references_a[0], references_a[0])) == Approx(100));
  CHECK(chrf(chrf_counts(words_of("aaa"), words_of("bbb"))) == 0);
  CHECK(chrf(ChrfCounts{}) == 0);
  CHECK(chrf_counts(words_of("äöü"), words_of("äöü")).matches[0] == 3);
  // The reference is too short for order 4: the candidate's n-grams of that order do not count.
  CHECK(chrf_counts(words_of("abcdef"), words_of("abc")).candidate[3] == 0);
}
