// EmpHi against reference values: numbers that another implementation printed for parameters given by a formula, in
// double, and its sizes.

#include "model/emphi/emphi.h"
#include "model/emphi/emphi_textbook.h"
#include "tests/model/tiny_dialogues.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

using namespace ethreed;

namespace {

using Values = std::vector<double>;
using Words = std::vector<std::int32_t>;

constexpr std::array<std::array<int, 2>, 9> keywords{
    {{4, 9}, {7, 5}, {10, 8}, {6, 4}, {9, 7}, {5, 10}, {8, 6}, {4, 9}, {7, 5}}};

EmphiConfig reference_config() {
  EmphiConfig config;
  config.vocabulary = 12;
  config.embedding = 3;
  config.keywords = 2;
  return config;
}

// Tensor t of the names in ASCII order holds 0.6·sin(0.9 k + 0.7 t + 0.4); keywords are none of them.
ModelState<double> formula_state(const EmphiConfig& config) {
  ModelState<double> state(layout_of<EmphiModel>(config), true);
  std::vector<const ParameterLayout::Entry*> sorted;
  for (const auto& entry : state.layout.entries())
    if (entry.name != "intent.keywords") sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (std::size_t t = 0; t < sorted.size(); ++t)
    for (std::int64_t k = 0; k < sorted[t]->shape.count(); ++k)
      state.values[sorted[t]->offset + k] =
          0.6 * std::sin(0.9 * static_cast<double>(k) + 0.7 * static_cast<double>(t) + 0.4);
  const std::span<double> ids = test::parameter(state, "intent.keywords");
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = keywords[i / 2][i % 2];
  return state;
}

// Two dialogues of a turn each.
struct Turns {
  std::array<Words, 2> posts{Words{5, 6, 7, 3}, {8, 9, 3}}, replies{Words{8, 10, 3}, {11, 3}};
  std::array<TurnInput, 2> turns{TurnInput{.post = posts[0], .response = replies[0], .emotion = 3, .reply_class = 6},
                                 TurnInput{.post = posts[1], .response = replies[1], .emotion = 30, .reply_class = 1}};
  std::array<Example, 2> examples{Example{.turns = {turns.data(), 1}},
                                  Example{.turns = {turns.data() + 1, 1}, .place = 1}};
  Turns() = default;
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
};

// What the specification prints; of two rows where there are two.
struct Printed {
  Values first_state;
  std::array<Values, 2> summary, emotion, intent, log_probability, copy;
  Values losses;  // L_gen, L_int, L_emo, L_copy, L
  Values marginal;
  std::map<std::string, double> gradient_norm;
};

Values first(const Values& values, std::size_t n) { return {values.begin(), values.begin() + static_cast<int>(n)}; }
Values row_of(const Variable<double>& x, int row) { return {x.value().row(row), x.value().row(row) + x.columns()}; }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double log_sum_exp(const Values& x) {
  double sum = 0;
  for (const double v : x) sum += std::exp(v);
  return std::log(sum);
}

// The engine. Both dialogues have one turn, and the first is the longer one: turn rows, decoder rows and input agree.
Printed compute() {
  const EmphiConfig config = reference_config();
  const Turns turns;
  EmphiBatch batch;
  batch.build(config, turns.examples);
  ModelState<double> state = formula_state(config);
  Runtime runtime;
  Context context = runtime.context();
  Printed out;
  {
    Tape<double> tape(context);
    const auto handles = state.bind(tape);
    const auto parameters = named_parameters<EmphiModel>(config, handles);
    const EmphiPass<double> pass = EmphiModel::forward(tape, config, parameters, batch, {});
    tape.backward(pass.losses.total);
    zero_untouched_gradients(context, state.layout, handles);
    for (std::size_t k = 0; k < 4; ++k) out.losses.push_back(pass.losses.term[k].data()[0]);
    out.losses.push_back(pass.losses.total.data()[0]);
    const double* log_p = pass.log_probability.data();
    out.log_probability = {Values(log_p, log_p + 3), Values(log_p + 3, log_p + 5)};
    for (const auto& entry : state.layout.entries()) {
      double square = 0;
      for (std::int64_t i = 0; i < entry.shape.count(); ++i) square += std::pow(state.gradients[entry.offset + i], 2);
      out.gradient_norm[entry.name] = std::sqrt(square);
    }
  }
  Tape<double> tape(context, false);
  const auto parameters = named_parameters<EmphiModel>(config, state.bind(tape));
  const EmphiContext<double> read = read_context(tape, config, parameters, batch);
  out.first_state = row_of(read.states, 0);
  const Words intents{6, 1};
  const EmphiMemory<double> memory = decoder_memory(tape, config, parameters, batch, read, intents);
  const EmphiTargets<double> decoded = decode_targets(tape, config, parameters, batch, read.words, memory);
  Values tau(decoded.copy_logit.data(), decoded.copy_logit.data() + 5);
  for (double& x : tau) x = sigmoid(x);
  out.copy = {first(tau, 3), Values(tau.begin() + 3, tau.end())};
  const EmphiPass<double> pass = EmphiModel::forward(tape, config, parameters, batch, {.purpose = Purpose::validate});
  for (int r = 0; r < 2; ++r) {
    const auto i = static_cast<std::size_t>(r);
    out.summary[i] = row_of(read.summary[1], r);
    out.emotion[i] = first(reference::softmax(row_of(pass.emotion_logits, r)), 3);
    const Values prior = reference::softmax(row_of(pass.intent_logits, r));
    out.intent[i] = first(prior, 3);
    Values joint;
    for (std::size_t z = 0; z < 9; ++z) {
      const Values& log_p = pass.by_intent[z];
      joint.push_back(std::log(prior[z]));
      for (std::size_t token = r == 0 ? 0 : 3; token < (r == 0 ? 3 : 5); ++token) joint.back() += log_p[token];
    }
    out.marginal.push_back(log_sum_exp(joint));
  }
  return out;
}

// The textbook; without gradients and losses.
Printed look_up() {
  const Turns turns;
  const ModelState<double> state = formula_state(reference_config());
  reference::Parameters p;
  for (const auto& entry : state.layout.entries()) {
    reference::Parameter& parameter = p[entry.name];
    for (const std::int64_t size : entry.shape.sizes()) parameter.shape.push_back(static_cast<int>(size));
    const double* values = state.values.data() + entry.offset;
    parameter.values.assign(values, values + entry.shape.count());
  }
  Printed out;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::vector<int> said(turns.posts[i].begin(), turns.posts[i].end() - 1);
    const std::vector<int> reply(turns.replies[i].begin(), turns.replies[i].end());
    const reference::EmphiRead read = reference::emphi_read(p, {}, said);
    if (i == 0) out.first_state = read.states[0];
    out.summary[i] = read.summary[1];
    out.emotion[i] = first(reference::softmax(read.emotion_logits), 3);
    const Values prior = reference::softmax(read.intent_logits);
    out.intent[i] = first(prior, 3);
    Values joint;
    for (int z = 0; z < 9; ++z) {
      const auto& words = keywords[static_cast<std::size_t>(z)];
      const reference::EmphiReply said_by = reference::emphi_reply(p, {}, read, reply, z, {words.begin(), words.end()});
      joint.push_back(std::log(prior[static_cast<std::size_t>(z)]));
      for (const double log_p : said_by.log_probability) joint.back() += log_p;
      if (z != turns.turns[i].reply_class) continue;
      out.log_probability[i] = said_by.log_probability;
      out.copy[i] = said_by.copy;
    }
    out.marginal.push_back(log_sum_exp(joint));
  }
  return out;
}

