// Checkpoints: no damage passes unseen.

#include "tests/model/ethreed/saved_checkpoint.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

}  // namespace

TEST_CASE("a missing file of a checkpoint is named") {
  for (const char* name :
       {"model.safetensors", "optimizer.safetensors", "vocabulary.txt", "config.json", "state.json"}) {
    Saved saved;
    fs::remove(saved.path(name));
    CHECK_THROWS_WITH(saved.load(), Contains(name));
  }
}

TEST_CASE("a truncated tensor file is refused at every length") {
  for (const char* name : {"model.safetensors", "optimizer.safetensors"}) {
    Saved saved;
    saved.forget_fingerprints();
    const std::string whole = content_of(saved.path(name));
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
      INFO(name << " cut to " << length << " bytes");
      saved.write(name, whole.substr(0, length));
      CHECK_THROWS_WITH(saved.load(), Contains(name));
    }
  }
}

TEST_CASE("a changed byte anywhere in a file of a checkpoint is found out") {
  for (const char* name :
       {"model.safetensors", "optimizer.safetensors", "vocabulary.txt", "config.json", "state.json"}) {
    Saved saved;
    const std::string whole = content_of(saved.path(name));
    for (const std::size_t place :
         {std::size_t{0}, std::size_t{9}, std::size_t{60}, whole.size() / 3, whole.size() / 2, whole.size() - 2}) {
      INFO(name << ", byte " << place);
      std::string changed = whole;
      changed[place] = static_cast<char>(changed[place] ^ 1);
      saved.write(name, changed);
      CHECK_THROWS_WITH(saved.load(), Contains(name));
    }
  }
}

TEST_CASE("a changed byte in the header is refused even where nothing vouches for the file") {
  Saved saved;
  saved.forget_fingerprints();
  const std::string whole = content_of(saved.path("model.safetensors"));
  for (const char* part : {"classifier.weight", "\"F32\"", "data_offsets", "{"}) {
    std::string changed = whole;
    changed[changed.find(part) + std::string_view(part).size() / 2] ^= 2;
    saved.write("model.safetensors", changed);
    CHECK_THROWS_WITH(saved.load(), Contains("model.safetensors"));
  }
}

TEST_CASE("a value that is not finite is refused with its tensor") {
  for (const float broken : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Saved saved;
    saved.rewrite_model([&](const std::string& name, float* values) {
      if (name == "decoder.gru.bias_hh") values[3] = broken;
      return true;
    });
    saved.forget_fingerprints();
    CHECK_THROWS_WITH(saved.load(),
                      Contains("model.safetensors") && Contains("decoder.gru.bias_hh") && Contains("not finite"));
  }
}

TEST_CASE("a missing tensor, a tensor too many and a tensor of another name are refused") {
  Saved saved;
  saved.forget_fingerprints();
  saved.rewrite_model([](const std::string& name, float*) { return name != "classifier.bias"; });
  CHECK_THROWS_WITH(saved.load(), Contains("model.safetensors") && Contains("52 tensors"));
  SafetensorsWriter writer;
  for (const auto& entry : saved.model.layout.entries())
    writer.add(entry.name == "classifier.bias" ? "classifier.bos" : entry.name,
               View<const float>(saved.model.values.data() + entry.offset, entry.shape));
  writer.write(saved.path("model.safetensors"));
  CHECK_THROWS_WITH(saved.load(), Contains("model.safetensors") && Contains("classifier.bias"));
  writer.add("classifier.more", View<const float>(saved.model.values.data(), Shape{1}));
  writer.write(saved.path("model.safetensors"));
  CHECK_THROWS_WITH(saved.load(), Contains("model.safetensors") && Contains("54 tensors"));
}

TEST_CASE("the tensors of another configuration are refused") {
  Saved saved;
  saved.edit("config.json", [](Json& json) { json["model"]["bottleneck"] = 9; });
  saved.forget_fingerprints();
  CHECK_THROWS_WITH(saved.load(),
                    Contains("model.safetensors") && Contains("decoder.bottleneck.weight") && Contains("[10, 25]"));
  saved.edit("config.json", [](Json& json) { json["model"]["ablation"] = "no_policy"; });
  CHECK_THROWS_WITH(saved.load(), Contains("model.safetensors"));
}

TEST_CASE("a configuration that is not the vocabulary's is refused") {
  Saved saved;
  saved.edit("config.json", [](Json& json) { json["model"]["vocabulary"] = 31; });
  saved.forget_fingerprints();
  CHECK_THROWS_WITH(saved.load(), Contains("vocabulary.txt") && Contains("30 words") && Contains("V = 31"));
}

TEST_CASE("another format number is refused") {
  for (const char* name : {"config.json", "state.json"})
    for (const Json& format : {Json(latest_checkpoint_format + 1), Json(0), Json(-1), Json(1.5), Json("1"), Json()}) {
      Saved saved;
      saved.edit(name, [&](Json& json) { json["format"] = format; });
      saved.forget_fingerprints();
      CHECK_THROWS_WITH(saved.load(), Contains(name) && Contains("a format up to 4"));
    }
}

TEST_CASE("damaged JSON is refused with the name of its file") {
  for (const char* name : {"config.json", "state.json"}) {
    Saved saved;
    const std::string whole = content_of(saved.path(name));
    for (const std::string& content :
         {std::string(), std::string("null"), std::string("[1]"), whole.substr(0, whole.size() / 2)}) {
      saved.write(name, content);
      CHECK_THROWS_WITH(saved.load(), Contains(name));
    }
  }
}

TEST_CASE("values of the wrong kind or out of range in JSON are refused with the name of the file") {
  const auto refuses = [](const char* name, auto edit) {
    Saved saved;
    saved.edit(name, edit);
    saved.forget_fingerprints();
    CHECK_THROWS_WITH(saved.load(), Contains(name));
  };
  refuses("state.json", [](Json& json) { json["step"] = "many"; });
  refuses("state.json", [](Json& json) { json.erase("running"); });
  refuses("state.json", [](Json& json) { json["epoch"] = -1; });
  refuses("config.json", [](Json& json) { json.erase("data"); });
  refuses("config.json", [](Json& json) { json["model"]["encoder"] = 0; });
  refuses("config.json", [](Json& json) { json["model"]["encoder"] = "wide"; });
  refuses("config.json", [](Json& json) { json["model"]["colour"] = 1; });
  refuses("config.json", [](Json& json) { json["training"]["dropout"] = 1.5; });
}

TEST_CASE("a checkpoint of a model that does not exist is refused with those that do") {
  Saved saved;
  saved.edit("config.json", [](Json& json) { json["model"]["name"] = "ethred"; });
  saved.forget_fingerprints();
  CHECK_THROWS_WITH(saved.load(), Contains("config.json") && Contains("'ethred'") && Contains(model_names()));
}
