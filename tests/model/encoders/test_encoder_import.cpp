// Folders of encoders: imported ones, which are mapped where they lie, and exported ones, which are the published ones.

#include "tests/model/encoders/tiny_encoder.h"

#include "core/small_floats.h"
#include "model/encoders/classifier_folder.h"
#include "model/encoders/encoder_file.h"
#include "model/encoders/encoder_import.h"
#include "model/encoders/import_record.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <sstream>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nblor\n##bin\n##b\n##i\nmip\n,\n!\n'\nso\nble\n##x\nx\nmipzu\nno\n.\n";

// Published folders of tiny models, and what becomes of them.
struct Folders {
  TemporaryFolder folder;
  TinyEncoder tiny;
  Json config;
  Tensors tensors;

  // Of a width of which every parameter takes whole lines of 64 bytes, as in every published model.
  explicit Folders(TinyEncoder m, int width = 16) : tiny(std::move(m)) {
    tiny.width = width;
    tiny.inner = 2 * width;
    config = config_of(tiny);
    tensors = list_of(sines_of(tiny));
  }
  void add_pooler() {
    const int d = tiny.width;
    const auto count = static_cast<std::size_t>(d) * static_cast<std::size_t>(d);
    tensors.emplace_back(tiny.prefix + "pooler.dense.weight",
                         reference::Parameter{{d, d}, reference::Vector(count, 2)});
    tensors.emplace_back(tiny.prefix + "pooler.dense.bias",
                         reference::Parameter{{d}, reference::Vector(static_cast<std::size_t>(d), 3)});
  }
  void rename(const std::string& from, const std::string& to) {
    for (auto& [name, parameter] : tensors)
      for (std::size_t at = name.find(from); at != std::string::npos; at = name.find(from, at + to.size()))
        name.replace(at, from.size(), to);
  }
  reference::Vector& operator[](const std::string& part) {
    for (auto& [name, parameter] : tensors)
      if (name.find(part) != std::string::npos) return parameter.values;
    throw std::out_of_range(part);
  }
  fs::path publish(const std::string& name = "published") {
    write_encoder<float>(folder / name, config, tensors);
    std::ofstream(folder / name / "vocab.txt") << vocabulary;
    return folder / name;
  }
  // The same in another type.
  fs::path publish_as(const std::string& dtype) {
    const fs::path path = publish(dtype);
    if (dtype == "F64") write_encoder<double>(path, config, tensors);
    if (dtype != "F16" && dtype != "BF16") return path;
    SafetensorsWriter writer;
    std::vector<std::vector<std::uint16_t>> all;
    all.reserve(tensors.size());
    for (const auto& [name, parameter] : tensors) {
      all.emplace_back();
      for (const double x : parameter.values)
        all.back().push_back((dtype == "F16" ? half_of_float : bfloat16_of_float)(static_cast<float>(x)));
      const std::vector<std::int64_t> shape(parameter.shape.begin(), parameter.shape.end());
      writer.add_bytes(name, dtype, Shape(shape), std::as_bytes(std::span(all.back())));
    }
    writer.write(path / "model.safetensors");
    return path;
  }
  fs::path imported() const { return folder / "imported"; }
};

bool same_bits(const PretrainedEncoder<float>& a, const PretrainedEncoder<float>& b) {
  return a.values.shape() == b.values.shape() &&
         std::memcmp(a.values.data(), b.values.data(), bytes_of<float>(a.values.count())) == 0;
}

// Does the address lie in a mapping of this file, as the system tells it?
bool lies_in(const void* address, const fs::path& file) {
  std::istringstream maps(content_of("/proc/self/maps"));
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char between = 0;
    std::istringstream(line) >> std::hex >> begin >> between >> end;
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (at >= begin && at < end) return line.ends_with(fs::canonical(file).string());
  }
  return false;
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = content_of(entry.path());
  return files;
}

std::vector<EncoderHead> heads_of(const TinyEncoder& m, bool pooler) {
  std::vector<EncoderHead> heads{EncoderHead::none, EncoderHead::classifier};
  if (m.family == "bert" || pooler) heads.push_back(EncoderHead::pooler);
  return heads;
}

const std::vector<TinyEncoder> families{tiny_bert(), tiny_roberta(), tiny_distilbert(), tiny_mpnet()};

}  // namespace

