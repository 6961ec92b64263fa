// What EmpHi may get wrong and the properties of every model do not see: its intents, its keywords, its heads.

#include "model/emphi/emphi.h"
#include "model/emphi/keywords.h"
#include "model/interface/run_config.h"
#include "model/text/prepare.h"
#include "model/text/stop_words.h"
#include "tests/model/model_bench.h"

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

EmphiConfig tiny_emphi() {
  EmphiConfig config;
  config.take_data(describe(tiny_data()));
  config.keywords = 3;
  return config;
}

// The examples of a split, every reply without its intent.
class WithoutIntents {
 public:
  explicit WithoutIntents(std::span<const Example> examples) : examples_(examples.begin(), examples.end()) {
    turns_.reserve(examples_.size());
    for (Example& example : examples_) {
      auto& turns = turns_.emplace_back(example.turns.begin(), example.turns.end());
      for (TurnInput& turn : turns) turn.reply_class = -1;
      example.turns = turns;
    }
  }
  WithoutIntents(const WithoutIntents&) = delete;
  WithoutIntents& operator=(const WithoutIntents&) = delete;
  std::span<const Example> all() const { return examples_; }

 private:
  std::vector<std::vector<TurnInput>> turns_;
  std::vector<Example> examples_;
};

double norm(ModelState<double>& state, const std::string& name) {
  const auto* entry = state.layout.find(name);
  double square = 0;
  for (std::int64_t i = 0; i < entry->shape.count(); ++i) square += std::pow(state.gradients[entry->offset + i], 2);
  return std::sqrt(square);
}

}  // namespace

TEST_CASE("EmpHi's replies without an intent teach the head of intents nothing, and are written all the same") {
  const ModelOf<EmphiModel> model(tiny_emphi());
  const TinyExamples train(tiny_data().split("train"), model);
  const WithoutIntents none(train.all());
  Bench<double> bench(model, random_state<double>(model, 3));
  const std::vector<double> losses = bench.differentiate(none.all(), {});
  CHECK(std::isfinite(losses[emphi_generation]));
  CHECK(std::isnan(losses[emphi_intent]));
  CHECK(std::isnan(losses[emphi_copy]));
  for (const char* name : {"intent.hidden.weight", "intent.hidden.bias", "intent.output.weight"})
    CHECK(norm(bench.state(), name) == 0);
  CHECK(norm(bench.state(), "intent.embedding.weight") > 0);
  CHECK(norm(bench.state(), "decoder.copy_gate.weight") > 0);  // τ is part of P
  CHECK(norm(bench.state(), "intent.keywords") == 0);

  // As neutral they count like any other.
  EmphiConfig config = tiny_emphi();
  config.unlabelled = UnlabelledReplies::neutral;
  const ModelOf<EmphiModel> neutral(config);
  Bench<double> other(neutral, random_state<double>(neutral, 3));
  const std::vector<double> all = other.differentiate(none.all(), {});
  CHECK(std::isfinite(all[emphi_intent]));
  CHECK(std::isfinite(all[emphi_copy]));
  CHECK(norm(other.state(), "intent.output.weight") > 0);
}

TEST_CASE("EmpHi draws an intent for every reply of its own, as often as the prior has it") {
  const std::array<double, 9> logits{0.3, -1.0, 1.2, 0.0, -2.5, 0.8, 2.0, -0.4, 0.1};
  double sum = 0;
  for (const double x : logits) sum += std::exp(x);
  constexpr int draws = 20'000;
  std::array<int, 9> counts{};
  int changes = 0, last = -1;
  for (int place = 0; place < draws; ++place) {
    const int z = drawn_intent<double>(logits, 7, place);
    CHECK(z == drawn_intent<double>(logits, 7, place));
    ++counts[static_cast<std::size_t>(z)];
    changes += z != last;
    last = z;
  }
  CHECK(changes > draws / 2);
  for (std::size_t z = 0; z < logits.size(); ++z) {
    const double p = std::exp(logits[z]) / sum;
    CHECK(counts[z] == Approx(draws * p).margin(4 * std::sqrt(draws * p * (1 - p))));
  }
  CHECK(likeliest_intent<double>(logits) == 6);
}

