// BLEU in all variants, against values of the usual packages on corpus A.

#include "model/metrics/bleu.h"
#include "model/metrics/self_bleu.h"
#include "model/metrics/sentence_bleu.h"
#include "tests/model/metric_texts.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace ethreed;

namespace {

std::vector<BleuCounts> rows_of_a() {
  WordTable words;
  std::vector<BleuCounts> rows;
  for (std::size_t i = 0; i < candidates_a.size(); ++i)
    rows.push_back(bleu_counts(ids_of(candidates_a[i], words), ids_of(references_a[i], words)));
  return rows;
}

BleuCounts sum_of_a() {
  BleuCounts sum;
  for (const BleuCounts& row : rows_of_a()) sum.add(row);
  return sum;
}

void check_values(const Bleu& values, const Bleu& wanted) {
  for (std::size_t n = 0; n < 4; ++n) CHECK(values[n] == Approx(wanted[n]).margin(6e-7).epsilon(0));
}

}  // namespace

TEST_CASE("BLEU's counts of a corpus are sums of its rows' clipped matches and n-grams") {
  const BleuCounts sum = sum_of_a();
  CHECK(sum.matches == std::array<std::int64_t, 5>{16, 10, 4, 1, 0});
  CHECK(sum.ngrams == std::array<std::int64_t, 5>{19, 16, 13, 11, 9});
  CHECK(sum.candidate == 19);
  CHECK(sum.reference == 26);
  CHECK(brevity_penalty(19, 26) == Approx(0.6918258).margin(5e-8));
  BleuCounts twice, added;
  twice.add(sum, 2);
  added.add(sum), added.add(sum);
  CHECK(twice.matches == added.matches);
  CHECK(twice.reference == 52);
}

TEST_CASE("corpus BLEU is the geometric mean of summed precisions with the brevity penalty") {
  check_values(bleu(sum_of_a()), {0.582590, 0.501903, 0.377095, 0.240985});
}

TEST_CASE("a zero count makes corpus BLEU 0 and is flagged") {
  const BleuCounts row = rows_of_a()[1];
  CHECK(bleu(row)[2] > 0);
  CHECK(bleu(row)[3] == 0);
  CHECK(!has_zero_count(row, 3));
  CHECK(has_zero_count(row, 4));
}

TEST_CASE("the caption scripts add 1e-15 to matches and 1e-9 to totals") {
  const Bleu values = bleu_coco(sum_of_a());
  const Bleu wanted{0.58259017, 0.50190321, 0.37709530, 0.24098464};
  for (std::size_t n = 0; n < 4; ++n) CHECK(values[n] == Approx(wanted[n]).margin(6e-9).epsilon(0));
}

TEST_CASE("nltk's corpus BLEU counts an n-gram for a candidate that is shorter than n") {
  check_values(bleu_nltk(sum_of_a()), {0.582590, 0.501903, 0.367894, 0.231471});
}

TEST_CASE("sacrebleu has the same counts, times 100, with halved counts for zeros") {
  const SacreBleu all = sacrebleu(sum_of_a());
  CHECK(all.score == Approx(24.0985).margin(6e-5));
  const std::array<double, 4> precisions{84.2105, 62.5, 30.7692, 9.0909};
  for (std::size_t n = 0; n < 4; ++n) CHECK(all.precisions[n] == Approx(precisions[n]).margin(6e-5));
  // Row 2: no match of order 4 among 7; the first zero counts 1/2.
  CHECK(sacrebleu(rows_of_a()[1]).precisions[3] == Approx(100.0 / 14));
}

TEST_CASE("BLEU of an empty candidate is 0 in every variant") {
  WordTable words;
  const BleuCounts row = bleu_counts({}, ids_of(references_a[0], words));
  check_values(bleu(row), {});
  check_values(bleu_nltk(row), {});
  CHECK(sacrebleu(row).score == 0);
  for (const Smoothing smoothing : {Smoothing::none, Smoothing::method_1, Smoothing::method_7})
    check_values(sentence_bleu(row, smoothing), {});
}

