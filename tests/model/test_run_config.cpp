// What every model's configuration has: the recipe, the model's name, and files.

#include "model/interface/model_cases.h"
#include "model/interface/run_config.h"
#include "tests/model/tiny_dataset.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// Behind its name a variant may say what it has to go with: "kemp (no knowledge)".
bool is_variant(const RunConfig& config, std::string_view variant) {
  const std::string_view said = config.model->variant();
  return said == variant || said.starts_with(std::string(variant) + " (");
}

// The keys of a case of this variant: what it wants besides, a file say, is among them.
Json keys_of_case(const ModelKind& kind, std::string_view variant, const DataDescription& data) {
  for (const ModelCases& all : model_cases())
    for (const ModelCase& one : all.cases) {
      if (all.model != kind.name) continue;
      const ConfigPatch patch{&one.keys, one.name};
      if (is_variant(make_run_config(std::string(kind.name), &data, {&patch, 1}), variant)) return one.keys;
    }
  FAIL("no case has this variant");
  return {};
}

}  // namespace

TEST_CASE("values of the recipe out of range are refused with their key") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refuses = [](auto change, const char* key) {
    Recipe recipe;
    change(recipe);
    CHECK_THROWS_WITH(recipe.check(), Contains(key));
  };
  refuses([](Recipe& r) { r.epochs = 0; }, "epochs");
  refuses([](Recipe& r) { r.batch = 0; }, "batch");
  refuses([&](Recipe& r) { r.learning_rate = nan; }, "learning_rate");
  refuses([](Recipe& r) { r.learning_rate = -1; }, "learning_rate");
  refuses([](Recipe& r) { r.learning_rate_factor = 0; }, "learning_rate_factor");
  refuses([](Recipe& r) { r.learning_rate_epochs = 0; }, "learning_rate_epochs");
  refuses([](Recipe& r) { r.adam_beta1 = 1; }, "adam_beta1");
  refuses([](Recipe& r) { r.adam_beta2 = 1; }, "adam_beta2");
  refuses([](Recipe& r) { r.adam_epsilon = 0; }, "adam_epsilon");
  refuses([](Recipe& r) { r.clip_norm = 0; }, "clip_norm");
  refuses([](Recipe& r) { r.warm_up_steps = -1; }, "warm_up_steps");
  refuses([](Recipe& r) { r.weight_decay = -1; }, "weight_decay");
  refuses([&](Recipe& r) { r.weight_decay = nan; }, "weight_decay");
  refuses([](Recipe& r) { r.patience = -1; }, "patience");
  refuses([](Recipe& r) { r.epoch_steps = -1; }, "epoch_steps");
  refuses([](Recipe& r) { r.epochs_per_pass = 0; }, "epochs_per_pass");
  refuses([](Recipe& r) { r.first_best_epoch = 0; }, "first_best_epoch");
  refuses([](Recipe& r) { r.updates_per_batch = 0; }, "updates_per_batch");
}

TEST_CASE("every named recipe of every model makes a configuration, and changes the paper's") {
  const DataDescription data{.vocabulary = 100,
                             .embedding = 8,
                             .listener_labels = true,
                             .situations = true,
                             .labels = {{"emotion", {"sad", "proud"}}, {"intent", {"questioning", "sad"}}}};
  int recipes = 0;
  for (const ModelKind& kind : model_kinds()) {
    CHECK(recipe_keys(kind, "paper").empty());
    CHECK_THROWS_WITH(recipe_keys(kind, "no such"), Contains(std::string(kind.name)) && Contains("paper"));
    for (const NamedRecipe& recipe : kind.recipes()) {
      INFO(kind.name << ", " << recipe.name);
      const Json keys = recipe_keys(kind, recipe.name);
      const ConfigPatch patch{&keys, "recipe"};
      const Json changed = to_json(make_run_config(std::string(kind.name), &data, {&patch, 1}));
      CHECK(changed != to_json(make_run_config(std::string(kind.name), &data, {})));
      for (const auto& [section, values] : keys.items())
        for (const auto& [key, value] : values.items()) CHECK(changed[section][key] == value);
      ++recipes;
    }
  }
  CHECK(recipes > 0);
}

TEST_CASE("the learning rate falls by its factor every so many epochs") {
  const Recipe recipe;
  for (const int epoch : {0, 1, 2}) CHECK(recipe.learning_rate_at(epoch, 10 * epoch, 10) == Approx(5e-4));
  for (const int epoch : {3, 4, 5}) CHECK(recipe.learning_rate_at(epoch, 10 * epoch, 10) == Approx(1.5e-4));
  CHECK(recipe.learning_rate_at(6, 60, 10) == Approx(4.5e-5));
}

TEST_CASE("the learning rate of warm-up and inverse square root is that of Vaswani et al.") {
  const Recipe recipe{.learning_rate = 0.25, .schedule = Schedule::inverse_square_root, .warm_up_steps = 4};
  // Steps count from 1 there: the first four rise to the top, the sixteenth has half of it.
  for (const auto& [step, rate] :
       {std::pair(0, 0.0625), std::pair(1, 0.125), std::pair(3, 0.25), std::pair(15, 0.125), std::pair(63, 0.0625)}) {
    INFO("step " << step);
    CHECK(recipe.learning_rate_at(step / 8, step, 8) == Approx(rate));
  }
}

