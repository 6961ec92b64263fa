// Checkpoints: what is in them, and that they come back bit for bit, those of older formats too.

#include "tests/file_size_limit.h"
#include "tests/model/ethreed/saved_checkpoint.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

using Shapes = std::map<std::string, std::vector<std::int64_t>>;

// The table of the interchange format at V = 30, D_w = 5, D_h = 3, D_g = 4, D_p = 7, D_e = 8, D_c = 9, D_s = 11,
// a bottleneck of 10 and K = 12.
const Shapes full_model{
    {"embedding.weight", {30, 5}},
    {"encoder.weight_ih_l0", {9, 5}},
    {"encoder.weight_hh_l0", {9, 3}},
    {"encoder.bias_ih_l0", {9}},
    {"encoder.bias_hh_l0", {9}},
    {"encoder.weight_ih_l0_reverse", {9, 5}},
    {"encoder.weight_hh_l0_reverse", {9, 3}},
    {"encoder.bias_ih_l0_reverse", {9}},
    {"encoder.bias_hh_l0_reverse", {9}},
    {"tracker.global.weight_ih", {12, 6}},
    {"tracker.global.weight_hh", {12, 4}},
    {"tracker.global.bias_ih", {12}},
    {"tracker.global.bias_hh", {12}},
    {"tracker.history_attention.weight", {6, 4}},
    {"tracker.party.weight_ih", {21, 10}},
    {"tracker.party.weight_hh", {21, 7}},
    {"tracker.party.bias_ih", {21}},
    {"tracker.party.bias_hh", {21}},
    {"tracker.emotion.weight_ih", {24, 7}},
    {"tracker.emotion.weight_hh", {24, 8}},
    {"tracker.emotion.bias_ih", {24}},
    {"tracker.emotion.bias_hh", {24}},
    {"tracker.content.weight_ih", {27, 4}},
    {"tracker.content.weight_hh", {27, 9}},
    {"tracker.content.bias_ih", {27}},
    {"tracker.content.bias_hh", {27}},
    {"classifier.weight", {12, 8}},
    {"classifier.bias", {12}},
    {"policy.state.weight", {8, 8}},
    {"policy.state.bias", {8}},
    {"policy.mean.weight", {8, 8}},
    {"policy.mean.bias", {8}},
    {"policy.log_variance.weight", {8, 8}},
    {"policy.log_variance.bias", {8}},
    {"decoder.content.weight", {11, 9}},
    {"decoder.content.bias", {11}},
    {"decoder.emotion.weight", {8, 8}},
    {"decoder.emotion.bias", {8}},
    {"decoder.gru.weight_ih", {33, 5}},
    {"decoder.gru.weight_hh", {33, 11}},
    {"decoder.gru.bias_ih", {33}},
    {"decoder.gru.bias_hh", {33}},
    {"decoder.attention.weight", {11, 6}},
    {"decoder.attention.bias", {1}},
    {"decoder.attention.coverage", {1}},
    {"decoder.emotion_gate.weight", {11, 8}},
    {"decoder.emotion_gate.bias", {1}},
    {"decoder.bottleneck.weight", {10, 25}},
    {"decoder.bottleneck.bias", {10}},
    {"decoder.vocabulary.weight", {30, 10}},
    {"decoder.vocabulary.bias", {30}},
    {"decoder.pointer.weight", {1, 25}},
    {"decoder.pointer.bias", {1}},
};

// What an ablation takes away, and what it shapes differently.
Shapes shapes_of(Ablation ablation) {
  Shapes shapes = full_model;
  const auto remove = [&](std::string_view beginning) {
    std::erase_if(shapes, [&](const auto& item) { return item.first.starts_with(beginning); });
  };
  switch (ablation) {
    case Ablation::none:
    case Ablation::no_gps:
    case Ablation::no_tracking: break;
    case Ablation::no_policy: remove("policy."); break;
    case Ablation::no_party:
      remove("tracker.party.");
      remove("tracker.history_attention.");
      shapes["tracker.emotion.weight_ih"] = {24, 4};
      break;
    case Ablation::no_emotion:
      remove("tracker.emotion.");  // and e is p, so D_e = 7
      shapes["classifier.weight"] = {12, 7};
      for (const char* layer : {"policy.state", "policy.mean", "policy.log_variance", "decoder.emotion"}) {
        shapes[std::string(layer) + ".weight"] = {7, 7};
        shapes[std::string(layer) + ".bias"] = {7};
      }
      shapes["decoder.emotion_gate.weight"] = {11, 7};
      shapes["decoder.bottleneck.weight"] = {10, 24};
      shapes["decoder.pointer.weight"] = {1, 24};
      break;
  }
  return shapes;
}

