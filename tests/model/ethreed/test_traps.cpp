// The known traps of this family of models (section 10 of the specification), one named test each, on the whole model.

#include "model/blocks/initialisation.h"
#include "tests/model/ethreed/test_model.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace ethreed;
using namespace ethreed::test;

namespace {

constexpr double saturated = 1000.0;  // σ(1000) is 1 and σ(−1000) is 0 in float and in double

// One pass over dialogues, with everything it needs kept alive.
template <class T> struct Pass {
  EthreedConfig config;
  DialogueBatch batch;
  NoiseData<T> noise;
  const ParameterLayout& layout;
  Runtime runtime;
  Context context = runtime.context();
  Tape<T> tape{context};
  ParameterHandles<T> parameters;
  ForwardPass<T> result;

  Pass(TestModel<T>& model, const Dialogues& dialogues, bool sample = false)
      : config(model.config),
        batch(make_batch(dialogues, config.vocabulary)),
        noise(draw_noise<T>(config, batch, 9, false, sample)),
        layout(model.layout),
        parameters(model.bind(tape)),
        result(forward_pass(tape, config, named_parameters<EthreedModel>(config, parameters), batch,
                            noise.step_noise())) {}

  void backward() {
    tape.backward(result.losses.total);
    zero_untouched_gradients(context, layout, parameters);
  }
  // Decoder row of a turn of a dialogue.
  int row(int dialogue, int turn) const {
    for (int i = 0; i < batch.turns(); ++i)
      if (batch.turn_dialogue[i] == dialogue && batch.turn_time[i] == turn) return batch.row_of_turn[i];
    throw Error("test: no such turn");
  }
  std::vector<double> log_probabilities(int r) const {
    const T* first = result.log_probability.data() + batch.rows().target(r);
    return {first, first + batch.rows().target_count(r)};
  }
  // γ_i of a row.
  std::vector<double> attention(int r, int i) const {
    const RowLayout rows = batch.rows();
    const T* first = result.decoded.attention.data() + rows.weight(r) + std::int64_t{i} * rows.source_count(r);
    return {first, first + rows.source_count(r)};
  }
  double vocabulary_log_probability(int r, int i, int word) const {
    const int token = batch.rows().target(r) + i;
    const T* logits = result.decoded.logits.value().row(token);
    return std::log(reference::softmax(reference::Vector(logits, logits + config.vocabulary))[word]);
  }
};

template <class T> TestModel<T> random_model(Ablation ablation = Ablation::none, std::uint64_t seed = 1) {
  TestModel<T> model(tiny_config(ablation));
  randomise(model, seed);
  return model;
}

// p_gen = σ(logit) at every step.
template <class T> void force_gate(ModelState<T>& model, double logit) {
  for (T& weight : parameter(model, "decoder.pointer.weight")) weight = T{0};
  parameter(model, "decoder.pointer.bias")[0] = static_cast<T>(logit);
}

template <class T> bool finite(const Tensor<T>& values) {
  return std::all_of(values.span().begin(), values.span().end(), [](T value) { return std::isfinite(value); });
}

template <class T> void check_finite_at(double logit) {
  TestModel<T> model = random_model<T>();
  force_gate(model, logit);
  Pass<T> pass(model, awkward_dialogues(), true);
  CHECK(std::isfinite(pass.result.losses.total.data()[0]));
  pass.backward();
  CHECK(finite(model.gradients));
}

constexpr auto near = [](double value) { return Approx(value).epsilon(1e-12).margin(1e-12); };

}  // namespace

TEST_CASE("trap: with p_gen at 0 or 1 loss and gradient stay finite, in float and double") {
  for (const double logit : {saturated, -saturated}) {
    INFO("logit of p_gen " << logit);
    check_finite_at<float>(logit);
    check_finite_at<double>(logit);
  }
}

TEST_CASE("trap: with p_gen at 1 a word has the vocabulary's probability") {
  TestModel<double> model = random_model<double>();
  force_gate(model, saturated);
  const Pass<double> pass(model, {{{{9, 30, 9, 3}, {9, 30, 5, 3}}}});
  const auto p = pass.log_probabilities(0);
  CHECK(p[0] == near(pass.vocabulary_log_probability(0, 0, 9)));
  CHECK(p[2] == near(pass.vocabulary_log_probability(0, 2, 5)));
  // 1 − p_gen = e^−1000 is nothing but to a word that can only be copied.
  CHECK(p[1] == near(-saturated + std::log(pass.attention(0, 1)[1])));
}

TEST_CASE("trap: with p_gen at 0 a word has the attention's probability, all its repetitions added up") {
  TestModel<double> model = random_model<double>();
  force_gate(model, -saturated);
  const Pass<double> pass(model, {{{{9, 30, 9, 30, 9, 3}, {9, 30, 5, 3}}}});
  const auto p = pass.log_probabilities(0);
  const auto first = pass.attention(0, 0), second = pass.attention(0, 1), last = pass.attention(0, 3);
  CHECK(p[0] == near(std::log(first[0] + first[2] + first[4])));
  CHECK(p[1] == near(std::log(second[1] + second[3])));
  CHECK(p[2] == near(-saturated + pass.vocabulary_log_probability(0, 2, 5)));  // not in the source
  CHECK(p[3] == near(std::log(last[5])));
}

