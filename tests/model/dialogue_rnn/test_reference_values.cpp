// DialogueRNN against reference values: numbers that another implementation printed for parameters given by a formula,
// in double, and its sizes.

#include "model/dialogue_rnn/dialogue_rnn.h"
#include "model/dialogue_rnn/dialogue_rnn_textbook.h"
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

constexpr int utterance = 3;
const std::vector<Values> heard{{.1, -.2, .3}, {.4, .5, -.6}, {-.7, .8, .9}};  // u_1, u_2, u_3

DialogueRnnConfig reference_config(DialogueRnnVariant variant) {
  DialogueRnnConfig config;
  config.vocabulary = 9;
  config.global_state = config.party_state = config.emotion_state = config.hidden = 2;
  config.emotion_classes = 3;
  config.variant_choice = variant;
  config.listener_labels = false;
  return config;
}

ParameterLayout tracker_layout(const DialogueRnnConfig& config) {
  ParameterLayout layout;
  DialogueRnnParameters<char> named;
  visit_tracker(config, utterance, named,
                [&](std::string_view prefix, std::string_view suffix, const Shape& shape, const InitialValues& start,
                    char&) { layout.add(std::string(prefix).append(suffix), shape, start); });
  return layout;
}

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

// What the specification prints.
struct Printed {
  std::array<Values, 3> g, e;
  std::array<std::array<Values, 2>, 3> q;  // of both parties after every utterance
  Values alpha, log_probability;           // at k = 3
  double loss = 0;
  std::map<std::string, double> gradient_norm;
};

Values row_of(const Variable<double>& x, int row) { return {x.value().row(row), x.value().row(row) + x.columns()}; }

Values log_softmax(const Values& logits) {
  Values out = reference::softmax(logits);
  for (double& x : out) x = std::log(x);
  return out;
}

// The engine. Dialogues of the program end with a reply: u_4 is anything, and nothing before it may notice.
Printed compute(DialogueRnnVariant variant) {
  const DialogueRnnConfig config = reference_config(variant);
  const test::Dialogues dialogue{
      {{.post = {3}, .response = {3}, .emotion = 2}, {.post = {3}, .response = {3}, .emotion = 0}}};
  const test::DialogueExamples examples(dialogue);
  DialogueRnnBatch batch;
  batch.build(examples.all(), config.vocabulary);
  const ParameterLayout layout = tracker_layout(config);
  ModelState<double> state = formula_state(layout);
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  const auto handles = state.bind(tape);
  DialogueRnnParameters<Variable<double>> parameters;
  std::size_t next = 0;
  visit_tracker(config, utterance, parameters,
                [&](std::string_view, std::string_view, const Shape&, const InitialValues&, Variable<double>& handle) {
                  handle = handles[next++];
                });
  Values u;
  for (const Values& one : heard) u.insert(u.end(), one.begin(), one.end());
  u.insert(u.end(), {7.0, -5.0, 3.0});

  DialogueRnnPass<double> pass =
      label_utterances<double>(tape, config, parameters, batch, tape.constant({u.data(), {4, utterance}}), {});
  add_losses(tape, config, batch.dialogues, pass);
  tape.backward(pass.losses.total);
  zero_untouched_gradients(context, layout, handles);

  Printed out;
  std::array<Values, 2> q{Values{0, 0}, Values{0, 0}};
  for (int k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    out.g[i] = row_of(pass.states.global, k);
    out.e[i] = row_of(pass.states.emotion, k);
    q[i % 2] = row_of(pass.states.party, k);
    if (config.has_listener_state()) q[1 - i % 2] = row_of(pass.states.listener, k);
    out.q[i] = q;
  }
  const Values query = row_of(pass.states.query, 2);
  out.alpha = reference::softmax({reference::dot(query, out.g[0]), reference::dot(query, out.g[1])});
  out.log_probability = log_softmax(row_of(pass.speaker_logits, 1));
  out.loss = pass.losses.total.data()[0];
  for (const auto& entry : layout.entries()) {
    double square = 0;
    for (std::int64_t i = 0; i < entry.shape.count(); ++i) square += std::pow(state.gradients[entry.offset + i], 2);
    out.gradient_norm[entry.name] = std::sqrt(square);
  }
  return out;
}

