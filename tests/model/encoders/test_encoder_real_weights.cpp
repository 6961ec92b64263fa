// Real weights, where ETHREED_MINILM names the folder of all-MiniLM-L6-v2 (docs/encoders.md says where it is from).

#include "model/encoders/encoder_forward.h"
#include "model/encoders/text_encoder.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace ethreed;

namespace {

// The folder, or null, which the output says.
const char* minilm() {
  const char* folder = std::getenv("ETHREED_MINILM");
  if (folder == nullptr) std::printf("weights: not run, ETHREED_MINILM names no folder\n");
  return folder;
}

constexpr const char* proud = "I was so proud when my sister finally passed her exam!";

std::vector<std::vector<float>> states_of(TextEncoder& encoder, const std::vector<SubwordRow>& rows, int layer) {
  Runtime runtime;
  Context context = runtime.context();
  std::vector<std::vector<float>> states(rows.size());
  encoder.encode(context, rows, layer, [&](int row, std::span<const float> of_row) {
    states[static_cast<std::size_t>(row)].assign(of_row.begin(), of_row.end());
  });
  return states;
}

void check_first(const float* states, std::initializer_list<double> wanted) {
  for (const double value : wanted) CHECK(static_cast<double>(*states++) == Approx(value).margin(2e-6).epsilon(0));
}

// The mean over all tokens, of length 1.
std::vector<double> mean_of(const std::vector<float>& states, std::size_t d) {
  std::vector<double> mean(d);
  for (std::size_t i = 0; i < states.size(); ++i) mean[i % d] += static_cast<double>(states[i]);
  double squares = 0;
  for (const double v : mean) squares += v * v;
  for (double& v : mean) v /= std::sqrt(squares);
  return mean;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

TEST_CASE("MiniLM-L6's weights give the hidden states, sentence vectors and cosines of their reference") {
  const char* folder = minilm();
  if (folder == nullptr) return;
  TextEncoder encoder(folder);
  const std::vector<SubwordRow> rows{encoder.row_of(proud),
                                     encoder.row_of("My sister passed her exam and I felt proud."),
                                     encoder.row_of("I was terrified of the storm last night.")};
  CHECK(rows[0].ids ==
        std::vector<std::int32_t>{101, 1045, 2001, 2061, 7098, 2043, 2026, 2905, 2633, 2979, 2014, 11360, 999, 102});
  const auto first = states_of(encoder, rows, 0), last = states_of(encoder, rows, 6);
  check_first(first[0].data(), {-.176568, -.048236, .037698, -.015718});
  check_first(last[0].data(), {.224660, .137741, -.329408, .047902});
  check_first(last[0].data() + 13 * 384, {.346419, -.109536, -.071314, .392869});
  const std::vector<double> mean = mean_of(last[0], 384);
  const std::vector<double> wanted{.033176, .067294, -.038245, -.019276};
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(mean[i] == Approx(wanted[i]).margin(2e-6).epsilon(0));
  CHECK(dot(mean, mean_of(last[1], 384)) == Approx(.929377).margin(2e-6).epsilon(0));
  CHECK(dot(mean, mean_of(last[2], 384)) == Approx(.233186).margin(2e-6).epsilon(0));

  PretrainedEncoder<float> pooled = read_encoder<float>(folder, EncoderHead::pooler);
  CHECK(pooled.layout.block.parameter_count() == 22'713'216);
  Runtime runtime;
  Context context = runtime.context();
  Tape<float> tape(context, false);
  EncoderBatch batch(pooled.layout.config);
  batch.add(rows[0].ids);
  const auto handles = bind_encoder(tape, pooled.layout, pooled.values.data(), static_cast<float*>(nullptr));
  const Variable<float> states = encoder_state(tape, pooled.layout.config, handles, batch, 6);
  check_first(encoder_pooled(tape, handles, batch, states).data(), {.025835, .035406, -.023519, .066329});
}