TEST_CASE("an imported encoder lies in memory as its file's pages, with the published numbers, and the file stays") {
  for (const TinyEncoder& m : families) {
    INFO(m.family);
    Folders f(m);
    const fs::path published = f.publish(), file = f.imported() / "model.safetensors";
    import_encoder(published, f.imported());
    const std::string content = content_of(file);
    for (const EncoderHead head : heads_of(m, false)) {
      const PretrainedEncoder<float> copied = read_encoder<float>(published, head);
      CHECK_FALSE(copied.mapped);
      PretrainedEncoder<float> mapped = read_encoder<float>(f.imported(), head);
      CHECK(mapped.mapped);
      CHECK(same_bits(mapped, copied));
      CHECK(lies_in(mapped.values.data(), file));
      CHECK(lies_in(mapped.values.data() + mapped.values.count() - 1, file));
      std::fill_n(mapped.values.data(), mapped.values.count(), 7.0F);
      CHECK(content_of(file) == content);
      CHECK(same_bits(read_encoder<float>(f.imported(), head), copied));
      const PretrainedEncoder<double> wide = read_encoder<double>(f.imported(), head);
      CHECK_FALSE(wide.mapped);
      CHECK(std::equal(wide.values.span().begin(), wide.values.span().end(), copied.values.data()));
    }
  }
}

TEST_CASE(
    "a pooler that the head for classification does not need is kept behind it, and is copied where it is asked for") {
  for (const TinyEncoder& m : {tiny_roberta(), tiny_mpnet()}) {
    Folders f(m);
    f.add_pooler();
    const fs::path published = f.publish();
    CHECK(import_encoder(published, f.imported()).head == "pooler and head for classification");
    for (const EncoderHead head : heads_of(m, true)) {
      const PretrainedEncoder<float> read = read_encoder<float>(f.imported(), head);
      CHECK(same_bits(read, read_encoder<float>(published, head)));
      // Three labels leave a gap before the pooler, which would be the head's pad.
      CHECK(read.mapped == (head == EncoderHead::none));
    }
  }
}

TEST_CASE("a classifier that was trained as a whole is mapped as what import wrote, and exported to the bit") {
  for (const TinyEncoder& m : families) {
    Folders f(m);
    const std::vector<std::string> labels{"sad", "merry"};
    const PretrainedEncoder<float> made = with_new_head(f.publish(), labels, 7);
    write_classifier(f.folder / "tuned", f.folder / "published", made.layout, made.values.data());
    export_encoder(f.folder / "tuned", f.folder / "exported", "F32");
    for (const char* name : {"tuned", "exported"}) {
      const PretrainedEncoder<float> read = read_encoder<float>(f.folder / name, EncoderHead::classifier);
      CHECK(read.mapped == (std::string_view(name) == "tuned"));
      CHECK(same_bits(read, made));
      CHECK(read.layout.config.labels == labels);
    }
  }
}

TEST_CASE("an encoder whose parameters leave gaps in the block is imported, and copied when it is read") {
  for (const TinyEncoder& m : families) {
    Folders f(m, 8);
    const fs::path published = f.publish();
    import_encoder(published, f.imported());
    const PretrainedEncoder<float> read = read_encoder<float>(f.imported(), EncoderHead::classifier);
    CHECK_FALSE(read.mapped);
    CHECK(same_bits(read, read_encoder<float>(published, EncoderHead::classifier)));
  }
}

TEST_CASE("import converts F16, BF16 and F64 to F32, says so, and the numbers are those that would be read") {
  for (const std::string dtype : {"F32", "F16", "BF16", "F64"}) {
    INFO(dtype);
    Folders f(tiny_bert());
    f.config["torch_dtype"] = dtype == "F16" ? "float16" : "float32";
    const fs::path published = f.publish_as(dtype);
    const WrittenEncoder written = import_encoder(published, f.imported());
    CHECK(written.dtypes == std::vector<std::string>{dtype});
    CHECK(Json::parse(content_of(f.imported() / "config.json"))["torch_dtype"] == "float32");
    const SafetensorsFile file(f.imported() / "model.safetensors");
    for (const std::string& name : file.names()) CHECK(file.info(name).dtype == "F32");
    const PretrainedEncoder<float> read = read_encoder<float>(f.imported(), EncoderHead::classifier);
    CHECK(read.mapped);
    CHECK(same_bits(read, read_encoder<float>(published, EncoderHead::classifier)));
    // And back: what was F16 has not changed.
    if (dtype == "F64") continue;
    export_encoder(f.imported(), f.folder / "back", dtype);
    const SafetensorsFile was(published / "model.safetensors"), is(f.folder / "back/model.safetensors");
    for (const std::string& name : was.names()) CHECK(std::ranges::equal(was.bytes(name), is.bytes(name)));
    if (dtype == "F16") CHECK(Json::parse(content_of(f.folder / "back/config.json"))["torch_dtype"] == "float16");
  }
}