TEST_CASE("sentence BLEU without smoothing is 0 from the first order without a match on") {
  const auto rows = rows_of_a();
  check_values(sentence_bleu(rows[0], Smoothing::none), {0.558376, 0.492442, 0.398304, 0.318504});
  check_values(sentence_bleu(rows[1], Smoothing::none), {0.8, 0.666667, 0.480750, 0});
  check_values(sentence_bleu(rows[2], Smoothing::none), {0.082085, 0.082085, 0, 0});
}

TEST_CASE("smoothing methods 1 to 4 replace zero counts as nltk does") {
  const auto rows = rows_of_a();
  const auto value = [&](std::size_t row, Smoothing smoothing, std::size_t n) {
    return sentence_bleu(rows[row], smoothing)[n - 1];
  };
  CHECK(value(1, Smoothing::method_1, 4) == Approx(0.199602).margin(6e-7));
  CHECK(value(2, Smoothing::method_1, 3) == Approx(0.038100).margin(6e-7));
  CHECK(value(2, Smoothing::method_1, 4) == Approx(0.025958).margin(6e-7));
  check_values(sentence_bleu(rows[0], Smoothing::method_2), {0.558376, 0.509726, 0.439041, 0.385356});
  CHECK(value(1, Smoothing::method_2, 4) == Approx(0.376060).margin(6e-7));
  CHECK(value(1, Smoothing::method_3, 4) == Approx(0.298475).margin(6e-7));
  CHECK(value(2, Smoothing::method_3, 3) == Approx(0.065151).margin(6e-7));
  CHECK(value(2, Smoothing::method_3, 4) == Approx(0.048808).margin(6e-7));
  CHECK(value(1, Smoothing::method_4, 4) == Approx(0.245877).margin(6e-7));
  CHECK(value(2, Smoothing::method_4, 3) == Approx(0.033719).margin(6e-7));
  CHECK(value(2, Smoothing::method_4, 4) == Approx(0.018173).margin(6e-7));
}

TEST_CASE("smoothing method 7 averages with neighbours and takes the 5-gram precision behind the last order") {
  const auto rows = rows_of_a();
  check_values(sentence_bleu(rows[0], Smoothing::method_7), {0.589397, 0.534738, 0.441235, 0.356653});
  check_values(sentence_bleu(rows[1], Smoothing::method_7), {0.866667, 0.750723, 0.573547, 0.384129});
  check_values(sentence_bleu(rows[2], Smoothing::method_7), {0.082085, 0.083591, 0.055539, 0.035781});
}

TEST_CASE(
    "EmpHi's precision is the mean and its recall the best of the candidates, after articles and marks are gone") {
  WordTable words;
  const Words reference = words_of("That is awesome ! i am happy for the you");
  const std::vector<Words> candidates{words_of("the that is great ! a i am so happy for you"), words_of("yes !")};
  const Bleu first = sentence_bleu(bleu_counts(ids_of(words_of("that is great i am so happy for you"), words),
                                               ids_of(words_of("that is awesome i am happy for you"), words)),
                                   Smoothing::method_7);
  const PrecisionRecall result = emphi_bleu(candidates, reference);
  check_values(result.recall, first);
  for (std::size_t n = 0; n < 4; ++n) CHECK(result.precision[n] == Approx(first[n] / 2));  // one word scores 0
  CHECK(harmonic_mean(0.5, 1) == Approx(2.0 / 3));
  CHECK(harmonic_mean(0, 0) == 0);
  CHECK_THROWS_WITH(emphi_bleu({}, reference), Catch::Contains("no candidates"));
}

TEST_CASE("Self-BLEU takes all other replies as references and the nearest length, of two the shorter") {
  WordTable words;
  const auto self_bleu = [](const std::vector<std::vector<std::int32_t>>& replies) {
    const std::vector<std::int32_t> one_group(replies.size(), 0);
    return SelfBleu(replies, one_group, 1).value();
  };
  check_values(self_bleu(ids_of_all(replies_b, words)), {0.727980, 0.682198, 0.576650, 0.552622});
  // Of single replies: 1, .245253, 1, .666667 at order 1; a reply without its twin differs from one with it.
  const auto alone = ids_of_all({replies_b[0], replies_b[1], replies_b[3]}, words);
  CHECK(self_bleu(alone)[0] < self_bleu(ids_of_all(replies_b, words))[0]);
  check_values(self_bleu(ids_of_all({replies_b[0]}, words)), {});
}
