#include "model/encoders/encoder_weights.h"

#include "core/error.h"
#include "core/json.h"
#include "core/small_floats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view words = "embeddings.word_embeddings.weight";

fs::path weights_of(const fs::path& folder) {
  fs::path path = folder / "model.safetensors";
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

std::string prefix_of(const SafetensorsFile& file, EncoderFamily family) {
  std::string prefix = std::string(name_of(family)) + ".";
  if (file.contains(prefix + std::string(words))) return prefix;
  ETHREED_CHECK(file.contains(words),
                "{}: has no tensor '{}' and no '{}{}'; it holds no encoder that config.json's "
                "model_type '{}' names",
                file.path().string(), words, prefix, words, name_of(family));
  return {};
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
void convert(std::span<const std::byte> bytes, std::span<T> to, Convert value_of) {
  const std::byte* from = bytes.data();
  for (T& value : to) {
    From element;
    std::memcpy(&element, from, sizeof element);
    from += sizeof element;
    value = static_cast<T>(value_of(element));
  }
}

}  // namespace

EncoderWeights::EncoderWeights(const fs::path& folder)
    : record_(ImportRecord::read_checked(folder)),
      config_(read_encoder_config(folder)),
      file_(weights_of(folder)),
      prefix_(prefix_of(file_, config_.family)) {}

bool EncoderWeights::may_classify() const {
  const auto& names = config_.architectures;
  return names.empty() || std::any_of(names.begin(), names.end(), [](const std::string& name) {
           return name.ends_with("ForSequenceClassification");
         });
}

bool EncoderWeights::has(const EncoderTensor& tensor) const {
  const std::string begin = tensor.prefixed ? prefix_ : "";
  return file_.contains(begin + tensor.name) ||
         (!tensor.older_name.empty() && file_.contains(begin + tensor.older_name));
}

std::string EncoderWeights::name_of_tensor(const EncoderTensor& tensor) const {
  const std::string begin = tensor.prefixed ? prefix_ : "";
  ETHREED_CHECK(
      has(tensor), "{}: has no tensor '{}{}'{}", file_.path().string(), begin, tensor.name,
      tensor.prefixed ? ", which config.json's model has" : "; it was saved without a head for classification");
  return begin + (file_.contains(begin + tensor.name) ? tensor.name : tensor.older_name);
}

std::vector<std::string> EncoderWeights::names_of(std::span<const EncoderTensor> tensors) const {
  std::vector<std::string> names;
  for (const EncoderTensor& tensor : tensors) {
    names.push_back(name_of_tensor(tensor));
    const auto& shape = file_.info(names.back()).shape;
    ETHREED_CHECK(std::ranges::equal(shape, tensor.shape.sizes()), "{}: tensor '{}' is [{}], config.json wants {}",
                  file_.path().string(), names.back(), fmt::join(shape, ", "), tensor.shape.text());
  }
  check_all_known(file_, prefix_, {names.begin(), names.end()});
  return names;
}

NamedTensors EncoderWeights::everything() const {
  const std::size_t plain = encoder_layout(config_, EncoderHead::none).tensors.size();
  const std::vector<EncoderTensor> classifier = encoder_layout(config_, EncoderHead::classifier).tensors;
  const auto has_one = [&](const EncoderTensor& tensor) { return has(tensor); };
  const bool classifies = may_classify() && std::any_of(classifier.begin(), classifier.end(), [&](const auto& tensor) {
                            return !tensor.prefixed && has(tensor);
                          });
  NamedTensors all;
  all.tensors = classifies ? classifier : std::vector(classifier.begin(), classifier.begin() + std::ptrdiff_t(plain));
  if (config_.family != EncoderFamily::distilbert && !(classifies && config_.family == EncoderFamily::bert)) {
    const std::vector<EncoderTensor> pooled = encoder_layout(config_, EncoderHead::pooler).tensors;
    const std::span pooler = std::span(pooled).subspan(plain);
    if (std::any_of(pooler.begin(), pooler.end(), has_one))
      all.tensors.insert(all.tensors.end(), pooler.begin(), pooler.end());
  }
  all.names = names_of(all.tensors);
  return all;
}

std::vector<std::string> EncoderWeights::others(std::span<const std::string> names) const {
  std::set<std::string> others(file_.names().begin(), file_.names().end());
  if (record_) others.insert(record_->passed_over.begin(), record_->passed_over.end());
  for (const std::string& name : names) others.erase(name);
  return {others.begin(), others.end()};
}

template <class T> void EncoderWeights::check_finite(const std::string& name, std::span<const T> values) const {
  bool finite = true;  // of all, without a jump: several at once
  for (const T x : values) finite &= std::isfinite(x);
  ETHREED_CHECK(finite, "{}: tensor '{}' has a number that is not finite; the file is damaged", file_.path().string(),
                name);
}

template <class T> void EncoderWeights::read(const std::string& name, std::span<T> to) const {
  const std::string& dtype = file_.info(name).dtype;
  const std::span<const std::byte> bytes = file_.bytes(name);
  if (dtype == "F32")
    convert<float>(bytes, to, [](float x) { return x; });
  else if (dtype == "F64")
    convert<double>(bytes, to, [](double x) { return x; });
  else if (dtype == "F16")
    convert<std::uint16_t>(bytes, to, [](std::uint16_t x) { return float_of_half(x); });
  else if (dtype == "BF16")
    convert<std::uint16_t>(bytes, to, [](std::uint16_t x) { return float_of_bfloat16(x); });
  else
    fail("{}: tensor '{}' is {}, wanted F32, F16, BF16 or F64", file_.path().string(), name, dtype);
  check_finite(name, std::span<const T>(to));
}

template void EncoderWeights::read(const std::string&, std::span<float>) const;
template void EncoderWeights::read(const std::string&, std::span<double>) const;
template void EncoderWeights::check_finite(const std::string&, std::span<const float>) const;

}  // namespace ethreed
