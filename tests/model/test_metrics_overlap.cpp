// ROUGE, METEOR and chrF, against values of the usual packages on corpus A.

#include "model/metrics/chrf.h"
#include "model/metrics/meteor.h"
#include "model/metrics/rouge.h"
#include "tests/model/metric_texts.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <utility>

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

namespace {

// The textbook's table, row by row.
int plain_common_subsequence(const Words& a, const Words& b) {
  std::vector<int> row(b.size() + 1, 0);
  for (const std::string& word : a) {
    int diagonal = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(row[j], row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

// The stages of METEOR as they are defined: from the ends, every word against every word that is left.
int plain_exact_chunks(const Words& candidate, const Words& reference) {
  std::vector<std::pair<std::size_t, std::size_t>> matches;
  std::vector<bool> taken(reference.size());
  for (std::size_t i = candidate.size(); i-- > 0;)
    for (std::size_t j = reference.size(); j-- > 0;) {
      if (taken[j] || candidate[i] != reference[j]) continue;
      taken[j] = true;
      matches.emplace_back(i, j);
      break;
    }
  std::sort(matches.begin(), matches.end());
  int chunks = matches.empty() ? 0 : 1;
  for (std::size_t i = 1; i < matches.size(); ++i)
    chunks += matches[i].first != matches[i - 1].first + 1 || matches[i].second != matches[i - 1].second + 1;
  return chunks;
}

Words drawn_words(std::mt19937& random, std::size_t count, std::uint32_t different) {
  Words words;
  for (std::size_t i = 0; i < count; ++i) words.push_back(std::to_string(random() % different));
  return words;
}

}  // namespace

TEST_CASE("the longest common subsequence by bits is that of the textbook's table, at every length of blocks") {
  std::mt19937 random(7);
  for (const std::size_t r : {0, 1, 5, 63, 64, 65, 127, 128, 129, 200, 513})
    for (const std::size_t c : {1, 7, 64, 130, 300})
      for (const std::uint32_t different : {1U, 2U, 5U, 40U, 1000U}) {
        INFO(c << " " << r << " " << different);
        const Words a = drawn_words(random, c, different), b = drawn_words(random, r, different);
        const double recall = r == 0 ? 0 : static_cast<double>(plain_common_subsequence(a, b)) / static_cast<double>(r);
        CHECK(rouge_l(a, b).recall == Approx(recall));
      }
}

TEST_CASE("METEOR pairs as by comparing every word with every other") {
  std::mt19937 random(8);
  const PorterStemmer stemmer;
  for (const std::size_t count : {1, 3, 10, 50, 200})
    for (const std::uint32_t different : {1U, 3U, 20U, 1000U}) {
      const Words a = drawn_words(random, count, different), b = drawn_words(random, count + count / 3, different);
      CHECK(meteor_exact_stem(a, b, stemmer).chunks == plain_exact_chunks(a, b));
    }
}

TEST_CASE("METEOR and ROUGE-L of texts of a hundred thousand words and more have an end") {
  Words long_text;
  for (int i = 0; i < 200'000; ++i) long_text.push_back(std::to_string(i));
  const Words backwards(long_text.rbegin(), long_text.rend());
  const PorterStemmer stemmer;
  CHECK(meteor_exact_stem(long_text, backwards, stemmer).matches == 200'000);
  CHECK(rouge_l(long_text, long_text).f == 1);
  CHECK(rouge_l(long_text, backwards).recall == Approx(1.0 / 200'000));
}