TEST_CASE("EmpHi's heads are uniform if all of their ReLUs are 0") {
  const ModelOf<EmphiModel> model(tiny_emphi());
  const TinyExamples train(tiny_data().split("train"), model);
  ModelState<double> state = random_state<double>(model, 3);
  for (const char* name : {"emotion.hidden.bias", "intent.hidden.bias"})
    std::ranges::fill(parameter(state, name), -1e6);
  Bench<double> bench(model, std::move(state));
  const std::vector<double> losses = bench.losses(train.all(), {});
  CHECK(losses[emphi_intent] == Approx(std::log(9.0)).epsilon(1e-14));
  CHECK(losses[emphi_emotion] == Approx(std::log(32.0)).epsilon(1e-14));
}

TEST_CASE("EmpHi's draws change the perplexity of drawn intents alone") {
  const ModelOf<EmphiModel> model(tiny_emphi());
  const TinyExamples train(tiny_data().split("train"), model);
  const std::vector<Example> all(train.all().begin(), train.all().end());
  Bench<double> bench(model, random_state<double>(model, 5));
  const auto figures = [&](bool sample) {
    return bench.figures({&all, 1}, {.purpose = Purpose::validate, .seed = 3, .sample_latent = sample});
  };
  const std::vector<double> drawn = figures(true), likeliest = figures(false);
  CHECK(drawn[0] != likeliest[0]);
  CHECK(likeliest[0] == Approx(likeliest[3]).epsilon(1e-13));  // the likeliest intent is that of the mean
  for (const std::size_t k : {2U, 3U, 4U}) CHECK(drawn[k] == likeliest[k]);
}

TEST_CASE("EmpHi's keywords are the most frequent words of an intent's replies, equal ones by first appearance") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "corpus");
  const auto row = [](int d, int u, const std::string& text) {
    return fmt::format("c{},{},sad,p,{},{},,\n", d, u, u % 2, text);
  };
  const std::string header = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
  folder.file("corpus/train.csv",
              header + row(1, 1, "what zebra apple") + row(1, 2, "What pear_comma_ plum? Apple pear!") +
                  row(2, 1, "plum plum") + row(2, 2, "apple plum. Rare pear") + row(3, 1, "so") +
                  row(3, 2, "kiwi kiwi kiwi") + row(4, 1, "what kiwi zebra") + row(4, 2, "zebra zebra kiwi"));
  folder.file(
      "intents.csv",
      "conv_id,utterance_idx,label\nc1,2,questioning\nc2,2,questioning\nc2,1,wishing\nc3,2,sad\nc4,2,wishing\n");
  PrepareOptions options{.corpus_directory = folder / "corpus", .output_directory = folder / "data"};
  options.label_columns = {{"intent", folder / "intents.csv"}};
  options.min_frequency = 2;
  options.dimension = 4;
  PrepareSummary summary;
  const Dataset data = prepare_in_memory(options, summary);
  EmphiConfig config;
  config.take_data(describe(data));
  config.keywords = 4;
  const std::vector<std::int32_t> table = emphi_keywords(config, data);
  REQUIRE(table.size() == 36);
  const auto words = [&](std::string_view intent) {
    const auto z = std::find(emphi_intents.begin(), emphi_intents.end(), intent) - emphi_intents.begin();
    std::vector<std::string> out;
    for (auto k = 4 * z; k < 4 * z + 4; ++k) out.emplace_back(data.word(table[static_cast<std::size_t>(k)]));
    return out;
  };
  // pear 3, plum and apple 2 each; `what` is a stop word, `rare` is not in the vocabulary. Then the commonest of all.
  CHECK(words("questioning") == std::vector<std::string>{"pear", "plum", "apple", "kiwi"});
  CHECK(words("wishing") == std::vector<std::string>{"zebra", "kiwi", "pear", "plum"});  // posts do not count
  CHECK(words("neutral") == std::vector<std::string>{"kiwi", "pear", "plum", "apple"});
  config.keywords = config.vocabulary;
  CHECK_THROWS_WITH(emphi_keywords(config, data), Contains("lower model.keywords"));
}

