// The configuration: the recipe's values, JSON there and back, and a clear word for every mistake.

#include "core/error.h"
#include "model/ethreed/config.h"
#include "tests/model/tiny_model.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

RunConfig updated(const Json& json) {
  RunConfig config;
  update_from_json(config, json, "run.json");
  return config;
}

ModelConfig valid_model() {
  ModelConfig model;
  model.vocabulary = 100;
  return model;
}

}  // namespace

TEST_CASE("the defaults are the recipe of the paper") {
  const RunConfig config;
  for (const int size :
       {config.model.embedding, config.model.encoder, config.model.global_state, config.model.party_state,
        config.model.emotion_state, config.model.content_state, config.model.decoder_state, config.model.bottleneck})
    CHECK(size == 300);
  CHECK(config.model.emotions == 32);
  CHECK(config.model.ablation == Ablation::none);
  CHECK_FALSE(config.model.constraint_gradient);
  CHECK(config.training.batch == 8);
  CHECK(config.training.learning_rate == 5e-4);
  CHECK(config.training.learning_rate_factor == 0.3);
  CHECK(config.training.learning_rate_epochs == 3);
  CHECK(config.training.adam_beta1 == 0.9);
  CHECK(config.training.adam_beta2 == 0.999);
  CHECK(config.training.adam_epsilon == 1e-8);
  CHECK(config.training.clip_norm == 1.0);
  CHECK(config.training.dropout == 0.5);
  CHECK(config.training.update_gate_bias == 2.0);
  CHECK(config.training.weights == LossWeights{1.0, 1.0, 1.0, 1.0});
  CHECK_NOTHROW(valid_model().check());
  CHECK_NOTHROW(config.training.check());
}

TEST_CASE("the model of the paper has as many parameters as its sizes say") {
  // 10,813,653 at V = 8,217 and 601 for every word more; see docs/surprises.md.
  ModelConfig model;
  model.vocabulary = 8217;
  CHECK(ParameterLayout(model).parameter_count() == 10'813'653);
  model.vocabulary = 8218;
  CHECK(ParameterLayout(model).parameter_count() == 10'813'653 + 601);
}

TEST_CASE("ablations have the six names, there and back") {
  const std::vector<std::string> names{"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(name_of(test::all_ablations[i]) == names[i]);
    CHECK(ablation_from(names[i]) == test::all_ablations[i]);
  }
  CHECK_THROWS_WITH(ablation_from("no_gru"), Contains("'no_gru'") && Contains("no_tracking"));
  CHECK_THROWS_AS(ablation_from(""), Error);
}

TEST_CASE("an ablation switches off what its name says and nothing else") {
  const auto switches = [](Ablation ablation) {
    ModelConfig c = valid_model();
    c.ablation = ablation;
    return std::array{c.has_policy(), c.has_divergence(), c.has_party(), c.has_emotion_cell(), c.has_two_chains()};
  };
  CHECK(switches(Ablation::none) == std::array{true, true, true, true, true});
  CHECK(switches(Ablation::no_policy) == std::array{false, false, true, true, true});
  CHECK(switches(Ablation::no_gps) == std::array{true, false, true, true, true});
  CHECK(switches(Ablation::no_party) == std::array{true, true, false, true, true});
  CHECK(switches(Ablation::no_emotion) == std::array{true, true, true, false, true});
  CHECK(switches(Ablation::no_tracking) == std::array{true, true, true, true, false});
  ModelConfig unlabelled = valid_model();
  unlabelled.listener_labels = false;
  CHECK_FALSE(unlabelled.has_divergence());
}

TEST_CASE("a configuration comes back from JSON as it went in, every key changed") {
  RunConfig config;
  config.model = {.vocabulary = 101,
                  .embedding = 1,
                  .encoder = 2,
                  .global_state = 3,
                  .party_state = 4,
                  .emotion_state = 5,
                  .content_state = 6,
                  .decoder_state = 7,
                  .bottleneck = 8,
                  .emotions = 9,
                  .ablation = Ablation::no_party,
                  .listener_labels = false,
                  .constraint_gradient = true};
  config.training = {.epochs = 11,
                     .batch = 12,
                     .learning_rate = 0.1 + 0.2,
                     .learning_rate_factor = 1.0 / 3.0,
                     .learning_rate_epochs = 13,
                     .adam_beta1 = 0.14,
                     .adam_beta2 = 0.15,
                     .adam_epsilon = 1e-16,
                     .clip_norm = 0.17,
                     .dropout = 0.18,
                     .update_gate_bias = -0.19,
                     .seed = 0xFFFF'FFFF'FFFF'FFFFULL,
                     .weights = {0.21, 0.22, 0.23, 0.24}};
  const Json json = Json::parse(to_json(config).dump());
  CHECK(updated(json) == config);
  // Nothing is left at its default by accident.
  const Json defaults = to_json(RunConfig{});
  for (const char* section : {"model", "training"})
    for (const auto& [key, value] : defaults[section].items()) {
      INFO(section << "." << key);
      CHECK(json[section][key] != value);
    }
}

TEST_CASE("JSON changes the keys it has and no others") {
  RunConfig config;
  config.training.batch = 5;
  update_from_json(config, Json::parse(R"({"training": {"epochs": 2}, "model": {"ablation": "no_gps"}})"), "run.json");
  RunConfig wanted;
  wanted.training.batch = 5;
  wanted.training.epochs = 2;
  wanted.model.ablation = Ablation::no_gps;
  CHECK(config == wanted);
  update_from_json(config, Json::object(), "run.json");
  CHECK(config == wanted);
}

