// HRED, VHRED and Emo-HRED against reference values: numbers that another implementation printed for parameters given
// by a formula, in double.

#include "model/hred/hred.h"
#include "model/hred/losses.h"

#include "autograd/functions/gather_rows_function.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace ethreed;

namespace {

// Tensor t of the names in ASCII order holds 0.6·sin(0.9 k + 0.7 t + 0.4).
ModelState<double> formula_state(const ParameterLayout& layout) {
  ModelState<double> state(layout, true);
  std::vector<const ParameterLayout::Entry*> sorted;
  for (const auto& entry : layout.entries()) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (std::size_t t = 0; t < sorted.size(); ++t)
    for (std::int64_t k = 0; k < sorted[t]->shape.count(); ++k)
      state.values[sorted[t]->offset + k] =
          0.6 * std::sin(0.9 * static_cast<double>(k) + 0.7 * static_cast<double>(t) + 0.4);
  return state;
}

struct Computed {
  std::vector<double> summary, context_1, context_3, log_probability, emotion_1, emotion_3;
  double generation = 0, emotion_loss = 0, divergence = 0, total = 0;
  std::map<std::string, double> gradient_norm;
};

std::vector<double> row_of(const Variable<double>& x, int row) {
  return {x.value().row(row), x.value().row(row) + x.columns()};
}

// P_1 = 4 5 3, R_1 = 6 7 8 3, P_2 = 5 3, R_2 = 4 4 3; labels 1 and 3; ε = (.5, −.3), (−.2, .8); w = 1.
Computed compute(HredVariant variant) {
  HredConfig config{.vocabulary = 9,
                    .embedding = 3,
                    .encoder = 2,
                    .context_state = 2,
                    .emotion_state = 2,
                    .latent = 2,
                    .decoder_state = 3,
                    .bottleneck = 3,
                    .emotion_classes = 4,
                    .variant_choice = variant,
                    .listener_labels = false,
                    .dropout = 0};
  const std::vector<std::int32_t> p1{4, 5, 3}, r1{6, 7, 8, 3}, p2{5, 3}, r2{4, 4, 3};
  const std::array<TurnInput, 2> turns{
      {{.post = p1, .response = r1, .emotion = 1}, {.post = p2, .response = r2, .emotion = 3}}};
  const Example example{.turns = turns};
  HredBatch batch;
  batch.build({&example, 1}, config.vocabulary);
  const DialogueBatch& d = batch.dialogues;
  const ParameterLayout layout = layout_of<HredModel>(config);
  ModelState<double> state = formula_state(layout);
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  const auto handles = state.bind(tape);
  const auto parameters = named_parameters<HredModel>(config, handles);
  const std::array<double, 4> epsilon{0.5, -0.3, -0.2, 0.8};

  HredPass<double> pass;
  pass.context = read_context(tape, config, parameters, d, HredNoise<double>{});
  Variable<double> z;
  if (config.has_latent()) {
    const auto drawn =
        draw_latent<double>(tape, parameters, gather_rows<double>(tape, {{pass.context.global, d.post_chain}}),
                            gather_rows<double>(tape, {{pass.context.summary, d.response_chain}}), epsilon.data());
    z = drawn.z;
    pass.divergence = drawn.divergence;
  }
  pass.nll = decode_targets<double>(tape, parameters, batch.replies, pass.context.words,
                                    conditioning_of(tape, config, batch, pass.context, z), {});
  pass.losses = sum_losses(tape, config, batch, pass, {.purpose = Purpose::validate});
  tape.backward(pass.losses.total);
  zero_untouched_gradients(context, layout, handles);

  Computed out{.summary = row_of(pass.context.summary, d.post_chain[0]),
               .context_1 = row_of(pass.context.global, d.post_chain[0]),
               .context_3 = row_of(pass.context.global, d.post_chain[1]),
               .total = pass.losses.total.data()[0]};
  for (const int turn : {0, 1}) {
    const RowLayout rows = d.rows();
    const int r = d.row_of_turn[turn];
    for (int i = rows.target(r); i < rows.target(r + 1); ++i) out.log_probability.push_back(-pass.nll.data()[i]);
  }
  out.generation = pass.losses.term[config.has_emotion() ? 2 : 0].data()[0];
  if (config.has_emotion()) {
    out.emotion_1 = row_of(pass.context.emotion, d.post_chain[0]);
    out.emotion_3 = row_of(pass.context.emotion, d.post_chain[1]);
    out.emotion_loss = pass.losses.term[0].data()[0];
  }
  if (config.has_latent()) out.divergence = pass.divergence.data()[0] + pass.divergence.data()[1];
  for (const auto& entry : layout.entries()) {
    double square = 0;
    for (std::int64_t i = 0; i < entry.shape.count(); ++i) square += std::pow(state.gradients[entry.offset + i], 2);
    out.gradient_norm[entry.name] = std::sqrt(square);
  }
  return out;
}

void check(const std::vector<double>& got, const std::vector<double>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(wanted[i]).margin(1e-9).epsilon(0));
}