// The textbook; without gradients.
Printed look_up(DialogueRnnVariant variant) {
  const DialogueRnnConfig config = reference_config(variant);
  const ModelState<double> state = formula_state(tracker_layout(config));
  reference::Parameters p;
  for (const auto& entry : state.layout.entries()) {
    reference::Parameter& parameter = p[entry.name];
    for (const std::int64_t size : entry.shape.sizes()) parameter.shape.push_back(static_cast<int>(size));
    const double* values = state.values.data() + entry.offset;
    parameter.values.assign(values, values + entry.shape.count());
  }
  const reference::TrackedDialogue tracked =
      reference::track_dialogue(p, "tracker", "general", config.has_listener_state(), heard, 0);
  Printed out{.alpha = tracked.alpha[2]};
  std::copy_n(tracked.g.begin(), 3, out.g.begin());
  std::copy_n(tracked.e.begin(), 3, out.e.begin());
  std::copy_n(tracked.q.begin(), 3, out.q.begin());
  out.log_probability = log_softmax(reference::label_logits(p, tracked.e[2]));
  out.loss = (reference::cross_entropy(reference::label_logits(p, tracked.e[0]), 2) - out.log_probability[0]) / 2;
  return out;
}

void check(const Values& got, const Values& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(wanted[i]).margin(5.1e-11).epsilon(0));
}

void check(const Printed& got, const Printed& wanted) {
  for (std::size_t k = 0; k < 3; ++k) {
    INFO("k = " << k + 1);
    check(got.g[k], wanted.g[k]);
    check(got.e[k], wanted.e[k]);
    for (std::size_t party = 0; party < 2; ++party) {
      INFO("party " << party);
      check(got.q[k][party], wanted.q[k][party]);
    }
  }
  check(got.alpha, wanted.alpha);
  check(got.log_probability, wanted.log_probability);
  check({got.loss}, {wanted.loss});
}

void check_norms(const std::map<std::string, double>& norms, const std::map<std::string, double>& wanted) {
  for (const auto& [name, norm] : wanted) {
    INFO(name);
    CHECK(norms.at(name) == Approx(norm).margin(5.1e-11).epsilon(0));
  }
}

Printed causal_values() {
  return {.g = {Values{-.2480706926, -.3759106639}, {-.2989732251, -.5606679762}, {-.3869275958, .2893840859}},
          .e = {Values{.4677968486, .1885306585}, {.6275442932, .2738272615}, {.6698650601, .4376794898}},
          .q = {{{Values{.4486630994, .2433474199}, Values{0, 0}},
                 {Values{.4486630994, .2433474199}, Values{-.0832529385, .4204622221}},
                 {Values{.3125887236, .1062357390}, Values{-.0832529385, .4204622221}}}},
          .alpha = {.5315372921, .4684627079},
          .log_probability = {-.5085461896, -1.7847951594, -1.4662065893},
          .loss = .9487092384,
          .gradient_norm = {{"tracker.attention.weight", .0001155946},
                            {"tracker.emotion.weight_hh", .0146299478},
                            {"tracker.emotion.weight_ih", .0127964734},
                            {"tracker.global.weight_ih", .0012972620},
                            {"tracker.party.weight_hh", .0031151731},
                            {"tracker.party.weight_ih", .0237455270},
                            {"classifier.hidden.weight", .1145467185}}};
}

Printed listener_values() {
  return {.g = {Values{-.2480706926, -.3759106639}, {-.3748367407, -.5347951906}, {-.4555417068, .2682762720}},
          .e = {Values{.2343301645, .0888185853}, {.4547979832, .2491770064}, {.4948967336, .3645679208}},
          .q = {{{Values{-.1191812524, -.3007929942}, Values{.3038978882, .2526144757}},
                 {Values{.1456179319, .1367177492}, Values{.2748663052, -.0793530385}},
                 {Values{.1581853573, -.2661484032}, Values{.4729131093, -.1627754986}}}},
          .alpha = {.5087718443, .4912281557},
          .log_probability = {-.5445258708, -1.7001490491, -1.4387380672},
          .loss = .9510017644,
          .gradient_norm = {{"tracker.attention.weight", .0000441163},
                            {"tracker.emotion.weight_hh", .0094498579},
                            {"tracker.emotion.weight_ih", .0181978902},
                            {"tracker.global.weight_ih", .0010215488},
                            {"tracker.party.weight_hh", .0049882947},
                            {"tracker.party.weight_ih", .0197196189},
                            {"tracker.listener.weight_ih", .0086533941},
                            {"classifier.hidden.weight", .0794315685}}};
}

}  // namespace

TEST_CASE("DialogueRNN computes the reference values, and so does its textbook") {
  const Printed wanted = causal_values(), got = compute(DialogueRnnVariant::causal);
  check(got, wanted);
  check_norms(got.gradient_norm, wanted.gradient_norm);
  check(look_up(DialogueRnnVariant::causal), wanted);
}

