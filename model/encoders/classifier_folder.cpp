#include "model/encoders/classifier_folder.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/safetensors.h"
#include "model/encoders/folder_files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string_view>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string_view class_of(EncoderFamily family) {
  switch (family) {
    case EncoderFamily::bert: return "BertForSequenceClassification";
    case EncoderFamily::roberta: return "RobertaForSequenceClassification";
    case EncoderFamily::distilbert: return "DistilBertForSequenceClassification";
    case EncoderFamily::mpnet: return "MPNetForSequenceClassification";
  }
  return "?";
}

std::string config_with_labels(const fs::path& source, const EncoderLayout& layout) {
  const fs::path path = source / "config.json";
  Json json = parse_json<Json>(MappedFile(path).text(), path.string(), "check the file");
  Json by_id = Json::object(), by_label = Json::object();
  for (std::size_t i = 0; i < layout.config.labels.size(); ++i) {
    by_id[std::to_string(i)] = layout.config.labels[i];
    by_label[layout.config.labels[i]] = i;
  }
  json["architectures"] = Json::array({class_of(layout.config.family)});
  json["id2label"] = by_id;
  json["label2id"] = by_label;
  json["problem_type"] = "single_label_classification";
  json.erase("num_labels");  // libraries count id2label
  return json.dump(2) + "\n";
}

}  // namespace

PretrainedEncoder<float> with_new_head(const fs::path& folder, const std::vector<std::string>& labels,
                                       std::uint64_t seed) {
  ETHREED_CHECK(labels.size() >= 2, "a classifier wants two labels at least, there are {}", labels.size());
  ETHREED_CHECK(std::set<std::string>(labels.begin(), labels.end()).size() == labels.size(),
                "a classifier wants labels that are all different");
  EncoderConfig config = read_encoder_config(folder);
  const EncoderHead has = config.family == EncoderFamily::bert ? EncoderHead::pooler : EncoderHead::none;
  const PretrainedEncoder<float> encoder = read_encoder<float>(folder, has);
  config.labels = labels;
  PretrainedEncoder<float> out{.layout = encoder_layout(config, EncoderHead::classifier)};
  out.values = Tensor<float>({out.layout.block.size()});
  start_classifier(out.layout, seed, out.values.data());
  for (const EncoderTensor& tensor : encoder.layout.tensors) {
    const auto place = std::find_if(out.layout.tensors.begin(), out.layout.tensors.end(),
                                    [&](const EncoderTensor& t) { return t.name == tensor.name; });
    ETHREED_CHECK(place != out.layout.tensors.end(), "with_new_head: no place for '{}'", tensor.name);
    std::copy_n(encoder.values.data() + tensor.offset, tensor.shape.count(), out.values.data() + place->offset);
  }
  return out;
}

void write_classifier(const fs::path& folder, const fs::path& source, const EncoderLayout& layout,
                      const float* values) {
  ETHREED_CHECK(layout.head == EncoderHead::classifier, "write_classifier: the layout has no head for classification");
  fs::create_directories(folder);
  SafetensorsWriter writer;
  const std::string prefix = std::string(name_of(layout.config.family)) + ".";
  for (const EncoderTensor& tensor : layout.tensors)
    writer.add((tensor.prefixed ? prefix : "") + tensor.name, View<const float>(values + tensor.offset, tensor.shape));
  writer.align_data(alignment_bytes);   // so that it is mapped where it is read
  writer.add_metadata("format", "pt");  // wanted by the library that the format is from: row-major matrices [out, in]
  const std::string config = config_with_labels(source, layout);
  copy_tokenizer(source, folder);
  writer.write(folder / "model.safetensors");
  write_text_atomically(folder / "config.json", config);
}

void copy_encoder_folder(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  copy_tokenizer(from, to);
  for (const char* name : {"model.safetensors", "config.json"}) copy_whole(from / name, to / name);
}

}  // namespace ethreed
