// The configuration of ETHREED: the paper's values, JSON there and back, and a clear word for every mistake.

#include "core/error.h"
#include "model/ethreed/losses.h"
#include "model/interface/run_config.h"
#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

DataDescription data_of(int vocabulary = 100, bool listener_labels = true) {
  return {.vocabulary = vocabulary,
          .embedding = 300,
          .listener_labels = listener_labels,
          .labels = {{"emotion", {emotion_names.begin(), emotion_names.end()}}}};
}

RunConfig made(const Json& json, const DataDescription* data) {
  const ConfigPatch patch{&json, "run.json"};
  return make_run_config("ethreed", data, {&patch, 1});
}
RunConfig made(const Json& json) {
  const DataDescription data = data_of();
  return made(json, &data);
}

const EthreedConfig& config_of(const RunConfig& config) {
  return dynamic_cast<const ModelOf<EthreedModel>&>(*config.model).config();
}

EthreedConfig valid_config() {
  EthreedConfig config;
  config.vocabulary = 100;
  return config;
}

}  // namespace

TEST_CASE("the defaults are the recipe of the paper") {
  const RunConfig run = made(Json::object());
  const EthreedConfig& config = config_of(run);
  for (const int size : {config.embedding, config.encoder, config.global_state, config.party_state,
                         config.emotion_state, config.content_state, config.decoder_state, config.bottleneck})
    CHECK(size == 300);
  CHECK(config.emotion_classes == 32);
  CHECK(config.ablation == Ablation::none);
  CHECK_FALSE(config.constraint_gradient);
  CHECK(config.dropout == 0.5);
  CHECK(config.update_gate_bias == 2.0);
  for (const double weight :
       {config.weights.emotion, config.weights.policy, config.weights.generation, config.weights.coverage})
    CHECK(weight == 1.0);
  CHECK(run.recipe.batch == 8);
  CHECK(run.recipe.learning_rate == 5e-4);
  CHECK(run.recipe.schedule == Schedule::step);
  CHECK(run.recipe.learning_rate_factor == 0.3);
  CHECK(run.recipe.learning_rate_epochs == 3);
  CHECK(run.recipe.adam_beta1 == 0.9);
  CHECK(run.recipe.adam_beta2 == 0.999);
  CHECK(run.recipe.adam_epsilon == 1e-8);
  CHECK(run.recipe.clip_norm == 1.0);
  CHECK(run.recipe.weight_decay == 0.0);
  CHECK(run.recipe.patience == 0);
  CHECK_NOTHROW(valid_config().check());
  CHECK_NOTHROW(run.recipe.check());
}

TEST_CASE("sizes of the data are taken from the data") {
  const DataDescription data = data_of(8217, false);
  const EthreedConfig config = config_of(made(Json::object(), &data));
  CHECK(config.vocabulary == 8217);
  CHECK(config.embedding == 300);
  CHECK(config.emotion_classes == 32);
  CHECK_FALSE(config.listener_labels);
}

TEST_CASE("the model of the paper has as many parameters as its sizes say") {
  // 10,813,653 at V = 8,217 and 601 for every word more; see docs/surprises.md.
  EthreedConfig config;
  config.vocabulary = 8217;
  CHECK(layout_of<EthreedModel>(config).parameter_count() == 10'813'653);
  config.vocabulary = 8218;
  CHECK(layout_of<EthreedModel>(config).parameter_count() == 10'813'653 + 601);
}

TEST_CASE("ablations have the six names, there and back") {
  const std::vector<std::string> names{"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    EthreedConfig config = valid_config();
    config.ablation = all_ablations[i];
    CHECK(config.variant() == names[i]);
    CHECK(ablation_from(names[i]) == all_ablations[i]);
    CHECK(made({{"model", {{"ablation", names[i]}}}}).model->variant() == names[i]);
  }
  CHECK_THROWS_WITH(ablation_from("no_gru"), Contains("'no_gru'") && Contains("no_tracking"));
  CHECK_THROWS_AS(ablation_from(""), Error);
}

TEST_CASE("situations to learn from are asked of the data before training") {
  const Json asked{{"training", {{"weight_situation", 0.5}}}};
  DataDescription data = data_of();
  CHECK_THROWS_WITH(made(asked, &data),
                    Contains("run.json") && Contains("weight_situation") && Contains("the data has no situations"));
  data.situations = true;
  CHECK(made(asked, &data).model->reads_situations());
  CHECK_FALSE(made(Json::object(), &data).model->reads_situations());
}