TEST_CASE("trap: what a dialogue gives does not depend on what shares its batch") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    TestModel<double> model = random_model<double>(ablation);
    Dialogues company = awkward_dialogues();
    company.push_back(random_dialogues(5, 1, tiny_config(), 25).front());
    const Pass<double> together(model, company);
    double generation = 0, coverage = 0, tokens = 0;
    for (int d = 0; d < count_of(company); ++d) {
      const Pass<double> alone(model, {company[d]});
      for (int t = 0; t < count_of(company[d]); ++t) {
        const int a = alone.row(0, t), b = together.row(d, t);
        const auto expected = alone.log_probabilities(a), got = together.log_probabilities(b);
        REQUIRE(got.size() == expected.size());
        for (int i = 0; i < count_of(got); ++i) {
          CHECK(got[i] == near(expected[i]));
          const auto gamma = together.attention(b, i), gamma_alone = alone.attention(a, i);
          for (std::size_t j = 0; j < gamma.size(); ++j) CHECK(gamma[j] == near(gamma_alone[j]));
        }
      }
      generation += alone.result.losses.term[loss_generation].data()[0] * alone.batch.target_tokens();
      coverage += alone.result.losses.term[loss_coverage].data()[0] * alone.batch.target_tokens();
      tokens += alone.batch.target_tokens();
    }
    CHECK(together.result.losses.term[loss_generation].data()[0] == near(generation / tokens));
    CHECK(together.result.losses.term[loss_coverage].data()[0] == near(coverage / tokens));
  }
}

TEST_CASE("trap: attention falls on the tokens of the row's own post and on nothing else") {
  TestModel<double> model = random_model<double>();
  const Pass<double> pass(model, awkward_dialogues());
  for (int r = 0; r < pass.batch.turns(); ++r)
    for (int i = 0; i < pass.batch.rows().target_count(r); ++i) {
      const auto gamma = pass.attention(r, i);
      CHECK(std::accumulate(gamma.begin(), gamma.end(), 0.0) == near(1.0));
      for (const double weight : gamma) CHECK(weight > 0);
    }
}

TEST_CASE("trap: coverage adds up over the steps, source word by source word") {
  TestModel<double> model = random_model<double>();
  const Pass<double> pass(model, awkward_dialogues());
  const RowLayout rows = pass.batch.rows();
  for (int r = 0; r < rows.rows(); ++r) {
    std::vector<double> coverage(rows.source_count(r), 0.0);
    for (int i = 0; i < rows.target_count(r); ++i) {
      const auto gamma = pass.attention(r, i);
      double overlap = 0;
      for (std::size_t j = 0; j < gamma.size(); ++j) overlap += std::min(coverage[j], gamma[j]);
      CHECK(pass.result.decoded.coverage_loss.data()[rows.target(r) + i] == near(overlap));
      for (std::size_t j = 0; j < gamma.size(); ++j) coverage[j] += gamma[j];
    }
  }
}

TEST_CASE("trap: the first step has no coverage, and one source token takes all attention ever after") {
  TestModel<double> model = random_model<double>();
  const Pass<double> pass(model, {{{{3}, {5, 6, 3}}}});
  const double* loss = pass.result.decoded.coverage_loss.data();
  CHECK(loss[0] == 0.0);
  CHECK(loss[1] == near(1.0));
  CHECK(loss[2] == near(1.0));
}

TEST_CASE("trap: with an empty history W_beta is not used, with one it is") {
  TestModel<double> model = random_model<double>();
  const auto e_post = [&](int turn) {
    const Pass<double> pass(model, {{{{4, 3}, {5, 3}}, {{6, 3}, {7, 3}}}});
    const auto& e = pass.result.state.tracked.emotion_post;
    return std::vector<double>(e.value().row(turn), e.value().row(turn) + e.columns());
  };
  const auto first = e_post(0), second = e_post(1);
  for (double& weight : parameter(model, "tracker.history_attention.weight")) weight = 3 - weight;
  CHECK(e_post(0) == first);
  CHECK(e_post(1) != second);
}

TEST_CASE("trap: an utterance of one token is summed up by its only state in both directions") {
  TestModel<double> model = random_model<double>();
  const Pass<double> pass(model, {{{{3}, {3}}}, {{{4, 5, 3}, {6, 3}}}});
  const int row = pass.row(0, 0);
  const auto& states = pass.result.state.utterances.source_states;
  const auto& summary = pass.result.state.utterances.summary;
  const int turn = pass.batch.turn_of_row[row];
  const double* h = states.value().row(pass.batch.rows().source(row));
  const double* u = summary.value().row(pass.batch.post_chain[turn]);
  CHECK(std::equal(h, h + states.columns(), u));
}

