// Encoders of BERT's family: against their textbook, by finite differences, in float, on the emulated device, and
// whatever else is in the batch.

#include "autograd/gradient_checker.h"
#include "kernels/gemm/gemm.h"
#include "model/encoders/like_rows.h"
#include "tests/kernels/same_bits.h"
#include "tests/model/encoders/encoder_bench.h"
#include "tests/model/encoders/tiny_encoder.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

const TokenRows texts{{4, 5, 9, 13, 2, 7, 7, 3, 8, 4}, {4, 19, 2}, {8}, {4, 1, 6, 3, 5}};
const TokenRows segments{{0, 0, 0, 1, 1, 1, 1, 0, 1, 1}, {0, 1, 1}, {1}, {0, 0, 0, 0, 0}};
const std::vector<std::int32_t> labels{2, 0, 1, 1};

// Numbers without a pattern, with means of heads and layers that differ.
reference::Parameters random_of(const TinyEncoder& m) {
  reference::Parameters p = tensors_of(m);
  std::uint64_t stream = 0;
  for (auto& [name, parameter] : p) {
    const PhiloxStream random(11, stream++);
    for (std::size_t k = 0; k < parameter.values.size(); ++k)
      parameter.values[k] = 0.4 * random.normal(k) + (is_norm_weight(name) ? 1 : 0);
  }
  return p;
}

TinyEncoder odd(TinyEncoder m) {  // no two sizes alike
  m.width = 12;
  m.heads = 3;
  m.inner = 10;
  m.layers = 3;
  m.labels = 4;
  return m;
}

template <class T> PretrainedEncoder<T> encoder_of(const TinyEncoder& m, EncoderHead head = EncoderHead::classifier) {
  const TemporaryFolder folder;
  write_encoder(folder.path(), config_of(m), list_of(random_of(m)));
  return read_encoder<T>(folder.path(), head);
}

std::vector<TinyEncoder> all() {
  return {odd(tiny_bert()), odd(tiny_roberta()), odd(tiny_distilbert()), odd(tiny_mpnet())};
}

// Segments that the model has.
TokenRows segments_for(const TinyEncoder& m) { return m.types == 2 ? segments : TokenRows{}; }

template <class A, class B> void check_close(const A& got, const B& wanted, double tolerance) {
  REQUIRE(std::size(got) == std::size(wanted));
  double worst = 0;
  for (std::size_t i = 0; i < std::size(wanted); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i])) /
                                (1 + std::abs(static_cast<double>(wanted[i]))));
  CHECK(worst <= tolerance);
}

}  // namespace

TEST_CASE("encoders: every hidden state and the logits are the textbook's, for texts of any length") {
  for (const TinyEncoder& m : all()) {
    INFO(m.family);
    const reference::Parameters p = random_of(m);
    EncoderBench<double> bench(encoder_of<double>(m));
    bench.set(texts, segments_for(m));
    for (int layer = 0; layer <= m.layers; ++layer) {
      std::vector<double> wanted, logits;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto types = m.types == 2 ? segments[i] : std::vector<std::int32_t>(texts[i].size());
        const reference::Rows states = reference::encoder_state(m, p, texts[i], types, layer);
        for (const reference::Vector& row : states) wanted.insert(wanted.end(), row.begin(), row.end());
        const reference::Vector of_text = reference::encoder_logits(m, p, states);
        logits.insert(logits.end(), of_text.begin(), of_text.end());
      }
      check_close(bench.state(layer), wanted, 1e-12);
      if (layer == m.layers) check_close(bench.logits(), logits, 1e-12);
    }
  }
}

TEST_CASE("encoders: the pooler is tanh of a linear layer of the first token's state") {
  const TinyEncoder m = odd(tiny_bert());
  EncoderBench<double> bench(encoder_of<double>(m, EncoderHead::pooler));
  bench.set(texts, segments);
  const reference::Parameters p = random_of(m);
  std::vector<double> wanted;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const reference::Vector pooled = reference::tanh_of(
        reference::affine(p, "bert.pooler.dense", reference::encoder_state(m, p, texts[i], segments[i], m.layers)[0]));
    wanted.insert(wanted.end(), pooled.begin(), pooled.end());
  }
  check_close(bench.pooled(), wanted, 1e-12);
  CHECK_THROWS_WITH(bench.logits(), Contains("without its head"));
  EncoderBench<double> bare(encoder_of<double>(m, EncoderHead::none));
  bare.set(texts);
  CHECK_THROWS_WITH(bare.pooled(), Contains("without its pooler"));
  CHECK_THROWS_WITH(encoder_of<double>(tiny_distilbert(), EncoderHead::pooler), Contains("has none"));
}