TEST_CASE("the weight of L2 rises from 0 to its own over policy_anneal_steps") {
  EthreedConfig config;
  CHECK(policy_share(config, 0) == 1.0);
  config.policy_anneal_steps = 4;
  CHECK(policy_share(config, 0) == 0.0);
  CHECK(policy_share(config, 3) == 0.75);
  for (const int step : {4, 5, 1000}) CHECK(policy_share(config, step) == 1.0);
}

TEST_CASE("an ablation switches off what its name says and nothing else") {
  const auto switches = [](Ablation ablation) {
    EthreedConfig c = valid_config();
    c.ablation = ablation;
    return std::array{c.has_policy(), c.has_divergence(), c.has_party(), c.has_emotion_cell(), c.has_two_chains()};
  };
  CHECK(switches(Ablation::none) == std::array{true, true, true, true, true});
  CHECK(switches(Ablation::no_policy) == std::array{false, false, true, true, true});
  CHECK(switches(Ablation::no_gps) == std::array{true, false, true, true, true});
  CHECK(switches(Ablation::no_party) == std::array{true, true, false, true, true});
  CHECK(switches(Ablation::no_emotion) == std::array{true, true, true, false, true});
  CHECK(switches(Ablation::no_tracking) == std::array{true, true, true, true, false});
  EthreedConfig unlabelled = valid_config();
  unlabelled.listener_labels = false;
  CHECK_FALSE(unlabelled.has_divergence());
}