Shapes shapes_in(const fs::path& path) {
  const SafetensorsFile file(path);
  Shapes shapes;
  for (const std::string& name : file.names()) {
    shapes[name] = file.info(name).shape;
    CHECK(file.info(name).dtype == "F32");
  }
  return shapes;
}

}  // namespace

TEST_CASE("a checkpoint holds the tensors of the interchange format, for the whole model and every ablation") {
  CHECK(full_model.size() == 53);
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    const Saved saved(ablation);
    const Shapes wanted = shapes_of(ablation);
    CHECK(shapes_in(saved.path("model.safetensors")) == wanted);
    Shapes moments;
    for (const auto& [name, shape] : wanted) moments[name + ".m"] = moments[name + ".v"] = shape;
    CHECK(shapes_in(saved.path("optimizer.safetensors")) == moments);
  }
}

TEST_CASE("a checkpoint is five files") {
  const Saved saved;
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(saved.directory)) names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"model.safetensors", "optimizer.safetensors", "vocabulary.txt", "config.json",
                                       "state.json"});
  CHECK(saved.folder.entries() == 1);
  CHECK(Json::parse(content_of(saved.path("config.json")))["format"] == checkpoint_format);
  CHECK(Json::parse(content_of(saved.path("state.json")))["format"] == checkpoint_format);
}

TEST_CASE("a checkpoint comes back bit for bit, for the whole model and every ablation") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    const Saved saved(ablation);
    const CheckpointInfo info = load_checkpoint_info(saved.directory);
    CHECK(to_json(info.config) == to_json(saved.info.config));
    CHECK(info.config.recipe == saved.info.config.recipe);
    CHECK(info.config.model->variant() == name_of(ablation));
    CHECK(info.progress == saved.info.progress);
    CHECK(info.data_name == saved.info.data_name);
    CHECK(info.data_fingerprint == saved.info.data_fingerprint);
    CHECK(info.vocabulary == saved.info.vocabulary);
    ModelState<float> model(info.config.model->layout(), true);
    load_checkpoint_tensors(saved.directory, model);
    CHECK(same_bits(model, saved.model));
  }
}

TEST_CASE("a checkpoint keeps the tokens of its data, and one of the own tokens is as it was") {
  Saved saved;
  CHECK(load_checkpoint_info(saved.directory).tokens == TokenRules::own);
  CHECK_FALSE(Json::parse(content_of(saved.path("config.json")))["data"].contains("tokens"));
  saved.info.tokens = TokenRules::published_older;
  save_checkpoint(saved.directory, saved.model, saved.info);
  const CheckpointInfo info = load_checkpoint_info(saved.directory);
  CHECK(info.tokens == TokenRules::published_older);
  CHECK(info.format == latest_checkpoint_format);
  CHECK(info.word_table().rules() == TokenRules::published_older);
  CHECK(static_cast<std::size_t>(info.word_table().size()) == info.vocabulary.size());
  saved.edit("config.json", [](Json& json) { json["data"].erase("tokens"); });
  saved.forget_fingerprints();
  CHECK_THROWS_WITH(load_checkpoint_info(saved.directory), Contains("config.json") && Contains("damaged"));
}

TEST_CASE("a checkpoint reads into doubles, and into a model that is not for training") {
  const Saved saved;
  ModelState<double> model = make_state<double>(tiny_config(), false);
  load_checkpoint_tensors(saved.directory, model);
  CHECK(std::equal(model.values.span().begin(), model.values.span().end(), saved.model.values.span().begin()));
}

TEST_CASE("saving over a checkpoint replaces it as a whole") {
  Saved saved;
  saved.info.progress.step = 5;
  parameter(saved.model, "classifier.bias")[0] = 42;
  save_checkpoint(saved.directory, saved.model, saved.info);
  CHECK(load_checkpoint_info(saved.directory).progress.step == 5);
  ModelState<float> model = make_state<float>(tiny_config(), true);
  load_checkpoint_tensors(saved.directory, model);
  CHECK(same_bits(model, saved.model));
  CHECK(saved.folder.entries() == 1);
}

