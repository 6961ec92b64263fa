// The tiny encoders of the specification: hidden states, logits, loss and gradients that were computed by others.

#include "tests/model/encoders/encoder_bench.h"
#include "tests/model/encoders/tiny_encoder.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

EncoderBench<double> bench_of(const TinyEncoder& m) {
  const TemporaryFolder folder;
  write_encoder(folder.path(), config_of(m), list_of(sines_of(m)));
  return EncoderBench<double>(read_encoder<double>(folder.path(), EncoderHead::classifier));
}

// The first four numbers of a row, as they are printed.
void check_row(const std::vector<double>& states, int row, std::initializer_list<double> wanted) {
  std::size_t at = static_cast<std::size_t>(row) * 8;
  for (const double value : wanted) CHECK(states[at++] == Approx(value).margin(5.1e-11).epsilon(0));
}

void check_norm(const EncoderBench<double>& bench, const std::string& name, double wanted) {
  INFO(name);
  CHECK(bench.gradient_norm(name) == Approx(wanted).margin(5.1e-11).epsilon(0));
}

// A key's bias moves all logits of a query alike.
void check_key_bias(const EncoderBench<double>& bench, const char* query = "self.query", const char* key = "self.key") {
  for (const char* layer : {"0", "1"}) {
    const std::string attention = fmt::format("encoder.layer.{}.attention.", layer);
    CHECK(bench.gradient_norm(attention + key + ".bias") < 1e-15);
    CHECK(bench.gradient_norm(attention + query + ".bias") > 1e-3);
  }
}

}  // namespace

TEST_CASE("a tiny RoBERTa has the hidden states, logits, loss and gradients of its reference") {
  EncoderBench<double> bench = bench_of(tiny_roberta());
  CHECK(bench.layout.tensors.size() == 41);
  bench.set({{0, 5, 9, 13, 2}, {0, 7, 2}});  // row 2 has two pads behind these in the reference
  check_row(bench.state(0), 1, {.5117328053, 1.4583965764, 1.6571710770, .9437519215});
  const std::vector<double> last = bench.state(2);
  check_row(last, 0, {.6936764982, .1468763455, -1.8262243762, -2.0602476887});
  check_row(last, 5 + 2, {1.3020419022, .7309480314, -.7735527965, -1.7794895051});
  const std::vector<double> logits = bench.logits(),
                            wanted{1.2590132104, .9951557957, .2856195172, .6876605880, -.1039391476, -.8478689310};
  REQUIRE(logits.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(logits[i] == Approx(wanted[i]).margin(5.1e-11).epsilon(0));
  CHECK(bench.loss({2, 0}, true) == Approx(1.124422938373).margin(5.1e-13).epsilon(0));
  check_norm(bench, "embeddings.word_embeddings.weight", .4873252547);
  check_norm(bench, "embeddings.position_embeddings.weight", .4831410833);
  check_norm(bench, "encoder.layer.0.attention.self.query.weight", .1391111834);
  check_norm(bench, "encoder.layer.0.intermediate.dense.weight", .1259489359);
  check_norm(bench, "encoder.layer.1.output.dense.weight", .4328814010);
  check_norm(bench, "embeddings.LayerNorm.weight", .1837699884);
  check_norm(bench, "classifier.dense.weight", .5152076055);
  check_key_bias(bench);
}

TEST_CASE("a tiny BERT has the hidden states, logits, loss and gradients of its reference") {
  EncoderBench<double> bench = bench_of(tiny_bert());
  CHECK(bench.layout.tensors.size() == 41);
  bench.set({{2, 5, 9, 13, 3}, {2, 7, 3}});
  check_row(bench.state(0), 1, {1.6109161047, .5604004654, -.5177558488, -.9448821414});
  const std::vector<double> last = bench.state(2);
  check_row(last, 0, {1.4307803529, .1917700377, -1.6547538023, -1.2656576432});
  check_row(last, 5 + 2, {1.1887600027, .8895601721, -.8765053889, -1.9066767326});
  const std::vector<double> logits = bench.logits(),
                            wanted{-.5710295237, -.2824376719, .1270999569, -.7498424234, -.6418526472, -.2515871255};
  REQUIRE(logits.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(logits[i] == Approx(wanted[i]).margin(5.1e-11).epsilon(0));
  CHECK(bench.loss({2, 0}, true) == Approx(1.047588786913).margin(5.1e-13).epsilon(0));
  check_norm(bench, "embeddings.word_embeddings.weight", 3.2850722196);
  check_norm(bench, "embeddings.position_embeddings.weight", 3.2189956322);
  check_norm(bench, "encoder.layer.0.attention.self.query.weight", .7299723180);
  check_norm(bench, "encoder.layer.0.intermediate.dense.weight", .3232708702);
  check_norm(bench, "encoder.layer.1.output.dense.weight", .0863458480);
  check_norm(bench, "embeddings.LayerNorm.weight", .6794354963);
  check_norm(bench, "pooler.dense.weight", .3410710473);
  check_norm(bench, "classifier.weight", .6225638774);
  check_key_bias(bench);
}

TEST_CASE("a tiny MPNet has the hidden states, logits, loss and gradients of its reference") {
  EncoderBench<double> bench = bench_of(tiny_mpnet());
  CHECK(bench.layout.tensors.size() == 41);
  bench.set({{0, 5, 9, 13, 2}, {0, 7, 2}});
  check_row(bench.state(0), 1, {-1.3156755499, -.0793859283, 1.3213794904, 1.8855818418});
  const std::vector<double> last = bench.state(2);
  check_row(last, 0, {.5497501371, .2762791224, -.8443928805, -.8464740464});
  check_row(last, 5 + 2, {.2300661720, .7987468664, -.2128404472, -.9971825300});
  const std::vector<double> logits = bench.logits(),
                            wanted{.2780083460, -.3259388432, -.7825674669, -.1019638596, -.5836877283, -.8023977423};
  REQUIRE(logits.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(logits[i] == Approx(wanted[i]).margin(5.1e-11).epsilon(0));
  CHECK(bench.loss({2, 0}, true) == Approx(1.223656156688).margin(5.1e-13).epsilon(0));
  check_norm(bench, "embeddings.word_embeddings.weight", 2.4207262726);
  check_norm(bench, "embeddings.position_embeddings.weight", 2.3993743627);
  check_norm(bench, "encoder.layer.0.attention.attn.q.weight", .3576674212);
  check_norm(bench, "encoder.layer.0.intermediate.dense.weight", .0980204764);
  check_norm(bench, "encoder.layer.1.output.dense.weight", .0952926875);
  check_norm(bench, "embeddings.LayerNorm.weight", .3756642846);
  check_norm(bench, "encoder.relative_attention_bias.weight", .1846375601);
  check_norm(bench, "classifier.dense.weight", .3086057179);
  check_key_bias(bench, "attn.q", "attn.k");
}