TEST_CASE("DialogueRNN with a state of the listener computes the reference values, and so does its textbook") {
  const Printed wanted = listener_values(), got = compute(DialogueRnnVariant::listener_state);
  check(got, wanted);
  check_norms(got.gradient_norm, wanted.gradient_norm);
  check(look_up(DialogueRnnVariant::listener_state), wanted);
}

TEST_CASE("DialogueRNN's variants have the parameters that the specification counts") {
  const std::int64_t vocabulary = 8000;
  const auto parts_of = [&](DialogueRnnVariant variant) {
    DialogueRnnConfig config;
    config.vocabulary = static_cast<int>(vocabulary);
    config.variant_choice = variant;
    std::map<std::string, std::int64_t> parts;
    const ParameterLayout layout = layout_of<DialogueRnnModel>(config);
    for (const auto& entry : layout.entries())
      parts[entry.name.substr(0, entry.name.rfind('.'))] += entry.shape.count();
    return parts;
  };
  auto causal = parts_of(DialogueRnnVariant::causal);
  CHECK(causal["tracker.global"] == 1'081'800);
  CHECK(causal["tracker.party"] == 1'081'800);
  CHECK(causal["tracker.emotion"] == 541'800);
  CHECK(causal["tracker.attention"] == 180'000);
  CHECK(causal["classifier.hidden"] + causal["classifier.output"] == 99'932);
  CHECK(causal["encoder"] + causal["embedding"] == 1'083'600 + 300 * vocabulary);
  const auto behind_encoder = [](const std::map<std::string, std::int64_t>& parts) {
    std::int64_t sum = 0;
    for (const auto& [name, count] : parts) sum += name == "encoder" || name == "embedding" ? 0 : count;
    return sum;
  };
  CHECK(behind_encoder(causal) == 2'985'332);
  CHECK(behind_encoder(parts_of(DialogueRnnVariant::listener_state)) == 2'985'332 + 1'081'800);
  CHECK(behind_encoder(parts_of(DialogueRnnVariant::bidirectional_attention)) == 6'511'232);
}

TEST_CASE("DialogueRNN labels a post by nothing that comes after it, unless it is bidirectional") {
  // The second dialogue is the first one, with another reply at its end.
  const test::Dialogues dialogues{
      {{.post = {4, 5, 3}, .response = {6, 3}, .emotion = 1}, {.post = {7, 3}, .response = {8, 4, 3}, .emotion = 1}},
      {{.post = {4, 5, 3}, .response = {6, 3}, .emotion = 1}, {.post = {7, 3}, .response = {5, 3}, .emotion = 1}}};
  const test::DialogueExamples examples(dialogues);
  for (std::size_t variant = 0; variant < DialogueRnnConfig::variant_names.size(); ++variant) {
    INFO(DialogueRnnConfig::variant_names[variant]);
    DialogueRnnConfig config = reference_config(static_cast<DialogueRnnVariant>(variant));
    config.embedding = config.encoder = 2;
    DialogueRnnBatch batch;
    batch.build(examples.all(), config.vocabulary);
    ModelState<double> state = formula_state(layout_of<DialogueRnnModel>(config));
    Runtime runtime;
    Context context = runtime.context();
    Tape<double> tape(context, false);
    const auto parameters = named_parameters<DialogueRnnModel>(config, state.bind(tape));
    const auto pass = DialogueRnnModel::forward(tape, config, parameters, batch, {.purpose = Purpose::validate});
    bool same = true;
    for (int turn = 0; turn < 2; ++turn)  // turn rows are time-major: 2·turn is of the first dialogue
      same = same && row_of(pass.speaker_logits, 2 * turn) == row_of(pass.speaker_logits, 2 * turn + 1);
    CHECK(same == !config.is_bidirectional());
    CHECK(row_of(pass.listener_logits, 2) != row_of(pass.listener_logits, 3));

    // What `ethreed emotions` asks for says the same of the same turns.
    const UtteranceLogits<double> all = DialogueRnnModel::utterance_logits(tape, config, parameters, batch);
    REQUIRE(all.rows.size() == 4);
    for (int row = 0; row < 4; ++row) {
      CHECK(all.rows[static_cast<std::size_t>(row)].dialogue == row % 2);
      CHECK(all.rows[static_cast<std::size_t>(row)].turn == row / 2);
      CHECK(row_of(all.posts, row) == row_of(pass.speaker_logits, row));
      CHECK(row_of(all.responses, row) == row_of(pass.listener_logits, row));
    }
  }
}