void check_norms(const std::map<std::string, double>& norms, const std::map<std::string, double>& wanted) {
  for (const auto& [name, norm] : wanted) {
    INFO(name);
    CHECK(norms.at(name) == Approx(norm).margin(1e-9).epsilon(0));
  }
}

}  // namespace

TEST_CASE("HRED computes the reference values") {
  const Computed got = compute(HredVariant::hred);
  check(got.summary, {-.0136561690, -.2808888431, -.2883436732, -.4256767526});
  check(got.context_1, {-.2009657239, -.3314085674});
  check(got.context_3, {-.4160235590, -.4162878856});
  check(got.log_probability,
        {-2.3899541867, -1.8926456698, -3.3772471097, -3.8099502772, -2.8446294003, -2.1785417779, -3.1479735885});
  check({got.generation, got.total}, {2.8058488586, 2.8058488586});
  check_norms(got.gradient_norm, {{"embedding.weight", .2831272661},
                                  {"encoder.weight_hh_l0_reverse", .0040485210},
                                  {"context.weight_ih", .0677059087},
                                  {"decoder.gru.weight_ih", .0814341810},
                                  {"decoder.bottleneck.weight", .4236049257}});
}

TEST_CASE("VHRED computes the reference values") {
  const Computed got = compute(HredVariant::vhred);
  check(got.summary, {-.0136561690, -.2808888431, -.2883436732, -.4256767526});
  check(got.context_3, {-.4160235590, -.4162878856});
  check(got.log_probability,
        {-2.5014834919, -1.3866135397, -3.1981441160, -3.5098838319, -2.6369894907, -2.5261006632, -3.6536662777});
  check({got.generation, got.divergence, got.total}, {2.7732687730, 4.0482841694, 3.3515950829});
  check_norms(got.gradient_norm, {{"embedding.weight", .0760486148},
                                  {"encoder.weight_hh_l0_reverse", .0136473511},
                                  {"context.weight_ih", .0668466574},
                                  {"decoder.gru.weight_ih", .0518314294},
                                  {"decoder.bottleneck.weight", .6903348225},
                                  {"prior.variance.weight", .2074206318},
                                  {"posterior.mean.weight", 1.3424827966}});
}

TEST_CASE("Emo-HRED computes the reference values") {
  const Computed got = compute(HredVariant::emo_hred);
  check(got.summary, {.3849787880, .7703708717, .4423728130, .3126496451});
  check(got.context_1, {.0577235079, -.2053522301});
  check(got.context_3, {.1429440009, -.3369407789});
  check(got.emotion_1, {-.1108587959, -.3085206178});
  check(got.emotion_3, {-.2356876649, -.5236862407});
  check(got.log_probability,
        {-2.7470649101, -2.2904152037, -3.5412457979, -2.2466955130, -1.9202424347, -1.6848608727, -2.2831892891});
  check({got.generation, got.emotion_loss, got.total}, {2.3876734316, 1.5755066846, 3.9631801162});
  check_norms(got.gradient_norm, {{"embedding.weight", .1551193683},
                                  {"encoder.weight_hh_l0_reverse", .0050508343},
                                  {"context.weight_ih", .1923028274},
                                  {"decoder.gru.weight_ih", .0887991185},
                                  {"decoder.bottleneck.weight", .3909927082},
                                  {"emotion.weight_ih", .0710186113}});
}

TEST_CASE("HRED's variants have the parameters that the specification counts") {
  const std::int64_t vocabulary = 8000;
  const auto count = [&](HredVariant variant) {
    HredConfig config;
    config.vocabulary = static_cast<int>(vocabulary);
    config.variant_choice = variant;
    return layout_of<HredModel>(config).parameter_count();
  };
  CHECK(count(HredVariant::hred) == 3'067'800 + 601 * vocabulary);
  CHECK(count(HredVariant::vhred) == 3'398'600 + 601 * vocabulary);
  CHECK(count(HredVariant::emo_hred) == 4'069'232 + 601 * vocabulary);
}
