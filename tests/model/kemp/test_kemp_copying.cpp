// What KEMP copies, and what its replies say of it.

#include "model/kemp/kemp.h"
#include "model/kemp/kemp_textbook.h"
#include "tests/model/copying_checks.h"

using namespace ethreed;
using namespace ethreed::test;

namespace {

KempConfig copying_kemp() {
  KempConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.knowledge = Knowledge::concept_map;
  return config;
}

/// Random parameters; word 9 has the concept 20, word 7 is intense.
ModelState<double> state_of(const KempConfig& config, std::uint64_t seed) {
  ModelState<double> state(layout_of<KempModel>(config), true);
  randomise(state, seed, 0.5);
  const std::span<double> known = parameter(state, "knowledge.words");
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = i % 3 == 1 ? -1 : 0;
  known[std::size_t{9} * 3 + 1] = 20;
  known[std::size_t{9} * 3 + 2] = 0.8;
  known[std::size_t{7} * 3] = 0.6;
  return state;
}

double nll_of(const KempConfig& config, const std::vector<std::vector<std::int32_t>>& said) {
  const ModelOf<KempModel> model(config);
  Bench<double> bench(model, state_of(config, 5));
  const TurnInput turn{.post = said[0], .response = said[1]};
  const std::vector<Example> examples{{.turns = {&turn, 1}}};
  return std::log(bench.figures({&examples, 1}, {.purpose = Purpose::validate})[0]) * count_of(said[1]);
}

}  // namespace

TEST_CASE("KEMP looks where it copies: its look and the textbook's vocabulary make up the next word") {
  const KempConfig config = copying_kemp();
  const ModelOf<KempModel> model(config);
  Bench<double> bench(model, state_of(config, 7));
  const std::vector<std::int32_t> post{5, 40, 9, 31, 40, 7, 3}, forced{20, 31, 9, 3};
  const ForcedReply got = force_reply(model, bench, post, forced);
  // CLS and the words, then SEP and the concepts.
  CHECK(got.source == std::vector<std::int32_t>{-1, 5, 30, 9, 31, 30, 7, -2, 20});
  CHECK(got.given == std::vector<std::int32_t>{-1, 5, 40, 9, 31, 40, 7, -2, 20});
  const reference::Parameters p = parameters_of(bench.state());
  const reference::KempSwitches switches{.layers = 1, .heads = 2, .knowledge = true};
  const reference::KempReading read = reference::read_kemp_context(p, switches, {{5, 40, 9, 31, 40, 7, 3}});
  const reference::KempStates decoded = reference::kemp_states(p, switches, read, {20, 31, 9, 3});
  reference::Rows weights;
  for (const reference::Vector& attention : decoded.attention) weights.push_back(reference::softmax(attention));
  check_mixture(got, p, decoded.states, weights);
}

TEST_CASE("a shorter context of a batch of KEMP's has its own source, and what pads it has no share") {
  const KempConfig config = copying_kemp();
  const ModelOf<KempModel> model(config);
  Bench<double> bench(model, state_of(config, 7));
  const Dialogues dialogues{{{{9, 6, 9, 8, 31, 7, 3}, {3}, -1, -1}}, {{{31, 3}, {3}, -1, -1}}};
  const DialogueExamples examples(dialogues);
  bench.load(examples.all());
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), {.look = true});
  REQUIRE(session->rows() == 2);
  const int brief = session->row(0).dialogue == 1 ? 0 : 1;
  const std::vector<std::int32_t> parents{0, 1}, words{sos_id, sos_id};
  session->advance(parents, words);
  CHECK(session->source(brief).size() == 3);
  CHECK(session->look(brief).attention.size() == 3);
  CHECK(session->source(1 - brief).size() == 10);
  CHECK(session->look(1 - brief).attention.size() == 10);
  for (const int k : {0, 1}) {
    double sum = 0;
    for (const double x : session->look(k).attention) sum += x;
    CHECK(sum == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("KEMP says a word that the vocabulary lacks by copying it, and takes it for UNK where it stands nowhere") {
  const KempConfig config = copying_kemp();
  CHECK(nll_of(config, {{6, 31, 8, 3}, {31, 3}}) == Approx(nll_of(config, {{6, 40, 8, 3}, {40, 3}})).epsilon(1e-13));
  CHECK(nll_of(config, {{6, 31, 8, 3}, {40, 3}}) ==
        Approx(nll_of(config, {{6, 31, 8, 3}, {unk_id, 3}})).epsilon(1e-13));
  CHECK(nll_of(config, {{6, 31, 8, 3}, {31, 3}}) != Approx(nll_of(config, {{6, 31, 8, 3}, {40, 3}})).epsilon(1e-6));
}