TEST_CASE("what is imported and exported has every tensor of the published file under its name, to the bit") {
  for (const TinyEncoder& m : families)
    for (const char* change : {"none", "no prefix", "gamma and beta", "more"}) {
      INFO(m.family << ", " << change);
      const std::string kind = change;
      Folders f(m);
      if (kind == "no prefix") f.rename(m.prefix, "");
      if (kind == "gamma and beta") {
        f.rename("LayerNorm.weight", "LayerNorm.gamma");
        f.rename("LayerNorm.bias", "LayerNorm.beta");
      }
      const std::size_t known = f.tensors.size();
      std::vector<std::string> more;
      if (kind == "more") more = {m.prefix + "embeddings.position_ids", "vocab_projector.bias"};  // sorted
      for (const std::string& name : more) f.tensors.emplace_back(name, reference::Parameter{{2}, {7, 8}});
      const fs::path published = f.publish();
      const WrittenEncoder in = import_encoder(published, f.imported());
      CHECK(in.tensors == static_cast<std::int64_t>(known));
      CHECK(in.passed_over == more);
      CHECK(in.pieces == 20);
      CHECK(Json::parse(content_of(f.imported() / "import.json"))["passed_over"] == more);
      const WrittenEncoder out = export_encoder(f.imported(), f.folder / "exported", "F32");
      CHECK(out.passed_over == more);  // of what the published file had
      CHECK(out.parameters == in.parameters);
      const SafetensorsFile was(published / "model.safetensors"), is(f.folder / "exported/model.safetensors");
      CHECK(is.metadata("format") == "pt");
      CHECK(std::is_sorted(is.names().begin(), is.names().end()));
      REQUIRE(is.names().size() == known);
      for (const std::string& name : is.names()) {
        CHECK(is.info(name).shape == was.info(name).shape);
        CHECK(std::ranges::equal(is.bytes(name), was.bytes(name)));
      }
      for (const char* name : {"config.json", "vocab.txt"})
        CHECK(content_of(f.folder / "exported" / name) == content_of(published / name));
      // The same source, the same bytes; from the exported folder, too, all but what it says of its source.
      import_encoder(published, f.folder / "again");
      CHECK((files_of(f.folder / "again") == files_of(f.imported())));
      import_encoder(f.folder / "exported", f.folder / "third");
      CHECK(content_of(f.folder / "third/model.safetensors") == content_of(f.imported() / "model.safetensors"));
    }
}

TEST_CASE("export rounds to 16 bits, and names the tensor that has a number beyond them") {
  Folders f(tiny_roberta());
  f["encoder.layer.1.output.dense.bias"][3] = 65519;
  const PretrainedEncoder<float> whole = read_encoder<float>(f.publish());
  for (const std::string dtype : {"F16", "BF16"}) {
    export_encoder(f.folder / "published", f.folder / dtype, dtype);
    const SafetensorsFile file(f.folder / dtype / "model.safetensors");
    CHECK(file.info(file.names().front()).dtype == dtype);
    const PretrainedEncoder<float> read = read_encoder<float>(f.folder / dtype);
    bool rounded = true;
    for (std::int64_t i = 0; i < whole.values.count(); ++i)
      rounded = rounded && read.values[i] == (dtype == "F16" ? float_of_half(half_of_float(whole.values[i]))
                                                             : float_of_bfloat16(bfloat16_of_float(whole.values[i])));
    CHECK(rounded);
  }
  const auto refused = [&](const char* dtype, const char* words) {
    f.publish();
    CHECK_THROWS_WITH(export_encoder(f.folder / "published", f.folder / "no", dtype),
                      Contains("tensor 'roberta.encoder.layer.1.output.dense.bias' has the number") && Contains(words));
    CHECK_FALSE(fs::exists(f.folder / "no"));
  };
  f["encoder.layer.1.output.dense.bias"][3] = -65520;
  refused("F16", "-65520, F16 goes to 65504; export it as F32");
  f["encoder.layer.1.output.dense.bias"][3] = static_cast<double>(std::numeric_limits<float>::max());
  refused("BF16", "BF16 goes to 3.39e38");
  CHECK_THROWS_WITH(export_encoder(f.folder / "published", f.folder / "no", "F64"), Contains("'F64' is no type"));
}