TEST_CASE("encoders: the gradient of every parameter agrees with finite differences, dropout on") {
  for (const TinyEncoder& m : {tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()}) {
    INFO(m.family);
    EncoderBench<double> bench(encoder_of<double>(m));
    bench.set(texts, segments_for(m));
    const std::vector<std::int32_t> classes{2, 0, 1, 1};
    const EncoderDropout dropout{.on = true, .seed = 3, .step = 5};
    bench.loss(classes, true, dropout);
    const Tensor<double> analytic = bench.gradients.clone();
    std::vector<NamedArray> arrays;
    for (const ParameterLayout::Entry& entry : bench.layout.block.entries())
      arrays.push_back(
          {entry.name, bench.values.data() + entry.offset, entry.shape.count(), analytic.data() + entry.offset});
    const GradientReport report = check_scalar_function([&] { return bench.loss(classes, false, dropout); }, arrays);
    INFO(report.text());
    CHECK(report.passed());
    CHECK(report.inputs.size() == bench.layout.block.entries().size());
  }
}

TEST_CASE("encoders: dropout changes the loss by its seed and its step, and is off unless asked for") {
  EncoderBench<double> bench(encoder_of<double>(tiny_roberta()));
  bench.set(texts);
  const double off = bench.loss(labels, false);
  const double on = bench.loss(labels, false, {.on = true, .seed = 1});
  CHECK(on != off);
  CHECK(bench.loss(labels, false, {.on = true, .seed = 1}) == on);
  CHECK(bench.loss(labels, false, {.on = true, .seed = 2}) != on);
  CHECK(bench.loss(labels, false, {.on = true, .seed = 1, .step = 1}) != on);
}

TEST_CASE("encoders: every layer draws dropout masks of its own") {
  // One of two layers adds nothing, and all norms are plain: only the masks can tell which one works.
  const TinyEncoder m = tiny_roberta();
  reference::Parameters p = random_of(m);
  for (auto& [name, parameter] : p)
    if (name.find("LayerNorm") != std::string::npos)
      std::fill(parameter.values.begin(), parameter.values.end(), is_norm_weight(name) ? 1.0 : 0.0);
  const auto loss = [&](int layer, double attention_dropout, double dropout) {
    const std::string working = m.part(layer, "", ""), idle = m.part(1 - layer, "", "");
    reference::Parameters q = p;
    for (auto& [name, parameter] : q) {
      if (name.starts_with(working)) parameter.values = p.at(m.part(0, "", "") + name.substr(working.size())).values;
      if (name.starts_with(idle + "attention.output.dense") || name.starts_with(idle + "output.dense"))
        std::fill(parameter.values.begin(), parameter.values.end(), 0.0);
    }
    const TemporaryFolder folder;
    write_encoder(folder.path(), config_of(m), list_of(q));
    EncoderBench<double> bench(read_encoder<double>(folder.path(), EncoderHead::classifier));
    EncoderConfig& config = bench.layout.config;
    config.attention_dropout = attention_dropout;
    config.dropout = dropout;
    config.head_dropout = 0;
    bench.set(texts);
    return bench.loss(labels, false, {.on = true, .seed = 1});
  };
  CHECK(loss(0, 0, 0) == Approx(loss(1, 0, 0)).epsilon(1e-4));
  CHECK(loss(0, 0.5, 0) != Approx(loss(1, 0.5, 0)).epsilon(1e-3));
  CHECK(loss(0, 0, 0.5) != Approx(loss(1, 0, 0.5)).epsilon(1e-3));
}

TEST_CASE("encoders: float is double up to rounding, states, loss and gradients") {
  for (const TinyEncoder& m : all()) {
    INFO(m.family);
    EncoderBench<double> exact(encoder_of<double>(m));
    EncoderBench<float> single(encoder_of<float>(m));
    exact.set(texts, segments_for(m));
    single.set(texts, segments_for(m));
    check_close(single.state(m.layers), exact.state(m.layers), 2e-5);
    const std::vector<std::int32_t> classes{2, 0, 3, 1};
    CHECK(single.loss(classes, true) == Approx(exact.loss(classes, true)).epsilon(1e-5));
    check_close(single.gradients.span(), exact.gradients.span(), 1e-4);
  }
}