TEST_CASE("trap: a dialogue of one turn beside one of four ends after its turn") {
  TestModel<float> model = random_model<float>();
  Pass<float> pass(model,
                   {{{{4, 3}, {5, 3}, 1, 1}},
                    {{{6, 3}, {7, 3}, 2, 2}, {{8, 3}, {9, 3}, 2, 3}, {{4, 3}, {5, 3}, 2, 4}, {{6, 3}, {7, 3}, 2, 5}}});
  CHECK(pass.batch.turns() == 5);
  CHECK(pass.batch.turn_offsets == std::vector<std::int32_t>{0, 2, 3, 4, 5});
  pass.backward();
  CHECK(finite(model.gradients));
}

TEST_CASE("trap: a source wholly outside the vocabulary reads as UNK and copies as itself") {
  TestModel<double> model = random_model<double>();
  force_gate(model, -saturated);
  const Pass<double> unknown(model, {{{{40, 41, 40, 3}, {40, 41, 42, 3}}}});
  const Pass<double> unk(model, {{{{1, 1, 1, 3}, {1, 1, 1, 3}}}});
  const auto gamma = unknown.attention(0, 0);
  for (std::size_t j = 0; j < gamma.size(); ++j) CHECK(gamma[j] == unk.attention(0, 0)[j]);
  CHECK(unknown.log_probabilities(0)[0] == near(std::log(gamma[0] + gamma[2])));
  CHECK(unknown.log_probabilities(0)[1] == near(std::log(unknown.attention(0, 1)[1])));
  CHECK(unk.log_probabilities(0)[0] == near(std::log(gamma[0] + gamma[1] + gamma[2])));
}

TEST_CASE("trap: a target that is only EOS is one token from SOS and con") {
  for (const Ablation ablation : all_ablations) {
    TestModel<double> model = random_model<double>(ablation);
    Pass<double> pass(model, {{{{4, 5, 3}, {3}, 1, 2}}});
    CHECK(pass.batch.target_tokens() == 1);
    CHECK(pass.batch.decoder_inputs == std::vector<std::int32_t>{0});
    CHECK(pass.batch.word_ids[0] == sos_id);
    CHECK(pass.result.losses.term[loss_generation].data()[0] == near(-pass.log_probabilities(0)[0]));
    CHECK(pass.result.losses.term[loss_coverage].data()[0] == 0.0);
    pass.backward();
    CHECK(finite(model.gradients));
  }
}

TEST_CASE("trap: the reset gate of the GRU acts after the recurrent product, with its bias") {
  // A cell of width 2 on one token: h = 0, so n = tanh(b_in + r ⊙ b_hn) tells whether b_hn is inside the gate.
  TestModel<double> model = random_model<double>();
  const reference::Parameters p = reference_parameters(model);
  const auto n = p.at("encoder.weight_hh_l0").shape[1];
  const auto x = reference::embedded(p, eos_id);
  const auto from_x = reference::product(p.at("encoder.weight_ih_l0"), x);
  const Pass<double> pass(model, {{{{3}, {3}}}});
  for (int i = 0; i < n; ++i) {
    const auto gate = [&](int k, const char* side) {
      return p.at(std::string("encoder.bias_") + side + "_l0").values[k * n + i];
    };
    const auto input = [&](int k) { return from_x[k * n + i] + gate(k, "ih"); };
    const double r = reference::sigmoid(input(0) + gate(0, "hh"));
    const double z = reference::sigmoid(input(1) + gate(1, "hh"));
    const double after = (1 - z) * std::tanh(input(2) + r * gate(2, "hh"));
    const double before = (1 - z) * std::tanh(input(2) + gate(2, "hh"));
    const double h = pass.result.state.utterances.source_states.value().row(0)[i];
    CHECK(h == near(after));
    CHECK(std::abs(h - before) > 1e-4);
  }
}

TEST_CASE("trap: recurrent matrices start orthogonal gate by gate, not stacked") {
  const ModelState<double> shape = make_state<double>(tiny_config(), false);
  Tensor<float> vectors({30, 5});
  Tensor<double> block({shape.layout.size()});
  ThreadPool pool(1);
  initialise_parameters(pool, shape.layout, View<const float>(vectors.view()), 7, block.data());
  int matrices = 0;
  for (const auto& entry : shape.layout.entries()) {
    if (entry.name.find("weight_hh") == std::string::npos) continue;
    INFO(entry.name);
    ++matrices;
    const std::int64_t n = entry.shape.columns();
    REQUIRE(entry.shape.rows() == 3 * n);
    for (std::int64_t gate = 0; gate < 3; ++gate) {
      const double* q = block.data() + entry.offset + gate * n * n;
      for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          double by_columns = 0;
          for (std::int64_t k = 0; k < n; ++k) by_columns += q[k * n + i] * q[k * n + j];
          CHECK(by_columns == near(i == j ? 1.0 : 0.0));
        }
    }
    const double* q = block.data() + entry.offset;
    CHECK_FALSE(std::equal(q, q + n * n, q + n * n));  // the gates are different matrices
  }
  CHECK(matrices == 7);
}
