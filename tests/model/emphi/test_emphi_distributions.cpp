// EmpHi where a classifier gave every reply the probabilities of all intents.

#include "model/emphi/emphi.h"
#include "model/emphi/keywords.h"
#include "model/interface/run_config.h"
#include "model/text/prepare.h"
#include "tests/model/corpus_text.h"
#include "tests/model/model_bench.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

using Intents = std::array<float, 9>;

EmphiConfig soft_config(const Dataset& data) {
  EmphiConfig config;
  config.take_data(describe(data));
  config.keywords = 3;
  config.unlabelled = UnlabelledReplies::classifier;
  return config;
}

// p_z(0) is 1/5 and p_z(k) 1/10 whatever was said: hidden unit 0 is 1, the others 0, and W_2 has log 2 for intent 0.
void fix_prior(ModelState<double>& state, int width) {
  std::ranges::fill(parameter(state, "intent.hidden.weight"), 0.0);
  std::ranges::fill(parameter(state, "intent.hidden.bias"), 0.0);
  parameter(state, "intent.hidden.bias")[0] = 1;
  const std::span<double> output = parameter(state, "intent.output.weight");
  for (std::size_t k = 0; k < 9; ++k) output[k * static_cast<std::size_t>(width)] = k == 0 ? std::log(2.0) : 0.0;
}