TEST_CASE("a checkpoint that cannot be written leaves the one before and nothing else") {
  Saved saved;
  const std::string before = content_of(saved.path("model.safetensors"));
  const std::string state = content_of(saved.path("state.json"));
  parameter(saved.model, "classifier.bias")[0] = 42;
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH(save_checkpoint(saved.directory, saved.model, saved.info),
                      Contains((saved.folder / "last").string()) && Contains("untouched"));
  }
  CHECK(content_of(saved.path("model.safetensors")) == before);
  CHECK(content_of(saved.path("state.json")) == state);
  CHECK(saved.folder.entries() == 1);
  saved.load();
}

TEST_CASE("a disk that fills up at any file of a checkpoint leaves the one before and nothing else") {
  Saved saved;
  std::set<std::uintmax_t> sizes;
  for (const auto& entry : fs::directory_iterator(saved.directory)) sizes.insert(fs::file_size(entry));
  REQUIRE(sizes.size() == 5);
  saved.info.progress.step = 5;
  for (const std::uintmax_t size : sizes) {
    if (size == *sizes.begin()) continue;  // the smallest file fails with all others
    INFO("files up to " << size - 1 << " bytes");
    {
      const FileSizeLimit limit(size - 1);
      CHECK_THROWS_AS(save_checkpoint(saved.directory, saved.model, saved.info), Error);
    }
    CHECK(load_checkpoint_info(saved.directory).progress.step == 123456789012);
    CHECK(saved.folder.entries() == 1);
  }
}

TEST_CASE("a checkpoint in an impossible place is refused with its path") {
  const Saved saved;
  const fs::path impossible = saved.folder.file("file", "x") / "last";
  CHECK_THROWS_WITH(save_checkpoint(impossible, saved.model, saved.info), Contains(impossible.string()));
}

TEST_CASE("the checkpoint of a run is found by its name, and its absence explained") {
  const Saved saved;
  CHECK(has_checkpoint(saved.folder.path(), "last"));
  CHECK_FALSE(has_checkpoint(saved.folder.path(), "best"));
  CHECK(checkpoint_in(saved.folder.path(), "last") == saved.directory);
  CHECK(checkpoint_in(saved.directory, "best") == saved.directory);  // the checkpoint itself
  CHECK_THROWS_WITH(checkpoint_in(saved.folder.path(), "best"), Contains("'best'") && Contains("--checkpoint last"));
  CHECK_THROWS_WITH(checkpoint_in(saved.folder / "absent", "last"), Contains("no such run"));
}

TEST_CASE("a checkpoint of format 1, which has no model's name and no labels, comes back bit for bit") {
  for (const Ablation ablation : all_ablations) {
    INFO("ablation " << name_of(ablation));
    Saved saved(ablation);
    REQUIRE(Json::parse(content_of(saved.path("config.json")))["model"]["name"] == "ethreed");
    saved.edit("config.json", [](Json& json) {
      json["format"] = 1;
      json["model"].erase("name");
      json["data"] = {{"path", "/some where/data"}, {"fingerprint", "0123456789abcdef"}};
    });
    saved.edit("state.json", [](Json& json) { json["format"] = 1; });
    saved.forget_fingerprints();
    const CheckpointInfo info = load_checkpoint_info(saved.directory);
    CHECK(to_json(info.config) == to_json(saved.info.config));
    CHECK(info.progress == saved.info.progress);
    CHECK(info.labels.empty());
    ModelState<float> model(info.config.model->layout(), true);
    load_checkpoint_tensors(saved.directory, model);
    CHECK(same_bits(model, saved.model));
  }
}

TEST_CASE("a checkpoint without figures yet names them, and the classes of label sets come back") {
  Saved saved;
  saved.info.progress = {.step = 3};
  saved.info.labels = {{"intent", {"agree", "wörd, \"quoted\""}}, {"mood", {"good"}}};
  save_checkpoint(saved.directory, saved.model, saved.info);
  const Json best = Json::parse(content_of(saved.path("state.json")))["best"];
  CHECK(best["epoch"] == -1);
  for (const FigureColumn& column : saved.info.config.model->figures())
    CHECK(best.contains(std::string(column.name)) == column.logged);
  const CheckpointInfo info = load_checkpoint_info(saved.directory);
  CHECK(info.progress.best.epoch == -1);
  REQUIRE(info.labels.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(info.labels[i].name == saved.info.labels[i].name);
    CHECK(info.labels[i].classes == saved.info.labels[i].classes);
  }
}
