#include "model/encoders/encoder_file.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <string>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view words = "embeddings.word_embeddings.weight";

// The bytes of tensors of any type. SafetensorsFile, which has checked lengths and offsets, hands out those types only
// that the engine computes with.
class TensorBytes {
 public:
  explicit TensorBytes(const SafetensorsFile& file) : file_(file), map_(file.path()) {
    std::uint64_t header = 0;
    std::memcpy(&header, map_.bytes().data(), sizeof header);
    data_ = map_.bytes().subspan(sizeof header + header);
  }
  std::span<const std::byte> of(const std::string& name) const {
    const SafetensorsFile::Info& info = file_.info(name);
    return data_.subspan(info.begin, info.end - info.begin);
  }

 private:
  const SafetensorsFile& file_;
  MappedFile map_;
  std::span<const std::byte> data_;
};

fs::path weights_of(const fs::path& folder) {
  const fs::path path = folder / "model.safetensors";
  if (fs::is_regular_file(path)) return path;
  ETHREED_CHECK(!fs::is_regular_file(folder / "model.safetensors.index.json"),
                "{}: the weights are in several files; join them to one model.safetensors", folder.string());
  ETHREED_CHECK(
      !fs::is_regular_file(folder / "pytorch_model.bin"),
      "{}: has no model.safetensors; pytorch_model.bin is a program of Python's and is not read here, convert "
      "it once to safetensors",
      folder.string());
  fail("{}: has no model.safetensors; give the folder of a pretrained encoder", folder.string());
}

// "roberta." or nothing.
std::string prefix_of(const SafetensorsFile& file, EncoderFamily family) {
  const std::string prefix = std::string(name_of(family)) + ".";
  if (file.contains(prefix + std::string(words))) return prefix;
  ETHREED_CHECK(file.contains(words),
                "{}: has no tensor '{}' and no '{}{}'; it holds no encoder that config.json's "
                "model_type '{}' names",
                file.path().string(), words, prefix, words, name_of(family));
  return {};
}

// The name under which the file has a tensor.
std::string name_in(const SafetensorsFile& file, const std::string& prefix, const EncoderTensor& tensor) {
  const std::string begin = tensor.prefixed ? prefix : "";
  if (file.contains(begin + tensor.name)) return begin + tensor.name;
  if (!tensor.older_name.empty() && file.contains(begin + tensor.older_name)) return begin + tensor.older_name;
  fail("{}: has no tensor '{}{}'{}", file.path().string(), begin, tensor.name,
       tensor.prefixed ? ", which config.json's model has" : "; it was saved without a head for classification");
}

// Tensors of the encoder itself that nobody asked for: config.json is of another model then.
void check_all_known(const SafetensorsFile& file, const std::string& prefix, const std::set<std::string>& read) {
  for (const std::string& name : file.names()) {
    if (!name.starts_with(prefix) || read.contains(name)) continue;
    const std::string_view rest = std::string_view(name).substr(prefix.size());
    if (rest == "embeddings.position_ids") continue;
    ETHREED_CHECK(
        !rest.starts_with("embeddings.") && !rest.starts_with("encoder.") && !rest.starts_with("transformer."),
        "{}: tensor '{}' is none of the model that config.json describes; the two are of different models",
        file.path().string(), cut_text(name));
  }
}

template <class From, class T, class Convert>
void convert(std::span<const std::byte> bytes, T* to, std::int64_t count, Convert value_of) {
  const std::byte* from = bytes.data();
  for (std::int64_t i = 0; i < count; ++i) {
    From element;
    std::memcpy(&element, from + i * static_cast<std::int64_t>(sizeof element), sizeof element);
    to[i] = static_cast<T>(value_of(element));
  }
}

template <class T>
void read_tensor(const SafetensorsFile& file, const TensorBytes& all, const std::string& name, std::int64_t count,
                 T* to) {
  const SafetensorsFile::Info& info = file.info(name);
  const std::span<const std::byte> bytes = all.of(name);
  if (info.dtype == "F32")
    convert<float>(bytes, to, count, [](float x) { return x; });
  else if (info.dtype == "F64")
    convert<double>(bytes, to, count, [](double x) { return x; });
  else if (info.dtype == "F16")
    convert<std::uint16_t>(bytes, to, count, half_precision);
  else if (info.dtype == "BF16")
    convert<std::uint16_t>(bytes, to, count,
                           [](std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); });
  else
    fail("{}: tensor '{}' is {}, wanted F32, F16, BF16 or F64", file.path().string(), name, info.dtype);
  ETHREED_CHECK(std::all_of(to, to + count, [](T x) { return std::isfinite(x); }),
                "{}: tensor '{}' has a number that is not finite; the file is damaged", file.path().string(), name);
}

void check_classifier(const EncoderConfig& config, const fs::path& folder) {
  const auto& names = config.architectures;
  ETHREED_CHECK(
      names.empty() || std::any_of(names.begin(), names.end(),
                                   [](const std::string& name) { return name.ends_with("ForSequenceClassification"); }),
      "{}: was saved as '{}', wanted a model for sequence classification", folder.string(), cut_text(names.front()));
}

}  // namespace

float half_precision(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = bits >> 10 & 0x1FU, mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float small = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -small : small;
  }
  const std::uint32_t rebiased = exponent == 0x1FU ? 0xFFU : exponent + 127 - 15;
  return std::bit_cast<float>(sign | rebiased << 23 | mantissa << 13);
}

template <class T> PretrainedEncoder<T> read_encoder(const fs::path& folder, EncoderHead head) {
  const EncoderConfig config = read_encoder_config(folder);
  if (head == EncoderHead::classifier) check_classifier(config, folder);
  const SafetensorsFile file(weights_of(folder));
  const std::string prefix = prefix_of(file, config.family);
  PretrainedEncoder<T> encoder{.layout = encoder_layout(config, head)};
  // Shapes first: a wrong config.json may ask for any amount of memory.
  std::vector<std::string> names;
  for (const EncoderTensor& tensor : encoder.layout.tensors) {
    names.push_back(name_in(file, prefix, tensor));
    const auto& shape = file.info(names.back()).shape;
    ETHREED_CHECK(std::ranges::equal(shape, tensor.shape.sizes()), "{}: tensor '{}' is [{}], config.json wants {}",
                  file.path().string(), names.back(), fmt::join(shape, ", "), tensor.shape.text());
  }
  check_all_known(file, prefix, {names.begin(), names.end()});
  const TensorBytes bytes(file);
  encoder.values = Tensor<T>({encoder.layout.block.size()});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const EncoderTensor& tensor = encoder.layout.tensors[i];
    read_tensor(file, bytes, names[i], tensor.shape.count(), encoder.values.data() + tensor.offset);
  }
  return encoder;
}

template PretrainedEncoder<float> read_encoder(const fs::path&, EncoderHead);
template PretrainedEncoder<double> read_encoder(const fs::path&, EncoderHead);

}  // namespace ethreed