TEST_CASE("encoders: a text's states do not depend on what else is in the batch") {
  for (const TinyEncoder& m : all()) {
    INFO(m.family);
    EncoderBench<double> bench(encoder_of<double>(m));
    bench.set(texts, segments_for(m));
    const std::vector<double> together = bench.state(m.layers);
    std::size_t row = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      bench.set({texts[i]}, m.types == 2 ? TokenRows{segments[i]} : TokenRows{});
      const std::vector<double> alone = bench.state(m.layers);
      check_close(alone,
                  std::vector<double>(together.begin() + static_cast<std::ptrdiff_t>(row),
                                      together.begin() + static_cast<std::ptrdiff_t>(row + alone.size())),
                  1e-13);
      row += alone.size();
    }
  }
}

TEST_CASE("encoders: where nothing is recorded the loss is that of a recording pass, up to rounding") {
  for (const TinyEncoder& m : all()) {
    INFO(m.family);
    EncoderBench<double> bench(encoder_of<double>(m));
    bench.set(texts, segments_for(m));
    const double without = bench.loss({2, 0, 3, 1}, false);
    CHECK(bench.loss({2, 0, 3, 1}, true) == Approx(without).epsilon(1e-13));
  }
}

TEST_CASE("encoders: packed weights give the bits of weights as they are, in float and bfloat16, on any threads") {
  TinyEncoder m = tiny_bert();
  m.width = 32;
  m.inner = 96;
  for (const GemmPrecision precision : {GemmPrecision::full, GemmPrecision::bf16}) {
    if (precision == GemmPrecision::bf16 && !has_bf16_products()) continue;
    for (const int threads : {1, 2, 3}) {
      EncoderBench<float> bench(encoder_of<float>(m), Device::cpu, threads);
      bench.set_precision(precision);
      bench.set(texts, segments);
      const std::vector<float> states = bench.state(m.layers), logits = bench.logits();
      const Tensor<float> before = bench.values.clone();
      bench.pack();
      CHECK_FALSE(test::same_bits(bench.values, before));  // in place
      CHECK(bench.state(m.layers) == states);
      CHECK(bench.logits() == logits);
      CHECK_THROWS_WITH(bench.loss({2, 0, 1, 1}, true), Contains("packed weight"));
      if (!has_bf16_products()) continue;
      bench.set_precision(precision == GemmPrecision::full ? GemmPrecision::bf16 : GemmPrecision::full);
      CHECK_THROWS_WITH(bench.state(m.layers), Contains("another precision"));
    }
  }
}

TEST_CASE("encoders: weights whose size is no multiple of a packed line stay as they are") {
  TinyEncoder half = tiny_roberta();  // whole lines of float, half a line of bfloat16
  half.width = 48;
  half.inner = 80;
  for (const TinyEncoder& m : {odd(tiny_roberta()), half})
    for (const GemmPrecision precision : {GemmPrecision::full, GemmPrecision::bf16}) {
      if (precision == GemmPrecision::bf16 && !has_bf16_products()) continue;
      EncoderBench<float> bench(encoder_of<float>(m));
      bench.set_precision(precision);
      bench.set(texts);
      const std::vector<float> states = bench.state(m.layers);
      const Tensor<float> before = bench.values.clone();
      bench.pack();
      CHECK(test::same_bits(bench.values, before));
      CHECK(bench.state(m.layers) == states);
    }
}

TEST_CASE("encoders: rows of like length are read together, the longest first, and none without tokens") {
  const int length = 10, rows = tokens_at_once / length + 1;  // more than a batch holds
  std::vector<SubwordRow> texts_of(static_cast<std::size_t>(rows) + 3);
  for (int i = 0; i < rows; ++i) texts_of[static_cast<std::size_t>(i) + 2].ids.assign(length, 4);
  texts_of[0].ids = {4, 5};
  texts_of.back().ids = {4, 5, 6};
  std::vector<std::int32_t> order;
  int batches = 0;
  const EncoderLayout layout = encoder_of<float>(tiny_bert()).layout;
  for_like_rows(layout.config, texts_of, [&](const EncoderBatch& batch, Indices numbers) {
    ++batches;
    CHECK(batch.texts() == numbers.size());
    CHECK(batch.tokens() <= tokens_at_once);
    order.insert(order.end(), numbers.begin(), numbers.end());
  });
  std::vector<std::int32_t> wanted;
  for (int i = 0; i < rows; ++i) wanted.push_back(i + 2);
  wanted.insert(wanted.end(), {rows + 2, 0});
  CHECK(order == wanted);
  CHECK(batches == 2);
}