TEST_CASE("an imported folder of which a file was changed, cut or taken away is refused by that file's name") {
  Folders f(tiny_mpnet());
  import_encoder(f.publish(), f.imported());
  const auto refused = [&](const std::string& file, const std::string& words) {
    INFO(file << ": " << words);
    CHECK_THROWS_WITH(read_encoder<float>(f.imported()), Contains(file) && Contains(words));
    CHECK_THROWS_WITH(export_encoder(f.imported(), f.folder / "no", "F32"), Contains(file));
  };
  const auto files = files_of(f.imported());
  REQUIRE(files.size() == 4);
  for (const auto& [name, content] : files) {
    if (name == ImportRecord::file_name) continue;
    std::string other = content;
    other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
    f.folder.file("imported/" + name, other);
    refused(name, "was changed after it was imported; import anew, or remove");
    f.folder.file("imported/" + name, content.substr(0, content.size() - 1));
    refused(name, "was changed");
    fs::remove(f.imported() / name);
    refused(name, "is not there, but import.json names it");
    f.folder.file("imported/" + name, content);
  }
  CHECK(read_encoder<float>(f.imported()).mapped);
  const auto record = [&](const std::function<void(Json&)>& change, const std::string& words) {
    Json json = Json::parse(files.at("import.json"));
    change(json);
    f.folder.file("imported/import.json", json.dump());
    refused("import.json", words);
  };
  record([](Json& j) { j["format"] = 2; }, "'format' is 2");
  record([](Json& j) { j.erase("crc32c"); }, "has no 'crc32c'");
  record([](Json& j) { j["crc32c"].erase("model.safetensors"); }, "has no 'model.safetensors'");
  record([](Json& j) { j["crc32c"]["../config.json"] = "00000000"; }, "'../config.json' is no name of a file");
  record([](Json& j) { j["crc32c"]["config.json"] = "0000"; }, "wanted eight digits");
  record([](Json& j) { j["crc32c"]["config.json"] = 7; }, "wanted a text");
  record([](Json& j) { j["passed_over"] = "none"; }, "wanted a list of names");
  record([](Json& j) { j = Json::array(); }, "wanted an object");
  f.folder.file("imported/import.json", "{\"format\": 1");
  refused("import.json", "import anew");
  // Without it the folder is one as any other: mapped, and every number is looked at.
  fs::remove(f.imported() / "import.json");
  CHECK(read_encoder<float>(f.imported()).mapped);
  std::string damaged = files.at("model.safetensors");
  std::memset(damaged.data() + damaged.size() - 4, 0xFF, 4);
  f.folder.file("imported/model.safetensors", damaged);
  CHECK_THROWS_WITH(read_encoder<float>(f.imported(), EncoderHead::classifier), Contains("is not finite"));
}

TEST_CASE("import refuses what read_encoder refuses and a folder that holds something, and leaves nothing behind") {
  Folders f(tiny_bert());
  const fs::path published = f.publish();
  const auto refused = [&](const std::string& words) {
    INFO(words);
    CHECK_THROWS_WITH(import_encoder(published, f.imported()), Contains(words));
    CHECK(f.folder.entries() == 1);
  };
  CHECK_THROWS_WITH(import_encoder(f.folder / "absent", f.imported()), Contains("is no folder"));
  CHECK_THROWS_WITH(import_encoder(published, published), Contains("already; give a new folder"));
  CHECK_THROWS_WITH(import_encoder(published, f.imported(), [] { return true; }), Contains("nothing is written"));
  CHECK(f.folder.entries() == 1);
  f["encoder.layer.0.intermediate.dense.bias"][0] = std::nan("");
  f.publish();
  refused("has a number that is not finite");
  f["encoder.layer.0.intermediate.dense.bias"][0] = 0;
  f.config["num_hidden_layers"] = 1;
  f.publish();
  refused("are of different models");
  f.config["num_hidden_layers"] = 2;
  f.config["vocab_size"] = 19;
  f.publish();
  refused("is [20, 16], config.json wants");
  f.config["vocab_size"] = 20;
  f.publish();
  std::ofstream(published / "vocab.txt", std::ios::app) << "more\n";
  refused("the tokenizer has 21 tokens");
  fs::remove(published / "vocab.txt");
  refused("holds no tokenizer");
  f.publish();
  std::ofstream(published / "sentence_head.safetensors") << "head";
  refused("a head on sentence vectors");
  fs::remove(published / "sentence_head.safetensors");
  fs::create_directory(f.imported());  // empty
  CHECK_NOTHROW(import_encoder(published, f.imported()));
  CHECK_THROWS_WITH(import_encoder(published, f.imported()), Contains("already; give a new folder"));
}

TEST_CASE("a head of another task and half a head are no head for classification") {
  Folders words(tiny_bert());
  words.config["architectures"] = {"BertForTokenClassification"};
  const WrittenEncoder written = import_encoder(words.publish(), words.imported());
  CHECK(written.head == "pooler");
  CHECK(written.passed_over == std::vector<std::string>{"classifier.bias", "classifier.weight"});
  Folders half(tiny_distilbert());
  std::erase_if(half.tensors, [](const auto& tensor) { return tensor.first == "pre_classifier.bias"; });
  CHECK_THROWS_WITH(import_encoder(half.publish(), half.imported()), Contains("has no tensor 'pre_classifier.bias'"));
  std::erase_if(half.tensors, [](const auto& tensor) { return tensor.first.find("classifier") != std::string::npos; });
  CHECK(import_encoder(half.publish(), half.imported()).head == "no head");
  CHECK(read_encoder<float>(half.imported()).mapped);
}
