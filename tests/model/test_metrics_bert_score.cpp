// BERTScore's arithmetic: by hand, and on the figures that its implementation publishes.

#include "model/metrics/bert_score.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>

using namespace ethreed;
using Catch::Contains;

namespace {

const BertScore& baseline_of(std::string_view encoder) {
  for (const BertScoreBaseline& baseline : bert_score_baselines())
    if (baseline.encoder == encoder) return baseline.value;
  throw std::out_of_range(std::string(encoder));
}

double f_of(double p, double r) { return 2 * p * r / (p + r); }

}  // namespace

TEST_CASE("BERTScore takes each token's best match, special tokens as matches but without a weight of their own") {
  // In the plane: [CLS], a, b, [SEP] against [CLS], c, [SEP].
  const std::vector<float> x{1, 0, .6F, .8F, 0, 1, 0, -1}, y{1, 0, .8F, .6F, 0, 1};
  const std::vector<double> wx{0, 1, 1, 0}, wy{0, 1, 0};
  const BertScore score = bert_score({x, wx}, {y, wy}, 2);
  CHECK(score.precision == Approx((.96 + 1.0) / 2));  // a with c; b with [SEP]
  CHECK(score.recall == Approx(.96));                 // c with a
  CHECK(score.f == Approx(f_of(.98, .96)));
  const BertScore back = bert_score({y, wy}, {x, wx}, 2);
  CHECK(back.precision == Approx(score.recall));
  CHECK(back.recall == Approx(score.precision));
  const std::vector<double> heavy{0, 3, 1, 0};
  CHECK(bert_score({x, heavy}, {y, wy}, 2).precision == Approx((3 * .96 + 1.0) / 4));
}

TEST_CASE("BERTScore is 0 where a side has nothing but special tokens, and below 0 where all is opposite") {
  const std::vector<float> x{1, 0, 0, 1}, y{1, 0, .6F, .8F, 0, 1};
  const std::vector<double> nothing{0, 0}, something{0, 1, 0};
  for (const BertScore& score :
       {bert_score({x, nothing}, {y, something}, 2), bert_score({y, something}, {x, nothing}, 2)}) {
    CHECK(score.precision == 0);
    CHECK(score.recall == 0);
    CHECK(score.f == 0);
  }
  const std::vector<float> one{1, 0}, other{-1, 0};
  const std::vector<double> weight{1};
  CHECK(bert_score({one, weight}, {other, weight}, 2).f == Approx(-1));
  CHECK(bert_score({one, weight}, {one, weight}, 2).f == Approx(1));
  CHECK_THROWS_WITH(bert_score({one, weight}, {x, weight}, 2), Contains("4 numbers for 1 tokens"));
}

TEST_CASE("BERTScore of the implementation's own pairs: F of P and R, each rescaled by its own baseline") {
  struct Pair {
    BertScore raw, wanted;
  };
  const std::array pairs{
      Pair{{.9843302, .9823839, .9833561}, {.9070008, .8954568, .9013834}},
      Pair{{.9832240, .9732864, .9782300}, {.9004356, .8414674, .8710108}},
      Pair{{.9120386, .9204290, .9162146}, {.4779556, .5277851, .5035652}},
      Pair{{.9837872, .9827191, .9832529}, {.9037781, .8974461, .9007721}},
      Pair{{.9754739, .9697767, .9726170}, {.8544390, .8206398, .8377535}},
      Pair{{.8947395, .9172919, .9058754}, {.3752874, .5091679, .4423046}},
  };
  for (const Pair& pair : pairs) {
    CHECK(f_of(pair.raw.precision, pair.raw.recall) == Approx(pair.raw.f).margin(2e-7).epsilon(0));
    const BertScore got = rescaled(pair.raw, baseline_of("roberta-large"));
    CHECK(got.precision == Approx(pair.wanted.precision).margin(1e-6).epsilon(0));
    CHECK(got.recall == Approx(pair.wanted.recall).margin(1e-6).epsilon(0));
    CHECK(got.f == Approx(pair.wanted.f).margin(1e-6).epsilon(0));
  }
  // An empty reply, and the paper's own figure, rescaled.
  CHECK(rescaled({}, baseline_of("roberta-large")).f == Approx(-4.9251).margin(5e-5).epsilon(0));
  CHECK(rescaled({.f = .869369}, baseline_of("roberta-large")).f == Approx(.226).margin(5e-5).epsilon(0));
}

TEST_CASE("BERTScore of several references is the largest of each figure") {
  const BertScore best = larger_of({.3, .9, .5}, {.4, .6, .45});
  CHECK(best.precision == .4);
  CHECK(best.recall == .9);
  CHECK(best.f == .5);
}

TEST_CASE("rarity counts a token once a reference, one that no reference has is the rarest") {
  TokenRarity rarity;
  for (const auto& reference : {std::vector<std::int32_t>{0, 5, 5, 2}, {0, 5, 6, 2}, {0, 2}}) rarity.add(reference);
  CHECK(rarity.weight(0) == 0);
  CHECK(rarity.weight(2) == 0);
  CHECK(rarity.weight(5) == Approx(std::log(4.0 / 3)));
  CHECK(rarity.weight(6) == Approx(std::log(2.0)));
  CHECK(rarity.weight(7) == Approx(std::log(4.0)));
}