void check(const Values& got, const Values& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(wanted[i]).margin(5.1e-11).epsilon(0));
}

void check(const Printed& got, const Printed& wanted) {
  check(got.first_state, wanted.first_state);
  for (std::size_t row = 0; row < 2; ++row) {
    INFO("row " << row + 1);
    check(got.summary[row], wanted.summary[row]);
    check(got.emotion[row], wanted.emotion[row]);
    check(got.intent[row], wanted.intent[row]);
    check(got.log_probability[row], wanted.log_probability[row]);
    check(got.copy[row], wanted.copy[row]);
  }
  check(got.marginal, wanted.marginal);
}

Printed printed_values() {
  return {.first_state = {.1785263994, -.1923753623, -.2951640593},
          .summary = {Values{.1772207204, -.2574546541, -.2803203409}, {.0811760940, -.2288277155, -.2657780050}},
          .emotion = {Values{.0290015879, .0333061776, .0299637613}, {.0286731232, .0336163729, .0297690986}},
          .intent = {Values{.1192767634, .1037786733, .1161081038}, {.1221469874, .1012844119, .1178007111}},
          .log_probability = {Values{-1.2406107485, -2.8445519787, -2.8182649737}, {-3.3578019424, -2.8287393481}},
          .copy = {Values{.4371934864, .4350983203, .4310832008}, {.4374877317, .4356962246}},
          .losses = {2.6179937983, 2.2769448862, 3.4912578526, .6220017959, 6.1240969636},
          .marginal = {-7.1135938059, -6.1755844689},
          .gradient_norm = {{"embedding.weight", .2024972465},
                            {"encoder.gru.weight_hh_l0", .0100696030},
                            {"encoder.gru.weight_ih_l1_reverse", .0280095452},
                            {"decoder.gru.weight_ih_l0", .0333100773},
                            {"decoder.emotion_gate.weight", .0000449579},
                            {"decoder.copy_gate.weight", .2359021732},
                            {"intent.embedding.weight", .0097589980},
                            {"emotion.embedding.weight", .0017720962}}};
}

}  // namespace

TEST_CASE("EmpHi computes the reference values, and so does its textbook") {
  const Printed wanted = printed_values(), got = compute();
  check(got, wanted);
  check(got.losses, wanted.losses);
  for (const auto& [name, norm] : wanted.gradient_norm) {
    INFO(name);
    CHECK(got.gradient_norm.at(name) == Approx(norm).margin(5.1e-11).epsilon(0));
  }
  check(look_up(), wanted);
}

TEST_CASE("EmpHi has the parameters that the specification counts, module by module") {
  EmphiConfig config;
  config.vocabulary = 18'579;
  std::map<std::string, std::int64_t> parts;
  std::int64_t learned = 0;
  const ParameterLayout layout = layout_of<EmphiModel>(config);
  for (const auto& entry : layout.entries()) {
    if (entry.start.how == Initialisation::from_data) continue;  // the words of intents are no parameters
    parts[entry.name.substr(0, entry.name.rfind('.'))] += entry.shape.count();
    learned += entry.shape.count();
  }
  CHECK(parts["embedding"] == 300 * 18'579);
  CHECK(parts["encoder.gru"] == 2'707'200);
  CHECK(parts["decoder.gru"] == 1'893'600);
  CHECK(parts["decoder.emotion_gate"] + parts["decoder.intent_gate"] == 540'000);
  CHECK(parts["emotion.hidden"] + parts["emotion.output"] == 99'900);
  CHECK(parts["intent.hidden"] + parts["intent.output"] == 93'000);
  CHECK(parts["emotion.embedding"] + parts["intent.embedding"] == 12'300);
  CHECK(parts["decoder.copy_gate"] == 300);
  CHECK(learned == 300 * 18'579 + 5'346'300);
  CHECK(learned == 10'920'000);  // what is published
}