TEST_CASE("encoders: 1, 2 and 3 threads give the same bits") {
  const TinyEncoder m = odd(tiny_roberta());
  std::vector<std::vector<float>> gradients;
  for (const int threads : {1, 2, 3}) {
    EncoderBench<float> bench(encoder_of<float>(m), Device::cpu, threads);
    bench.set(texts);
    bench.loss({2, 0, 3, 1}, true, {.on = true, .seed = 9});
    gradients.emplace_back(bench.gradients.span().begin(), bench.gradients.span().end());
  }
  CHECK(gradients[0] == gradients[1]);
  CHECK(gradients[0] == gradients[2]);
}

TEST_CASE("encoders on the emulated device are those of the CPU, gradients too") {
  for (const TinyEncoder& m : {tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()}) {
    INFO(m.family);
    EncoderBench<double> cpu(encoder_of<double>(m)), emulated(encoder_of<double>(m), Device::emulated);
    cpu.set(texts, segments_for(m));
    emulated.set(texts, segments_for(m));
    const EncoderDropout dropout{.on = true, .seed = 4};
    check_close(emulated.state(m.layers), cpu.state(m.layers), 1e-12);
    CHECK(emulated.loss(labels, true, dropout) == Approx(cpu.loss(labels, true, dropout)).epsilon(1e-12));
    check_close(emulated.gradients.span(), cpu.gradients.span(), 1e-11);
  }
}

TEST_CASE("encoders: a new head starts with N(0, 0.02²) and no bias, and leaves the encoder alone") {
  PretrainedEncoder<float> encoder = encoder_of<float>(odd(tiny_roberta()));
  const Tensor<float> before = encoder.values.clone();
  start_classifier(encoder.layout, 7, encoder.values.data());
  for (const EncoderTensor& tensor : encoder.layout.tensors) {
    const float *now = encoder.values.data() + tensor.offset, *then = before.data() + tensor.offset;
    const std::int64_t count = tensor.shape.count();
    INFO(tensor.name);
    if (!tensor.name.starts_with("classifier.")) {
      CHECK(std::equal(now, now + count, then));
    } else if (tensor.name.ends_with(".bias")) {
      CHECK(std::all_of(now, now + count, [](float x) { return x == 0; }));
    } else {
      double squares = 0;
      for (std::int64_t i = 0; i < count; ++i) squares += static_cast<double>(now[i]) * static_cast<double>(now[i]);
      CHECK(std::sqrt(squares / static_cast<double>(count)) == Approx(0.02).epsilon(0.25));
    }
  }
}

TEST_CASE("MPNet's rows for distances are those of its reference") {
  for (const auto& [distance, row] :
       {std::pair(-200, 15), std::pair(-64, 14), std::pair(-20, 10), std::pair(-12, 9), std::pair(-9, 8),
        std::pair(-8, 8), std::pair(-7, 7), std::pair(-1, 1), std::pair(0, 0), std::pair(1, 17), std::pair(7, 23),
        std::pair(8, 24), std::pair(12, 25), std::pair(16, 26), std::pair(64, 30), std::pair(127, 31)})
    CHECK(distance_row(distance) == row);
  for (int distance = -600; distance <= 600; ++distance) CHECK(distance_row(distance) == reference::bucket(distance));
}

TEST_CASE("encoders: rows that the tables do not have are refused") {
  EncoderBench<double> bench(encoder_of<double>(tiny_roberta()));
  const auto refused = [&](const TokenRows& rows, const TokenRows& types, const char* words) {
    CHECK_THROWS_WITH(bench.set(rows, types), Contains(words));
  };
  refused({{}}, {}, "a row of 0 tokens");
  refused({std::vector<std::int32_t>(11, 4)}, {}, "a row of 11 tokens, wanted 1 to 10");  // 12 positions from 2 on
  refused({{4, 20}}, {}, "token 20 of a vocabulary of 20");
  refused({{-1}}, {}, "token -1");
  refused({{4, 5}}, {{0, 1}}, "segment 1, where the model has 1");
  refused({{4, 5}}, {{0}}, "1 types for 2 tokens");
  bench.set({std::vector<std::int32_t>(10, 4)});
  CHECK(bench.batch.positions.back() == 11);
  CHECK_THROWS_WITH(bench.state(3), Contains("layer 3 is wanted of a model with 2"));
  CHECK_THROWS_WITH(bench.state(-1), Contains("layer -1"));
  bench.batch.clear();
  CHECK_THROWS_WITH(bench.state(1), Contains("without texts"));
}
