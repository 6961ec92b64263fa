// How varied replies are, how they repeat, and the choice that accuracies rest on, by hand and on corpus B.

#include "model/blocks/figure_sums.h"
#include "model/metrics/distinct.h"
#include "model/metrics/repetition.h"
#include "tests/model/metric_texts.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace ethreed;

namespace {

NgramVariety variety_of_b(int n) {
  WordTable words;
  return {ids_of_all(replies_b, words), n, std::vector<std::int32_t>{0, 0, 1, 2}, 3};
}

}  // namespace

TEST_CASE("Distinct-n counts different n-grams of all replies, and none across two replies") {
  DistinctCounter counter;
  CHECK(counter.distinct_1() == 0.0);
  CHECK(counter.distinct_2() == 0.0);
  counter.add(std::vector<std::int32_t>{7, 8, 7, 8});  // bigrams 78 87 78
  counter.add(std::vector<std::int32_t>{8, 9});        // 89
  counter.add(std::vector<std::int32_t>{7});           // none; 9 7 would be one across replies
  counter.add(std::vector<std::int32_t>{});
  CHECK(counter.distinct_1() == Approx(100.0 * 3 / 7));
  CHECK(counter.distinct_2() == Approx(100.0 * 3 / 4));
  CHECK(counter.replies() == 4);
}

TEST_CASE("argmax is the first of equals") {
  const std::vector<double> values{1, 3, 2, 3};
  CHECK(argmax(std::span<const double>(values)) == 1);
}

TEST_CASE("Distinct-n and its kin differ in what they divide by") {
  const NgramVariety one = variety_of_b(1), two = variety_of_b(2), three = variety_of_b(3);
  CHECK(one.total() == 21);
  CHECK(one.distinct() == 10);
  CHECK(two.total() == 17);
  CHECK(two.distinct() == 10);
  CHECK(three.total() == 13);
  CHECK(three.distinct() == 9);
  CHECK(one.distinct_n() == Approx(0.476190).margin(6e-7));
  CHECK(two.distinct_n() == Approx(0.588235).margin(6e-7));
  CHECK(three.distinct_n() == Approx(0.692308).margin(6e-7));
  CHECK(one.distinct_n_words() == Approx(0.476190).margin(6e-7));
  CHECK(two.distinct_n_words() == Approx(0.476190).margin(6e-7));
  for (const NgramVariety* n : {&one, &two, &three}) CHECK(n->distinct_n_reply() == Approx(1));
}

TEST_CASE("expectation-adjusted Distinct divides by the number of n-grams to be expected of V words") {
  CHECK(variety_of_b(1).expectation_adjusted(100) == Approx(10 / 19.027213).margin(6e-7));
  CHECK(variety_of_b(1).expectation_adjusted(100) == Approx(0.525563).margin(6e-7));
  CHECK_THROWS_WITH(variety_of_b(1).expectation_adjusted(0), Catch::Contains("0 possible n-grams"));
}

TEST_CASE("the entropy of n-grams is in nats") {
  CHECK(variety_of_b(1).entropy() == Approx(2.202521).margin(6e-7));
  CHECK(variety_of_b(2).entropy() == Approx(2.231607).margin(6e-7));
}

TEST_CASE("Distinct-n of a draw of dialogues counts a dialogue's n-grams as often as it was drawn") {
  const NgramVariety one = variety_of_b(1);
  CHECK(one.distinct_n(std::vector<std::int32_t>{1, 1, 1}) == one.distinct_n());
  CHECK(one.distinct_n(std::vector<std::int32_t>{0, 2, 0}) == Approx(6.0 / 12));
  CHECK(one.distinct_n(std::vector<std::int32_t>{1, 0, 1}) == Approx(10.0 / 15));
  CHECK(std::isnan(one.distinct_n(std::vector<std::int32_t>{0, 0, 0})));
  CHECK_THROWS_WITH(one.distinct_n(std::vector<std::int32_t>{1}), Catch::Contains("1 weights for 3 groups"));
}

TEST_CASE("a reply repeats itself by the share of its n-grams that it has said before") {
  WordTable words;
  const auto reply = ids_of(words_of("i am so so so sorry i am so sorry"), words);
  CHECK(repetition(reply, 1) == Approx(0.6));
  CHECK(repetition(reply, 2) == Approx(0.444444).margin(6e-7));
  CHECK(repetition(reply, 3) == Approx(0.125));
  CHECK(repetition({}, 1) == 0);
}

TEST_CASE("duplicates, different replies and the most frequent one are shares of all replies") {
  const Duplicates d = duplicates(replies_b);
  CHECK(d.duplicate_replies == Approx(0.5));
  CHECK(d.unique_replies == Approx(0.75));
  CHECK(d.top_reply == Approx(0.5));
  CHECK(d.top_row == 0);
  CHECK(duplicates({}).unique_replies == 0);
  CHECK(duplicates(words_of_all({"z", "a"})).top_row == 0);  // of equals the first
}

TEST_CASE("a reply is copied from the training data if it stands there word by word") {
  CHECK(copied_from(replies_b, words_of_all({"that is great", "i am sorry to hear"})) ==
        std::vector<bool>{false, true, false, false});
}

TEST_CASE("lengths have their mean, median and the 95th percentile by nearest rank") {
  const Lengths lengths = lengths_of(replies_b);
  CHECK(lengths.mean == Approx(5.25));
  CHECK(lengths.median == 6);
  CHECK(lengths.p95 == 6);
  std::vector<Words> growing;
  for (int i = 1; i <= 20; ++i) growing.emplace_back(static_cast<std::size_t>(i), "x");
  CHECK(lengths_of(growing).p95 == 19);
  CHECK(lengths_of(growing).median == 10.5);
}

TEST_CASE("an n-gram is new if no utterance of the context has it") {
  WordTable words;
  const auto context = ids_of_all(words_of_all({"my dog ran", "away today"}), words);
  const auto reply = ids_of(words_of("my dog ran away"), words);
  const Novelty one = novelty(reply, context, 1), two = novelty(reply, context, 2);
  CHECK(one.novel == 0);
  CHECK(one.total == 4);
  CHECK(two.novel == 1);  // "ran away" crosses two utterances
  CHECK(two.total == 3);
}