TEST_CASE("the linear learning rate rises over the warm-up and falls to one share at the last step") {
  const Recipe recipe{.epochs = 2, .learning_rate = 0.6, .schedule = Schedule::linear, .warm_up_steps = 3};
  std::vector<double> rates;
  for (int step = 0; step < 8; ++step) rates.push_back(recipe.learning_rate_at(step / 4, step, 4));
  const std::vector<double> wanted{0.2, 0.4, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1};
  for (std::size_t i = 0; i < rates.size(); ++i) CHECK(rates[i] == Approx(wanted[i]));
  CHECK(recipe.learning_rate_at(2, 8, 4) == 0.0);
}

TEST_CASE("the name of a model may come from anywhere, and contradictions are refused with both places") {
  const std::string first(model_kinds().front().name);
  const Json with_name{{"model", {{"name", first}}}}, without = Json::object(), unknown{{"model", {{"name", "none"}}}},
                                                      number{{"model", {{"name", 3}}}};
  const auto kind = [](const std::string& name, const std::vector<ConfigPatch>& patches) {
    return named_kind(name, patches).name;
  };
  CHECK(kind("", {}) == first);
  CHECK(kind("", {{&without, "a.json"}}) == first);
  CHECK(kind("", {{&with_name, "a.json"}}) == first);
  CHECK(kind(first, {{&with_name, "a.json"}, {&with_name, "b.json"}}) == first);
  CHECK_THROWS_WITH(kind("none", {}), Contains("'none'") && Contains(model_names()));
  CHECK_THROWS_WITH(kind("", {{&unknown, "a.json"}}), Contains("a.json") && Contains("'none'") && Contains(first));
  CHECK_THROWS_WITH(kind(first, {{&unknown, "a.json"}}),
                    Contains("a.json") && Contains("'none'") && Contains("command line") && Contains(first));
  CHECK_THROWS_WITH(kind("", {{&with_name, "a.json"}, {&unknown, "b.json"}}),
                    Contains("b.json") && Contains("'none'") && Contains("a.json") && Contains(first));
  CHECK_THROWS_WITH(kind("", {{&number, "a.json"}}), Contains("a.json") && Contains("name") && Contains("3"));
}

TEST_CASE("every model's configuration of a data set comes back from its own JSON") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const DataDescription description = describe(data);
  for (const ModelKind& kind : model_kinds())
    for (const std::string_view variant : kind.variants()) {
      INFO(kind.name << ", " << variant);
      const Json keys = keys_of_case(kind, variant, description);
      const ConfigPatch patch{&keys, "a.json"};
      const RunConfig config = make_run_config(std::string(kind.name), &description, {&patch, 1});
      CHECK(config.model->name() == kind.name);
      CHECK(is_variant(config, variant));
      const Json json = Json::parse(to_json(config).dump());
      CHECK(json["model"]["name"] == kind.name);
      const ConfigPatch whole{&json, "b.json"};
      const RunConfig again = make_run_config("", nullptr, {&whole, 1});
      CHECK(to_json(again) == json);
      CHECK(again.recipe == config.recipe);
      CHECK(parameter_table(again.model->layout()) == parameter_table(config.model->layout()));
    }
}

TEST_CASE("a configuration file that is absent or damaged is refused with its name") {
  const TemporaryFolder folder;
  const TemporaryFolder data_folder;
  const Dataset data = random_dataset(data_folder);
  const DataDescription description = describe(data);
  const auto from_file = [&](const std::string& path) {
    const Json keys = read_json_file(path);
    const ConfigPatch patch{&keys, path};
    return make_run_config("", &description, {&patch, 1});
  };
  CHECK_THROWS_WITH(from_file((folder / "absent.json").string()), Contains("absent.json"));
  CHECK_THROWS_WITH(from_file(folder.path().string()), Contains(folder.path().string()));
  CHECK_THROWS_WITH(from_file(folder.file("bad.json", "{\"model\": ").string()),
                    Contains("bad.json") && Contains("JSON"));
  CHECK_THROWS_WITH(from_file(folder.file("typo.json", R"({"training": {"bacth": 4}})").string()),
                    Contains("typo.json") && Contains("'bacth'"));
  CHECK(from_file(folder.file("good.json", R"({"training": {"batch": 4}})").string()).recipe.batch == 4);
}

TEST_CASE("every key of the recipe that is out of range in a file is refused with the file") {
  const TemporaryFolder folder;
  const Dataset data = random_dataset(folder);
  const DataDescription description = describe(data);
  for (const char* key : {"epochs", "batch", "learning_rate", "learning_rate_factor", "clip_norm"}) {
    INFO(key);
    const Json keys{{"training", {{key, 2000000000}}}};
    const ConfigPatch patch{&keys, "a.json"};
    CHECK_THROWS_WITH(make_run_config("", &description, {&patch, 1}),
                      Contains("a.json") && Contains(key) && Contains("out of range"));
  }
}