// A corpus of one dialogue of four turns, whose replies a classifier of five classes, one an emotion, has labelled.
class SoftCorpus {
 public:
  SoftCorpus() {
    std::string train = corpus_header,
                intents = "conv_id,utterance_idx,label,p_questioning,p_sad,p_wishing,p_agreeing\n";
    const std::array<std::string, 4> replies{"plum plum pear", "kiwi kiwi kiwi", "apple apple zebra", "fig fig pear"};
    const std::array<std::string, 4> rows{"sad,0.3,0.6,0.1,0",             // questioning among the intents, 3 : 1
                                          "sad,0,1,0,0",                   // no intent
                                          "wishing,0.25,0.25,0.25,0.25",   // all alike: agreeing is the first
                                          "questioning,0.4,0.1,0.5,0.0"};  // the likeliest is not the label
    for (std::size_t t = 0; t < replies.size(); ++t) {
      train += fmt::format("c,{},sad,s,1,What?,,\nc,{},sad,s,0,{},,\n", 2 * t + 1, 2 * t + 2, replies[t]);
      intents += fmt::format("c,{},{}\n", 2 * t + 2, rows[t]);
    }
    folder_.file("train.csv", train);
    folder_.file("intents.csv", intents);
  }
  Dataset prepare(bool distributions = true) const {
    PrepareOptions options{.corpus_directory = folder_.path()};
    options.label_columns = {{"intent", folder_ / "intents.csv", distributions}};
    options.min_frequency = 1;
    options.dimension = 4;
    PrepareSummary summary;
    return prepare_in_memory(options, summary);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("EmpHi's q are the probabilities of its nine intents divided by their sum, z* the first of the likeliest") {
  const SoftCorpus corpus;
  const Dataset data = corpus.prepare();
  const ModelOf<EmphiModel> model(soft_config(data));
  const TinyExamples train(data.split("train"), model);
  const std::span<const TurnInput> turns = train.all().front().turns;
  REQUIRE(turns.size() == 4);
  const auto check = [&](std::size_t t, int likeliest, const Intents& q) {
    INFO(t);
    CHECK(turns[t].reply_class == likeliest);
    REQUIRE(turns[t].reply_distribution.size() == q.size());
    for (std::size_t k = 0; k < q.size(); ++k) CHECK(turns[t].reply_distribution[k] == Approx(q[k]).epsilon(1e-6));
  };
  check(0, 6, {0, 0, 0, 0, 0, 0, 0.75F, 0.25F, 0});
  CHECK(turns[1].reply_class == -1);
  CHECK(turns[1].reply_distribution.empty());
  constexpr float third = 1.0F / 3;
  check(2, 0, {third, 0, 0, 0, 0, 0, third, third, 0});
  check(3, 7, {0, 0, 0, 0, 0, 0, 4.0F / 9, 5.0F / 9, 0});

  // By labels, these alone count.
  EmphiConfig config = soft_config(data);
  config.unlabelled = UnlabelledReplies::missing;
  const ModelOf<EmphiModel> hard(config);
  const TinyExamples same(data.split("train"), hard);
  const std::array<int, 4> labels{-1, -1, 7, 6};
  for (std::size_t t = 0; t < labels.size(); ++t) {
    CHECK(same.all().front().turns[t].reply_class == labels[t]);
    CHECK(same.all().front().turns[t].reply_distribution.empty());
  }
}

TEST_CASE("EmpHi's loss of soft intents is the divergence of the prior from q over replies that have a q, by hand") {
  const EmphiConfig config = soft_config(tiny_data());
  const ModelOf<EmphiModel> model(config);
  ModelState<double> state = random_state<double>(model, 3);
  fix_prior(state, config.embedding);
  // ln(5/2), as q_k / p_z(k) is 5/2 wherever q_k is not 0; a certain one, −ln(1/5); and a reply without any.
  const Intents soft{0.5F, 0.25F, 0, 0, 0.25F, 0, 0, 0, 0}, certain{1, 0, 0, 0, 0, 0, 0, 0, 0};
  const std::vector<std::int32_t> words{7, 8, 3};
  const std::array<TurnInput, 3> turns{
      TurnInput{.post = words, .response = words, .reply_class = 0, .reply_distribution = soft},
      {.post = words, .response = words, .reply_class = 0, .reply_distribution = certain},
      {.post = words, .response = words}};
  const std::array<Example, 1> examples{Example{.turns = turns}};
  Bench<double> bench(model, std::move(state));
  const std::vector<double> losses = bench.differentiate(examples, {});
  CHECK(losses[emphi_intent] == Approx((std::log(2.5) + std::log(5.0)) / 2).epsilon(1e-14));
  // ∂L_int/∂logits = (p_z − q)/2 of each of the two, and hidden unit 0 is 1.
  const std::int64_t at = model.layout().find("intent.output.weight")->offset;
  const std::array<double, 9> wanted{
      (0.2 - 0.5 + 0.2 - 1) / 2, (0.1 - 0.25 + 0.1) / 2, 0.1, 0.1, (0.1 - 0.25 + 0.1) / 2, 0.1, 0.1, 0.1, 0.1};
  for (std::size_t k = 0; k < wanted.size(); ++k)
    CHECK(bench.state().gradients[at + static_cast<std::int64_t>(k) * config.embedding] ==
          Approx(config.weight_intent * wanted[k]).margin(1e-15));
}

TEST_CASE("EmpHi takes a label without probabilities for certain, and learns by it what it learns from the label") {
  const ModelOf<EmphiModel> soft(soft_config(tiny_data()));
  EmphiConfig config = soft_config(tiny_data());
  config.unlabelled = UnlabelledReplies::missing;
  const ModelOf<EmphiModel> hard(config);
  const TinyExamples labels(tiny_data().split("train"), hard);
  ModelState<double> state = random_state<double>(soft, 3), same = random_state<double>(hard, 3);
  std::ranges::copy(parameter(same, "intent.keywords"), parameter(state, "intent.keywords").begin());
  Bench<double> by_distribution(soft, std::move(state)), by_label(hard, std::move(same));
  const std::vector<double> one = by_distribution.losses(labels.all(), {}), other = by_label.losses(labels.all(), {});
  for (const std::size_t term : {emphi_generation, emphi_intent, emphi_emotion, emphi_copy})
    CHECK(one[term] == Approx(other[term]).epsilon(1e-13));
}

TEST_CASE("EmpHi counts keywords of soft intents by the likeliest, of replies without any not at all") {
  const SoftCorpus corpus;
  const Dataset data = corpus.prepare();
  EmphiConfig config = soft_config(data);
  config.keywords = 2;
  const std::vector<std::int32_t> table = emphi_keywords(config, data);
  const auto words = [&](std::size_t z) {
    return std::vector<std::string>{std::string(data.word(table[2 * z])), std::string(data.word(table[2 * z + 1]))};
  };
  CHECK(words(6) == std::vector<std::string>{"plum", "pear"});
  CHECK(words(0) == std::vector<std::string>{"apple", "zebra"});
  CHECK(words(7) == std::vector<std::string>{"fig", "pear"});
  CHECK(words(1) == std::vector<std::string>{"kiwi", "plum"});  // none of its own: the commonest of all replies
}

TEST_CASE("EmpHi refuses data without probabilities of intents, with the commands that make them") {
  const SoftCorpus corpus;
  const nlohmann::json keys =
      nlohmann::json::parse(R"({"model": {"keywords": 2}, "training": {"unlabelled": "classifier"}})");
  const ConfigPatch patch{&keys, "command line"};
  const auto configure = [&](const Dataset& data) {
    const DataDescription description = describe(data);
    return make_run_config("emphi", &description, {&patch, 1});
  };
  CHECK_THROWS_WITH(configure(corpus.prepare(false)),
                    Contains("'unlabelled' is 'classifier'") && Contains("ethreed train --model emotion_classifier") &&
                        Contains("ethreed label RUN CORPUS --distribution --parties listener") &&
                        Contains("--label-column intent=FILE --column-distributions intent") && !Contains("\n"));
  CHECK_NOTHROW(configure(corpus.prepare()));
}

TEST_CASE("EmpHi's run is known by the probabilities of its intents where it learns them, else by the labels alone") {
  const SoftCorpus corpus;
  const Dataset data = corpus.prepare();
  EmphiConfig config = soft_config(data);
  const std::string soft = learned_fingerprint(ModelOf<EmphiModel>(config), data);
  config.unlabelled = UnlabelledReplies::missing;
  const std::string hard = learned_fingerprint(ModelOf<EmphiModel>(config), data);
  CHECK(soft == data.training_fingerprint({.label_column = "intent", .label_distributions = true}));
  CHECK(hard == data.training_fingerprint({.label_column = "intent"}));
  CHECK(soft != hard);
}
