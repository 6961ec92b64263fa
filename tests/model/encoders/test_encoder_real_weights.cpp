// Real weights, where ETHREED_MINILM and ETHREED_MPNET name the folders of all-MiniLM-L6-v2 and all-mpnet-base-v2
// (docs/encoders.md says where they are from).

#include "model/encoders/encoder_forward.h"
#include "model/encoders/text_encoder.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace ethreed;

namespace {

// The folder that this variable names, or null, which the output says.
const char* folder_of(const char* variable) {
  const char* folder = std::getenv(variable);
  if (folder == nullptr) std::printf("weights: not run, %s names no folder\n", variable);
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

void check_first(const float* states, const std::vector<double>& wanted) {
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

// What a model makes of the three sentences.
struct Wanted {
  std::vector<std::int32_t> ids;
  std::vector<double> first, last, last_token, pooled, mean;  // the first four numbers of each
  double like, unlike;                                        // cosines
  std::int64_t parameters;
};

void check_model(const char* folder, const Wanted& wanted) {
  TextEncoder encoder(folder);
  const auto d = static_cast<std::size_t>(encoder.config().width);
  const std::vector<SubwordRow> rows{encoder.row_of(proud),
                                     encoder.row_of("My sister passed her exam and I felt proud."),
                                     encoder.row_of("I was terrified of the storm last night.")};
  CHECK(rows[0].ids == wanted.ids);
  const int layers = encoder.config().layers;
  const auto first = states_of(encoder, rows, 0), last = states_of(encoder, rows, layers);
  check_first(first[0].data(), wanted.first);
  check_first(last[0].data(), wanted.last);
  check_first(last[0].data() + 13 * d, wanted.last_token);
  const std::vector<double> mean = mean_of(last[0], d);
  std::size_t i = 0;
  for (const double value : wanted.mean) CHECK(mean[i++] == Approx(value).margin(2e-6).epsilon(0));
  CHECK(dot(mean, mean_of(last[1], d)) == Approx(wanted.like).margin(2e-6).epsilon(0));
  CHECK(dot(mean, mean_of(last[2], d)) == Approx(wanted.unlike).margin(2e-6).epsilon(0));

  PretrainedEncoder<float> pooled = read_encoder<float>(folder, EncoderHead::pooler);
  CHECK(pooled.layout.block.parameter_count() == wanted.parameters);
  Runtime runtime;
  Context context = runtime.context();
  Tape<float> tape(context, false);
  EncoderBatch batch(pooled.layout.config);
  batch.add(rows[0].ids);
  const auto handles = bind_encoder(tape, pooled.layout, pooled.values.data(), static_cast<float*>(nullptr));
  const Variable<float> states = encoder_state(tape, pooled.layout.config, handles, batch, layers);
  check_first(encoder_pooled(tape, handles, batch, states).data(), wanted.pooled);
}

}  // namespace

TEST_CASE("MiniLM-L6's weights give the hidden states, sentence vectors and cosines of their reference") {
  if (const char* folder = folder_of("ETHREED_MINILM"))
    check_model(folder, {.ids = {101, 1045, 2001, 2061, 7098, 2043, 2026, 2905, 2633, 2979, 2014, 11360, 999, 102},
                         .first = {-.176568, -.048236, .037698, -.015718},
                         .last = {.224660, .137741, -.329408, .047902},
                         .last_token = {.346419, -.109536, -.071314, .392869},
                         .pooled = {.025835, .035406, -.023519, .066329},
                         .mean = {.033176, .067294, -.038245, -.019276},
                         .like = .929377,
                         .unlike = .233186,
                         .parameters = 22'713'216});
}

// .097521 and .073726 come from a program of their own, in double with numpy, which has the other numbers, too.
TEST_CASE("MPNet's weights give the hidden states, sentence vectors and cosines of their reference") {
  if (const char* folder = folder_of("ETHREED_MPNET"))
    check_model(folder, {.ids = {0, 1049, 2005, 2065, 7102, 2047, 2030, 2909, 2637, 2983, 2018, 11364, 1003, 2},
                         .first = {.025114, .071971, -.020045, .040383},
                         .last = {-.303061, .097521, -.108242, -.048738},
                         .last_token = {-.319212, .064083, -.121886, -.038287},
                         .pooled = {.010663, .028303, .018911, .073726},
                         .mean = {-.108675, .052934, -.038943, -.008436},
                         .like = .907974,
                         .unlike = .121336,
                         .parameters = 109'486'464});
}
