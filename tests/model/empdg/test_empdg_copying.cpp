// What EmpDG copies, and what its replies say of it.

#include "model/empdg/empdg.h"
#include "model/empdg/empdg_textbook.h"
#include "tests/model/copying_checks.h"

using namespace ethreed;
using namespace ethreed::test;

namespace {

EmpdgConfig copying_empdg(bool copy = true) {
  EmpdgConfig config;
  config.vocabulary = tiny_vocabulary;
  config.embedding = tiny_vector_width;
  config.transformer = {.width = 8, .heads = 2, .depth = 4, .inner = 5, .layers = 1};
  config.lexicon_count = 1;
  config.copy = copy;
  return config;
}

/// Random parameters; 5 and 9 are emotion words.
ModelState<double> state_of(const Model& model, std::uint64_t seed) {
  ModelState<double> state = random_state<double>(model, seed);
  const std::span<double> plain = parameter(state, "emotion_words.plain");
  for (std::size_t w = 0; w < plain.size(); ++w) plain[w] = w == 5 || w == 9 ? 0 : 1;
  return state;
}

double nll_of(const EmpdgConfig& config, std::vector<std::int32_t> post, std::vector<std::int32_t> reply) {
  const ModelOf<EmpdgModel> model(config);
  Bench<double> bench(model, state_of(model, 5));
  const TurnInput turn{.post = post, .response = reply};
  const std::vector<Example> examples{{.turns = {&turn, 1}}};
  return std::log(bench.figures({&examples, 1}, {.purpose = Purpose::validate})[0]) * count_of(reply);
}

}  // namespace

TEST_CASE("EmpDG looks where it copies: its look and the textbook's vocabulary make up the next word") {
  const ModelOf<EmpdgModel> model(copying_empdg());
  Bench<double> bench(model, state_of(model, 7));
  // 31 and 40 are no words of the vocabulary.
  const std::vector<std::int32_t> post{5, 40, 9, 31, 40, 8, 3}, forced{6, 31, 9, 3};
  const ForcedReply got = force_reply(model, bench, post, forced);
  // CLS and the words, then LAB and the emotion words.
  CHECK(got.source == std::vector<std::int32_t>{-1, 5, 30, 9, 31, 30, 8, -2, 5, 9});
  CHECK(got.given == std::vector<std::int32_t>{-1, 5, 40, 9, 31, 40, 8, -2, 5, 9});
  const reference::Parameters p = parameters_of(bench.state());
  const reference::EmpdgSwitches switches{.layers = 1, .heads = 2, .copy = true};
  const reference::EmpdgReading read = reference::read_empdg_context(p, switches, {{5, 40, 9, 31, 40, 8, 3}});
  const reference::Attended decoded = reference::empdg_states(p, switches, read, {6, 31, 9, 3});
  reference::Rows weights;
  for (const reference::Vector& logits : decoded.mean_logits)
    weights.push_back(reference::softmax(reference::softmax(logits)));
  check_mixture(got, p, decoded.output, weights);
  // Two shares differ by a factor of e at most.
  for (const std::vector<double>& attention : got.attention) {
    const auto [least, most] = std::minmax_element(attention.begin(), attention.end());
    CHECK(*most <= std::exp(1.0) * *least);
  }
}

TEST_CASE("EmpDG says a word that the vocabulary lacks by copying it, and takes it for UNK where it stands nowhere") {
  const EmpdgConfig config = copying_empdg();
  // 31 or 40: which of the words that the vocabulary lacks it is makes no difference where it stands.
  CHECK(nll_of(config, {6, 31, 8, 3}, {31, 3}) == Approx(nll_of(config, {6, 40, 8, 3}, {40, 3})).epsilon(1e-13));
  CHECK(nll_of(config, {6, 31, 8, 3}, {40, 3}) == Approx(nll_of(config, {6, 31, 8, 3}, {unk_id, 3})).epsilon(1e-13));
  CHECK(nll_of(config, {6, 31, 8, 3}, {31, 3}) != Approx(nll_of(config, {6, 31, 8, 3}, {40, 3})).epsilon(1e-6));
  // CLS, LAB and what the vocabulary lacks give UNK nothing: it is said as if it were never copied.
  const ModelOf<EmpdgModel> model(config);
  Bench<double> bench(model, state_of(model, 7));
  const ForcedReply got = force_reply(model, bench, {6, 31, 8, 3}, {6});
  CHECK(std::find(got.source.begin(), got.source.end(), unk_id) == got.source.end());
}

TEST_CASE("EmpDG without copying has no source, no look and no pointer, and names the key that would give one") {
  const ModelOf<EmpdgModel> model(copying_empdg(false)), copying(copying_empdg());
  CHECK_FALSE(model.has_pointer());
  CHECK(model.pointer_key() == "copy");
  CHECK(copying.has_pointer());
  CHECK(copying.pointer_key().empty());
  CHECK(copying.source_marks().size() == 2);
  Bench<double> bench(model, state_of(model, 7));
  const ForcedReply got = force_reply(model, bench, {5, 31, 9, 3}, {6, 9});
  CHECK(got.source.empty());
  CHECK(got.attention.front().empty());
  CHECK(got.probability.front().size() == tiny_vocabulary);
}