TEST_CASE("a key that does not exist is refused with the keys that do") {
  CHECK_THROWS_WITH(updated({{"training", {{"lr", 0.1}}}}),
                    Contains("run.json") && Contains("'lr'") && Contains("learning_rate"));
  CHECK_THROWS_WITH(updated({{"model", {{"batch", 8}}}}), Contains("'batch'") && Contains("vocabulary"));
  CHECK_THROWS_WITH(updated({{"modle", Json::object()}}), Contains("run.json") && Contains("'modle'"));
}

TEST_CASE("a value of the wrong type is refused with its key") {
  const auto refuses = [](const char* section, const char* key, const Json& value) {
    INFO(section << "." << key << " = " << value.dump());
    CHECK_THROWS_WITH(updated({{section, {{key, value}}}}), Contains("run.json") && Contains(key));
  };
  for (const Json& value : {Json("8"), Json(8.5), Json(-1), Json(1e12), Json(), Json::array({8})})
    refuses("training", "batch", value);
  for (const Json& value : {Json("x"), Json(true), Json()}) refuses("training", "learning_rate", value);
  for (const Json& value : {Json(-1), Json(1.5), Json("1")}) refuses("training", "seed", value);
  for (const Json& value : {Json(1), Json("true")}) refuses("model", "constraint_gradient", value);
  refuses("model", "ablation", Json(1));
  CHECK_THROWS_WITH(updated({{"model", {{"ablation", "everything"}}}}), Contains("everything"));
  CHECK_THROWS_WITH(updated(Json::array()), Contains("run.json"));
  CHECK_THROWS_WITH(updated({{"model", 3}}), Contains("'model' must be an object"));
}

TEST_CASE("sizes out of range are refused with their key") {
  const auto refuses = [](auto change, const char* key) {
    ModelConfig model = valid_model();
    change(model);
    CHECK_THROWS_WITH(model.check(), Contains(key));
  };
  refuses([](ModelConfig& m) { m.vocabulary = 4; }, "vocabulary");
  refuses([](ModelConfig& m) { m.embedding = 0; }, "embedding");
  refuses([](ModelConfig& m) { m.decoder_state = 1'000'000; }, "decoder_state");
  refuses([](ModelConfig& m) { m.emotions = 1; }, "emotions");
  CHECK_THROWS_WITH(ParameterLayout(ModelConfig{}), Contains("vocabulary"));  // V comes from the data
}

TEST_CASE("without GRU_e the emotion state must have the size of what it is") {
  ModelConfig model = valid_model();
  model.ablation = Ablation::no_emotion;
  CHECK_NOTHROW(model.check());
  model.party_state = 200;
  CHECK_THROWS_WITH(model.check(), Contains("party_state") && Contains("200") && Contains("emotion_state"));
  model.emotion_state = 200;
  CHECK_NOTHROW(model.check());
}

TEST_CASE("values of the recipe out of range are refused with their key") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](auto change, const char* key) {
    TrainingConfig training;
    change(training);
    CHECK_THROWS_WITH(training.check(), Contains(key));
  };
  refuses([](TrainingConfig& t) { t.epochs = 0; }, "epochs");
  refuses([](TrainingConfig& t) { t.batch = 0; }, "batch");
  refuses([&](TrainingConfig& t) { t.learning_rate = nan; }, "learning_rate");
  refuses([](TrainingConfig& t) { t.learning_rate = -1; }, "learning_rate");
  refuses([](TrainingConfig& t) { t.learning_rate_factor = 0; }, "learning_rate_factor");
  refuses([](TrainingConfig& t) { t.learning_rate_epochs = 0; }, "learning_rate_epochs");
  refuses([](TrainingConfig& t) { t.adam_beta1 = 1; }, "adam_beta1");
  refuses([](TrainingConfig& t) { t.adam_beta2 = 1; }, "adam_beta2");
  refuses([](TrainingConfig& t) { t.adam_epsilon = 0; }, "adam_epsilon");
  refuses([](TrainingConfig& t) { t.clip_norm = 0; }, "clip_norm");
  refuses([](TrainingConfig& t) { t.dropout = 1; }, "dropout");
  refuses([&](TrainingConfig& t) { t.dropout = nan; }, "dropout");
  refuses([](TrainingConfig& t) { t.weights.policy = -1; }, "weight_policy");
  refuses([&](TrainingConfig& t) { t.weights.coverage = nan; }, "weight_coverage");
}

TEST_CASE("a configuration file that is absent or damaged is refused with its name") {
  const TemporaryFolder folder;
  RunConfig config;
  CHECK_THROWS_WITH(update_from_file(config, (folder / "absent.json").string()), Contains("absent.json"));
  CHECK_THROWS_WITH(update_from_file(config, folder.file("bad.json", "{\"model\": ").string()),
                    Contains("bad.json") && Contains("JSON"));
  CHECK_THROWS_WITH(update_from_file(config, folder.file("typo.json", R"({"training": {"bacth": 4}})").string()),
                    Contains("typo.json") && Contains("'bacth'"));
  update_from_file(config, folder.file("good.json", R"({"training": {"batch": 4}})").string());
  CHECK(config.training.batch == 4);
}