TEST_CASE("a configuration comes back from JSON as it went in, every key changed") {
  const Json changed = Json::parse(R"({
    "model": {"name": "ethreed", "vocabulary": 101, "embedding": 1, "encoder": 2, "global_state": 3, "party_state": 4,
              "emotion_state": 5, "content_state": 6, "decoder_state": 7, "bottleneck": 8, "emotions": 9,
              "ablation": "no_party", "listener_labels": false, "constraint_gradient": true,
              "unbounded_energies": true, "pooling": "attention", "emotion_input": true, "content_input": true,
              "deep_output": true},
    "training": {"epochs": 11, "batch": 12, "learning_rate": 0.30000000000000004,
                 "learning_rate_factor": 0.3333333333333333, "learning_rate_epochs": 13, "adam_beta1": 0.14,
                 "adam_beta2": 0.15, "adam_epsilon": 1e-16, "clip_norm": 0.17, "dropout": 0.18,
                 "update_gate_bias": -0.19, "seed": 18446744073709551615, "weight_emotion": 0.21, "weight_policy": 0.22,
                 "weight_generation": 0.23, "weight_coverage": 0.24, "schedule": "linear", "warm_up_steps": 25,
                 "weight_decay": 0.26, "patience": 27, "weight_copy": 0.28, "generation_gate_bias": -0.29, "mask_words": 0.3,
                 "mask_words_from": 31, "dropout_words": 0.32, "dropout_encoder": 0.33, "dropout_output": 0.34,
                 "sample_in_training": false, "weight_situation": 0.35, "policy_direction": "p_to_q",
                 "policy_anneal_steps": 36, "emotion_smoothing": 0.37, "frozen_vector_steps": 38,
                 "selection": "both", "average_updates": 140, "noise_scale": 0.39, "listener_distributions": true}})");
  const RunConfig run = made(changed, nullptr);
  const Json json = Json::parse(to_json(run).dump());
  CHECK(json == changed);
  const RunConfig again = made(json, nullptr);
  CHECK(again.recipe == run.recipe);
  CHECK(to_json(again) == json);
  // Every member is read from its own key.
  const EthreedConfig& config = config_of(run);
  CHECK(std::array{config.vocabulary, config.embedding, config.encoder, config.global_state, config.party_state,
                   config.emotion_state, config.content_state, config.decoder_state, config.bottleneck,
                   config.emotion_classes} == std::array{101, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(config.ablation == Ablation::no_party);
  CHECK_FALSE(config.listener_labels);
  CHECK(config.constraint_gradient);
  CHECK(config.unbounded_energies);
  CHECK(config.pooling == UtterancePooling::attention);
  CHECK(config.emotion_input);
  CHECK(config.content_input);
  CHECK(config.deep_output);
  CHECK_FALSE(config.sample_in_training);
  CHECK(config.mask_words_from == 31);
  CHECK(config.policy_direction == PolicyDirection::p_to_q);
  CHECK(config.selection == SelectedBy::both);
  CHECK(config.listener_distributions);
  CHECK(config.policy_anneal_steps == 36);
  CHECK(config.frozen_vector_steps == 38);
  CHECK(std::array{config.dropout, config.update_gate_bias, config.weights.emotion, config.weights.policy,
                   config.weights.generation, config.weights.coverage, config.weights.copy, config.generation_gate_bias,
                   config.mask_words, config.dropout_words, config.dropout_encoder, config.dropout_output,
                   config.weights.situation, config.emotion_smoothing, config.noise_scale} ==
        std::array{0.18, -0.19, 0.21, 0.22, 0.23, 0.24, 0.28, -0.29, 0.3, 0.32, 0.33, 0.34, 0.35, 0.37, 0.39});
  CHECK(run.recipe == Recipe{.epochs = 11,
                             .batch = 12,
                             .learning_rate = 0.1 + 0.2,
                             .learning_rate_factor = 1.0 / 3.0,
                             .learning_rate_epochs = 13,
                             .adam_beta1 = 0.14,
                             .adam_beta2 = 0.15,
                             .adam_epsilon = 1e-16,
                             .clip_norm = 0.17,
                             .seed = 0xFFFF'FFFF'FFFF'FFFFULL,
                             .schedule = Schedule::linear,
                             .warm_up_steps = 25,
                             .weight_decay = 0.26,
                             .average_updates = 140,
                             .patience = 27});
  // Nothing is left at its default by accident.
  const Json defaults = to_json(made(Json::object()));
  for (const char* section : {"model", "training"})
    for (const auto& [key, value] : defaults[section].items()) {
      INFO(section << "." << key);
      if (key != "name") CHECK(json[section][key] != value);
    }
}

TEST_CASE("keys that came later are not written at their defaults, so that older files keep their bytes") {
  const Json json = to_json(made(Json::object()));
  for (const char* key : {"schedule",          "warm_up_steps",         "weight_decay",
                          "patience",          "weight_copy",           "generation_gate_bias",
                          "mask_words",        "mask_words_from",       "dropout_words",
                          "dropout_encoder",   "dropout_output",        "sample_in_training",
                          "weight_situation",  "policy_direction",      "policy_anneal_steps",
                          "emotion_smoothing", "frozen_vector_steps",   "selection",
                          "noise_scale",       "listener_distributions"}) {
    INFO(key);
    CHECK_FALSE(json["training"].contains(key));
  }
  for (const char* key : {"unbounded_energies", "pooling", "emotion_input", "content_input", "deep_output"})
    CHECK_FALSE(json["model"].contains(key));
  CHECK(json["training"].size() == 16);
  CHECK(json["model"].size() == 14);
}

TEST_CASE("JSON changes the keys it has and no others") {
  const DataDescription data = data_of();
  const Json first = Json::parse(R"({"training": {"batch": 5}})");
  const Json second = Json::parse(R"({"training": {"epochs": 2}, "model": {"ablation": "no_gps"}})");
  const Json nothing = Json::object();
  const std::array patches{ConfigPatch{&first, "a"}, ConfigPatch{&second, "b"}, ConfigPatch{&nothing, "c"}};
  const Json got = to_json(make_run_config("", &data, patches));
  Json wanted = to_json(made(nothing));
  wanted["training"]["batch"] = 5;
  wanted["training"]["epochs"] = 2;
  wanted["model"]["ablation"] = "no_gps";
  CHECK(got == wanted);
}

TEST_CASE("a key that does not exist is refused with the keys that do") {
  CHECK_THROWS_WITH(made({{"training", {{"lr", 0.1}}}}),
                    Contains("run.json") && Contains("'lr'") && Contains("learning_rate") && Contains("dropout"));
  CHECK_THROWS_WITH(made({{"model", {{"batch", 8}}}}), Contains("'batch'") && Contains("vocabulary"));
  CHECK_THROWS_WITH(made({{"modle", Json::object()}}), Contains("run.json") && Contains("'modle'"));
}

TEST_CASE("a value of the wrong type is refused with its key") {
  const auto refuses = [](const char* section, const char* key, const Json& value) {
    INFO(section << "." << key << " = " << value.dump());
    CHECK_THROWS_WITH(made({{section, {{key, value}}}}), Contains("run.json") && Contains(key));
  };
  for (const Json& value : {Json("8"), Json(8.5), Json(-1), Json(1e12), Json(), Json::array({8})})
    refuses("training", "batch", value);
  for (const Json& value : {Json("x"), Json(true), Json()}) refuses("training", "learning_rate", value);
  for (const Json& value : {Json(-1), Json(1.5), Json("1")}) refuses("training", "seed", value);
  for (const Json& value : {Json(1), Json("true")}) refuses("model", "constraint_gradient", value);
  for (const Json& value : {Json(1), Json("cosine")}) refuses("training", "schedule", value);
  refuses("model", "ablation", Json(1));
  CHECK_THROWS_WITH(made({{"model", {{"ablation", "everything"}}}}), Contains("run.json") && Contains("everything"));
  CHECK_THROWS_WITH(made(Json::array()), Contains("run.json"));
  CHECK_THROWS_WITH(made({{"model", 3}}), Contains("'model' must be an object"));
}

TEST_CASE("sizes out of range are refused with their key") {
  const auto refuses = [](auto change, const char* key) {
    EthreedConfig config = valid_config();
    change(config);
    CHECK_THROWS_WITH(config.check(), Contains(key));
    CHECK_THROWS_WITH(make_model(config), Contains(key));
  };
  refuses([](EthreedConfig& m) { m.vocabulary = 4; }, "vocabulary");
  refuses([](EthreedConfig& m) { m.embedding = 0; }, "embedding");
  refuses([](EthreedConfig& m) { m.decoder_state = 1'000'000; }, "decoder_state");
  refuses([](EthreedConfig& m) { m.emotion_classes = 1; }, "emotions");
  CHECK_THROWS_WITH(make_model(EthreedConfig{}), Contains("vocabulary"));  // V comes from the data
  CHECK_THROWS_WITH(made(Json::object(), nullptr), Contains("vocabulary"));
}

TEST_CASE("sizes that contradict the data are refused with both") {
  for (const auto& [key, value, there] :
       {std::tuple("vocabulary", 99, 100), std::tuple("embedding", 50, 300), std::tuple("emotions", 7, 32)}) {
    INFO(key);
    CHECK_THROWS_WITH(made({{"model", {{key, value}}}}),
                      Contains("run.json") && Contains(key) && Contains(std::to_string(value)) &&
                          Contains(std::to_string(there)) && Contains("leave them out"));
    CHECK_NOTHROW(made({{"model", {{key, there}}}}));  // a checkpoint's own keys
  }
  const DataDescription unlabelled = data_of(100, false);
  CHECK_THROWS_WITH(made({{"model", {{"listener_labels", true}}}}, &unlabelled),
                    Contains("run.json") && Contains("listener_labels") && Contains("--labels"));
  CHECK_NOTHROW(made({{"model", {{"listener_labels", false}}}}));
}

TEST_CASE("without GRU_e the emotion state must have the size of what it is") {
  EthreedConfig config = valid_config();
  config.ablation = Ablation::no_emotion;
  CHECK_NOTHROW(config.check());
  config.party_state = 200;
  CHECK_THROWS_WITH(config.check(), Contains("party_state") && Contains("200") && Contains("emotion_state"));
  config.emotion_state = 200;
  CHECK_NOTHROW(config.check());
}

TEST_CASE("values of ETHREED's recipe out of range are refused with their key") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](auto change, const char* key) {
    EthreedConfig config = valid_config();
    change(config);
    CHECK_THROWS_WITH(config.check(), Contains(key));
  };
  refuses([](EthreedConfig& c) { c.dropout = 1; }, "dropout");
  refuses([&](EthreedConfig& c) { c.dropout = nan; }, "dropout");
  refuses([&](EthreedConfig& c) { c.update_gate_bias = nan; }, "update_gate_bias");
  refuses([](EthreedConfig& c) { c.weights.policy = -1; }, "weight_policy");
  refuses([&](EthreedConfig& c) { c.weights.coverage = nan; }, "weight_coverage");
}
