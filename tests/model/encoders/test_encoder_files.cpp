// The folder of an encoder: what is read, by which names and types, and what is refused.

#include "tests/model/encoders/tiny_encoder.h"

#include "model/encoders/encoder_file.h"

#include <catch2/catch.hpp>

#include <bit>
#include <cstring>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// The files of a tiny model, which a test damages.
struct TinyFiles {
  TemporaryFolder folder;
  TinyEncoder tiny;
  Json config;
  Tensors tensors;

  explicit TinyFiles(TinyEncoder m = tiny_roberta())
      : tiny(std::move(m)), config(config_of(tiny)), tensors(list_of(sines_of(tiny))) {}

  reference::Parameter& operator[](const std::string& name) {
    for (auto& [known, parameter] : tensors)
      if (known == name) return parameter;
    throw std::out_of_range(name);
  }
  void rename(const std::string& from, const std::string& to) {
    for (auto& [name, parameter] : tensors)
      if (const std::size_t at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
  }
  void erase(const std::string& part) {
    std::erase_if(tensors, [&](const auto& tensor) { return tensor.first.find(part) != std::string::npos; });
  }
  template <class T = double> PretrainedEncoder<T> read(EncoderHead head = EncoderHead::classifier) const {
    write_encoder<T>(folder.path(), config, tensors);
    return read_encoder<T>(folder.path(), head);
  }
  void refused(const std::string& words, EncoderHead head = EncoderHead::classifier) const {
    INFO(words);
    CHECK_THROWS_WITH(read(head), Contains(words));
  }
};

// Every number in its place, by the file's name.
template <class T> void check_values(const PretrainedEncoder<T>& encoder, TinyFiles& model) {
  for (const EncoderTensor& tensor : encoder.layout.tensors) {
    const std::string name = (tensor.prefixed ? model.tiny.prefix : "") + tensor.name;
    INFO(name);
    const reference::Vector& wanted = model[name].values;
    REQUIRE(static_cast<std::size_t>(tensor.shape.count()) == wanted.size());
    CHECK(std::equal(wanted.begin(), wanted.end(), encoder.values.data() + tensor.offset,
                     [](double a, T b) { return static_cast<T>(a) == b; }));
  }
}

Json without(Json config, const char* key) {
  config.erase(key);
  return config;
}

// A safetensors file of one type whose tensors' bytes are given.
void write_raw(const std::filesystem::path& path, const std::string& dtype, const Tensors& tensors,
               const std::function<std::string(double)>& bytes_of) {
  Json header = Json::object();
  std::string data;
  for (const auto& [name, parameter] : tensors) {
    const std::size_t begin = data.size();
    for (const double value : parameter.values) data += bytes_of(value);
    header[name] = {{"dtype", dtype}, {"shape", parameter.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  std::uint64_t length = text.size();
  std::string all(8, '\0');
  std::memcpy(all.data(), &length, 8);
  std::ofstream(path, std::ios::binary) << all << text << data;
}

std::string bytes_of_half(std::uint16_t bits) { return {static_cast<char>(bits & 0xFF), static_cast<char>(bits >> 8)}; }

}  // namespace

TEST_CASE("an encoder is read tensor by tensor, each number in its place") {
  for (const TinyEncoder& tiny : {tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()}) {
    TinyFiles model(tiny);
    check_values(model.read(), model);
    check_values(model.read<float>(), model);
  }
}

TEST_CASE("query, keys and values are one block, in this order") {
  TinyFiles model(tiny_distilbert());
  const PretrainedEncoder<double> encoder = model.read();
  const ParameterLayout::Entry* entry = encoder.layout.block.find("layer.1.query_key_value.weight");
  REQUIRE(entry != nullptr);
  CHECK(entry->shape == Shape{24, 8});
  std::int64_t offset = entry->offset;
  for (const char* name : {"q_lin", "k_lin", "v_lin"}) {
    const auto& values = model[fmt::format("distilbert.transformer.layer.1.attention.{}.weight", name)].values;
    CHECK(std::equal(values.begin(), values.end(), encoder.values.data() + offset));
    offset += 64;
  }
}

TEST_CASE("encoders of the published sizes have the published numbers of parameters") {
  const auto count = [](const char* type, int d, int layers, int heads, int inner, int words, int positions, int types,
                        EncoderHead head) {
    const bool distilled = std::string_view(type) == "distilbert";
    TinyEncoder m{.family = type, .pad = 1, .types = types, .epsilon = 1e-5, .prefix = ""};
    m.width = d;
    m.layers = layers;
    m.heads = heads;
    m.inner = inner;
    m.vocabulary = words;
    m.positions = positions;
    m.types = distilled ? 0 : types;
    return encoder_layout(encoder_config_of(config_of(m).dump(), "config.json"), head).block.parameter_count();
  };
  constexpr auto none = EncoderHead::none, pooler = EncoderHead::pooler;
  CHECK(count("roberta", 768, 12, 12, 3072, 50'265, 514, 1, none) == 124'055'040);
  CHECK(count("roberta", 768, 12, 12, 3072, 50'265, 514, 1, pooler) == 124'645'632);
  CHECK(count("roberta", 1024, 24, 16, 4096, 50'265, 514, 1, none) == 354'310'144);
  CHECK(count("roberta", 1024, 24, 16, 4096, 50'265, 514, 1, pooler) == 355'359'744);
  CHECK(count("roberta", 768, 6, 12, 3072, 50'265, 514, 1, none) == 81'527'808);
  CHECK(count("bert", 768, 12, 12, 3072, 30'522, 512, 2, pooler) == 109'482'240);
  CHECK(count("bert", 384, 6, 12, 1536, 30'522, 512, 2, none) == 22'565'376);
  CHECK(count("bert", 384, 12, 12, 1536, 30'522, 512, 2, pooler) == 33'360'000);
  CHECK(count("mpnet", 768, 12, 12, 3072, 30'527, 514, 0, none) == 108'895'872);
  CHECK(count("mpnet", 768, 12, 12, 3072, 30'527, 514, 0, pooler) == 109'486'464);
  CHECK(count("distilbert", 768, 6, 12, 3072, 30'522, 512, 0, none) == 66'362'880);
}

TEST_CASE("names without the prefix, gamma and beta, stored position ids and other heads are accepted") {
  for (const TinyEncoder& tiny : {tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()}) {
    TinyFiles plain(tiny);
    const PretrainedEncoder<double> wanted = plain.read();
    const auto same = [&](const TinyFiles& model) {
      const PretrainedEncoder<double> encoder = model.read();
      CHECK(std::equal(wanted.values.span().begin(), wanted.values.span().end(), encoder.values.span().begin()));
    };
    TinyFiles bare(tiny);
    for (int i = 0; i < 60; ++i) bare.rename(tiny.prefix, "");
    same(bare);
    TinyFiles early(tiny);
    early.rename("LayerNorm.weight", "LayerNorm.gamma");
    early.rename("LayerNorm.bias", "LayerNorm.beta");
    same(early);
    TinyFiles more(tiny);
    for (const std::string& name : {tiny.prefix + "embeddings.position_ids", std::string("lm_head.dense.weight"),
                                    std::string("cls.predictions.bias"), std::string("vocab_projector.bias"),
                                    std::string("vocab_transform.weight"), std::string("vocab_layer_norm.weight")})
      more.tensors.emplace_back(name, reference::Parameter{{2}, {7, 8}});
    same(more);
  }
  TinyFiles pooler(tiny_roberta());  // RoBERTa's classifier needs none
  pooler.tensors.emplace_back("roberta.pooler.dense.weight", reference::Parameter{{8, 8}, reference::Vector(64)});
  CHECK_NOTHROW(pooler.read());
}

TEST_CASE("numbers of 16 bits, with 5 or 8 of them for the exponent, are read as they are") {
  TinyFiles model;
  for (auto& [name, parameter] : model.tensors)  // numbers that both have: k/64
    for (double& value : parameter.values) value = std::round(value * 64) / 64;
  const PretrainedEncoder<float> wanted = model.read<float>();
  const auto same = [&](const char* dtype, const std::function<std::string(double)>& bytes_of) {
    write_raw(model.folder / "model.safetensors", dtype, model.tensors, bytes_of);
    const PretrainedEncoder<float> encoder = read_encoder<float>(model.folder.path(), EncoderHead::classifier);
    CHECK(std::equal(wanted.values.span().begin(), wanted.values.span().end(), encoder.values.span().begin()));
  };
  same("BF16", [](double x) {
    return bytes_of_half(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(x)) >> 16));
  });
  same("F16", [](double x) {
    if (x == 0) return bytes_of_half(0);
    int exponent = 0;
    const double mantissa = std::frexp(std::abs(x), &exponent);  // 0.5 … 1
    const int bits = (exponent + 14) << 10 | (static_cast<int>(mantissa * 2048) & 0x3FF);
    return bytes_of_half(static_cast<std::uint16_t>(bits | (x < 0 ? 0x8000 : 0)));
  });
}

TEST_CASE("a folder without the files of an encoder is refused, with what to do") {
  const TemporaryFolder folder;
  const auto refused = [&](const char* words) {
    CHECK_THROWS_WITH(read_encoder<float>(folder.path()), Contains(folder.path().string()) && Contains(words));
  };
  CHECK_THROWS_WITH(read_encoder<float>(folder / "absent"), Contains("is no folder"));
  refused("has no config.json");
  folder.file("config.json", config_of(tiny_bert()).dump());
  refused("has no model.safetensors; give");
  folder.file("pytorch_model.bin", "PK");
  refused("convert it once to safetensors");
  folder.file("model.safetensors.index.json", "{}");
  refused("in several files");
  folder.file("model.safetensors", "nothing");
  refused("has 7 bytes");
  folder.file("config.json", "{\"model_type\": ");
  refused("config.json");
}

TEST_CASE(
    "an encoder whose file lacks a tensor, or has another shape, or more layers, is refused by the tensor's name") {
  for (const auto& [name, parameter] : tensors_of(tiny_mpnet())) {
    TinyFiles lacking(tiny_mpnet());
    lacking.erase(name);
    lacking.refused(name.starts_with("mpnet.embeddings.word") ? "embeddings.word_embeddings.weight" : name);
  }
  const TinyEncoder tiny = tiny_roberta();
  for (const auto& [name, parameter] : tensors_of(tiny)) {
    TinyFiles lacking(tiny);
    lacking.erase(name);
    lacking.refused(name == "roberta.embeddings.word_embeddings.weight" ? "embeddings.word_embeddings.weight" : name);
    TinyFiles longer(tiny);
    longer[name].shape.back() += 1;
    longer[name].values.resize(longer[name].values.size() * 2);
    longer[name].values.resize(static_cast<std::size_t>(
        parameter.shape.size() == 2 ? longer[name].shape[0] * longer[name].shape[1] : longer[name].shape[0]));
    longer.refused(fmt::format("tensor '{}' is [", name));
  }
  TinyFiles fewer(tiny);
  fewer.config["num_hidden_layers"] = 1;
  fewer.refused("encoder.layer.1.");
  TinyFiles more(tiny);
  more.config["num_hidden_layers"] = 3;
  more.refused("has no tensor 'roberta.encoder.layer.2.attention.self.query.weight'");
  TinyFiles other(tiny);
  other.config["model_type"] = "bert";
  other.refused("has no tensor 'embeddings.word_embeddings.weight' and no 'bert.embeddings");
  TinyFiles headless(tiny);
  headless.erase("classifier.");
  headless.refused("saved without a head for classification");
  CHECK_NOTHROW(headless.read(EncoderHead::none));
  headless.refused("has no tensor 'roberta.pooler.dense.weight'", EncoderHead::pooler);
  TinyFiles words(tiny_bert());
  words.config["architectures"] = {"BertForTokenClassification"};
  words.refused("saved as 'BertForTokenClassification'");
  words.config["architectures"] = {"BertForSequenceClassification"};
  CHECK_NOTHROW(words.read());
}

TEST_CASE("an encoder's file that is damaged, or of other types, is refused") {
  TinyFiles model;
  model.read();
  const std::string whole = content_of(model.folder / "model.safetensors");
  model.folder.file("model.safetensors", whole.substr(0, whole.size() - 9));
  CHECK_THROWS_WITH(read_encoder<double>(model.folder.path()), Contains("truncated or damaged"));
  model.folder.file("model.safetensors", whole.substr(0, 100));
  CHECK_THROWS_WITH(read_encoder<double>(model.folder.path()), Contains("truncated"));
  model["roberta.encoder.layer.1.output.dense.bias"].values[3] = std::nan("");
  model.refused("'roberta.encoder.layer.1.output.dense.bias' has a number that is not finite");
  model["roberta.encoder.layer.1.output.dense.bias"].values[3] = 1e39;
  CHECK_THROWS_WITH(model.read<float>(), Contains("is not finite"));
  TinyFiles whole_numbers;
  whole_numbers.read();
  write_raw(whole_numbers.folder / "model.safetensors", "I8", whole_numbers.tensors,
            [](double x) { return std::string(1, static_cast<char>(x)); });
  CHECK_THROWS_WITH(read_encoder<double>(whole_numbers.folder.path()), Contains("is I8, wanted F32, F16, BF16 or F64"));
}

TEST_CASE("a config.json that asks for what is not computed here is refused by its key") {
  const auto refused = [](const Json& config, const std::string& words) {
    INFO(words);
    CHECK_THROWS_WITH(encoder_config_of(config.dump(), "config.json"),
                      Catch::StartsWith("config.json: ") && Contains(words));
  };
  const Json bert = config_of(tiny_bert()), roberta = config_of(tiny_roberta()),
             distilled = config_of(tiny_distilbert());
  const auto with = [](Json config, const char* key, const Json& value) {
    config[key] = value;
    return config;
  };
  refused(with(bert, "model_type", "electra"),
          "'model_type' is 'electra', which is not known here; wanted one of bert");
  refused(without(bert, "model_type"), "has no 'model_type'");
  refused(with(bert, "hidden_act", "gelu_new"), "'hidden_act' is 'gelu_new'");
  refused(with(distilled, "activation", "relu"), "'activation' is 'relu'");
  refused(with(bert, "position_embedding_type", "relative_key"), "'position_embedding_type' is 'relative_key'");
  refused(with(bert, "is_decoder", true), "'is_decoder' is true");
  refused(with(bert, "add_cross_attention", true), "'add_cross_attention'");
  refused(with(bert, "pruned_heads", {{"0", {1}}}), "'pruned_heads'");
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                          "max_position_embeddings", "type_vocab_size"}) {
    refused(without(bert, key), fmt::format("has no '{}'", key));
    refused(with(bert, key, 0), fmt::format("'{}' is 0", key));
    refused(with(bert, key, 2.5), fmt::format("'{}' is 2.5", key));
    refused(with(bert, key, "8"), fmt::format("'{}' is '8'", key));
  }
  refused(with(bert, "num_hidden_layers", 65), "'num_hidden_layers' is 65");
  refused(with(bert, "num_attention_heads", 3), "a width of 8 cannot be split among 3 heads");
  refused(without(bert, "layer_norm_eps"), "has no 'layer_norm_eps'");
  refused(with(bert, "layer_norm_eps", 0), "'layer_norm_eps' is 0");
  refused(with(bert, "hidden_dropout_prob", 1), "'hidden_dropout_prob' is 1");
  refused(with(bert, "attention_probs_dropout_prob", "no"), "'attention_probs_dropout_prob' is 'no'");
  refused(without(roberta, "pad_token_id"), "has no 'pad_token_id'");
  refused(with(roberta, "pad_token_id", 20), "'pad_token_id' is 20");
  refused(with(roberta, "max_position_embeddings", 2), "the first position is 2");
  const Json mpnet = config_of(tiny_mpnet());
  refused(with(mpnet, "relative_attention_num_buckets", 64), "'relative_attention_num_buckets' is 64");
  refused(without(mpnet, "relative_attention_num_buckets"), "has no 'relative_attention_num_buckets'");
  refused(without(mpnet, "pad_token_id"), "has no 'pad_token_id'");
  refused(with(bert, "id2label", {{"0", "a"}, {"2", "b"}}), "'id2label' has 2 labels but no text for '1'");
  refused(with(bert, "id2label", Json::array()), "'id2label' is");
  refused(with(bert, "num_labels", 4), "'num_labels' is 4, but 'id2label' has 3");
  refused(with(bert, "architectures", "BertModel"), "'architectures'");
  refused(Json::array({1}), "wanted an object");
}

TEST_CASE("a config.json says sizes, rates and labels, and what it leaves out is the library's") {
  const Json bert = config_of(tiny_bert());
  EncoderConfig config = encoder_config_of(bert.dump(), "config.json");
  CHECK(config.longest() == 12);
  CHECK(config.first_position() == 0);
  CHECK(config.head_dropout == 0.1);
  CHECK(config.labels == std::vector<std::string>{"label 0", "label 1", "label 2"});
  Json other = without(without(bert, "id2label"), "hidden_dropout_prob");
  other["classifier_dropout"] = 0.3;
  other["use_cache"] = true;
  config = encoder_config_of(other.dump(), "config.json");
  CHECK(config.labels == std::vector<std::string>{"LABEL_0", "LABEL_1"});
  CHECK(config.dropout == 0.1);
  CHECK(config.head_dropout == 0.3);
  other["num_labels"] = 3;
  CHECK(encoder_config_of(other.dump(), "config.json").labels.back() == "LABEL_2");
  const EncoderConfig roberta = encoder_config_of(config_of(tiny_roberta()).dump(), "config.json");
  CHECK(roberta.longest() == 10);
  CHECK(roberta.first_position() == 2);
  const EncoderConfig distilled = encoder_config_of(config_of(tiny_distilbert()).dump(), "config.json");
  CHECK(distilled.epsilon == 1e-12);
  CHECK(distilled.head_dropout == 0.2);
  CHECK(distilled.types == 0);
}