TEST_CASE("EmpHi's stop words are grammar and punctuation, not what an intent is made of") {
  for (const char* word : {"the", "i", "not", "what", "'s", "?", "...", "♥"}) CHECK(is_stop_word(word));
  for (const char* word : {"sorry", "would", "could", "maybe", "oh", "24", "hope", "très"})
    CHECK_FALSE(is_stop_word(word));
}

TEST_CASE("EmpHi refuses data without intents in one line that says what to bring") {
  DataDescription data{.vocabulary = 100, .embedding = 8, .labels = {{"emotion", {"sad", "glad"}}}};
  const nlohmann::json nothing = nlohmann::json::object();
  const ConfigPatch patch{&nothing, "command line"};
  const auto configure = [&] { return make_run_config("emphi", &data, {&patch, 1}); };
  CHECK_THROWS_WITH(configure(), Contains("--label-column intent=FILE") && Contains("Welivita and Pu") &&
                                     Contains("CC BY-NC 4.0") && Contains("samples/corpus/intents.csv") &&
                                     !Contains("\n"));
  data.labels.push_back({"intent", {"asks", "sad"}});
  CHECK_THROWS_WITH(configure(), Contains("agreeing") && Contains("none of them"));
  data.labels.back().classes.emplace_back("questioning");
  CHECK_NOTHROW(configure());
}

TEST_CASE("EmpHi refuses keywords that are no words") {
  const ModelOf<EmphiModel> model(tiny_emphi());
  const TinyExamples few(tiny_data().split("test"), model);
  for (const double bad : {-1.0, 0.5, 30.0, std::nan("")}) {
    ModelState<double> state = random_state<double>(model, 3);
    parameter(state, "intent.keywords")[4] = bad;
    Bench<double> bench(model, std::move(state));
    CHECK_THROWS_WITH(bench.losses(few.all(), {}), Contains("keyword 1 of intent 'acknowledging'"));
  }
}

TEST_CASE("EmpHi reads the last tokens of a long dialogue, with separators and without end marks") {
  EmphiConfig config = tiny_emphi();
  config.context_tokens = 5;
  const std::vector<std::int32_t> p1{9, 8, 3}, r1{7, 3}, p2{31, 6, 3}, empty{3};
  const std::array<TurnInput, 2> turns{TurnInput{.post = p1, .response = r1}, {.post = p2, .response = empty}};
  const std::array<TurnInput, 1> nothing{TurnInput{.post = empty, .response = empty}};
  const std::array<Example, 2> examples{Example{.turns = turns}, {.turns = nothing}};
  EmphiBatch batch;
  batch.build(config, examples);
  std::vector<std::vector<std::int32_t>> read;
  for (int r = 0; r < batch.dialogues.turns(); ++r) {
    auto& words = read.emplace_back();
    for (int k = batch.key_offsets[static_cast<std::size_t>(r)]; k < batch.key_offsets[static_cast<std::size_t>(r) + 1];
         ++k)
      words.push_back(batch.word_ids[static_cast<std::size_t>(
          batch.context_inputs[static_cast<std::size_t>(batch.key_rows[static_cast<std::size_t>(k)])])]);
  }
  std::sort(read.begin(), read.end());
  // P_1; of P_1 sep R_1 sep P_2 the last five; a separator where nothing was said.
  CHECK(read == std::vector<std::vector<std::int32_t>>{{0}, {0, 7, 0, 1, 6}, {9, 8}});
}
