#include "model/encoders/encoder_import.h"

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "core/small_floats.h"
#include "core/tensor.h"
#include "model/encoders/encoder_weights.h"
#include "model/encoders/folder_files.h"
#include "model/encoders/sentence_head.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <set>
#include <span>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

// A source and what of it is kept.
struct Source {
  fs::path folder;
  EncoderWeights weights;
  NamedTensors kept;
};

Source open_source(const fs::path& folder) {
  ETHREED_CHECK(!fs::is_regular_file(folder / SentenceHead::file_name),
                "{}: has a head on sentence vectors ({}), which published folders have no place for; give the encoder "
                "that it was trained on",
                folder.string(), SentenceHead::file_name);
  EncoderWeights weights(folder);
  NamedTensors kept = weights.everything();
  return {folder, std::move(weights), std::move(kept)};
}

std::string head_of(const NamedTensors& kept) {
  bool pooler = false, classifier = false;
  for (const EncoderTensor& tensor : kept.tensors) {
    pooler |= tensor.name.starts_with("pooler.");
    classifier |= !tensor.prefixed;
  }
  constexpr const char* for_classification = "head for classification";
  if (pooler && classifier) return std::string("pooler and ") + for_classification;
  return pooler ? "pooler" : classifier ? for_classification : "no head";
}

WrittenEncoder description_of(const Source& source) {
  std::set<std::string> dtypes;
  std::int64_t parameters = 0;
  for (std::size_t i = 0; i < source.kept.names.size(); ++i) {
    dtypes.insert(source.weights.file().info(source.kept.names[i]).dtype);
    parameters += source.kept.tensors[i].shape.count();
  }
  const SubwordTokenizer tokenizer = open_tokenizer(source.folder, source.weights.config());
  return {.config = source.weights.config(),
          .head = head_of(source.kept),
          .dtypes = {dtypes.begin(), dtypes.end()},
          .tensors = static_cast<std::int64_t>(source.kept.names.size()),
          .parameters = parameters,
          .tokenizer = tokenizer.description(),
          .pieces = tokenizer.size(),
          .passed_over = source.weights.others(source.kept.names)};
}

// Tensors of a source as floats: where the file has them so, they are its own pages.
class Floats {
 public:
  explicit Floats(const Source& source) : source_(source) {}
  // Valid until the next call but one; with `keep` as long as this object.
  View<const float> of(std::size_t i, bool keep) {
    const std::string& name = source_.kept.names[i];
    if (source_.weights.file().info(name).dtype == "F32") {
      const View<const float> values = source_.weights.file().tensor<float>(name);
      source_.weights.check_finite(name, values.span());
      return values;
    }
    if (!keep) converted_.clear();
    converted_.emplace_back(source_.kept.tensors[i].shape);
    source_.weights.read(name, converted_.back().span());
    return std::as_const(converted_.back()).view();
  }

 private:
  const Source& source_;
  std::deque<Tensor<float>> converted_;
};

struct SmallFloat {
  std::string_view name, largest;
  std::uint16_t (*round)(float);
  float (*back)(std::uint16_t);
};

std::vector<std::uint16_t> rounded(View<const float> values, const SmallFloat& type, const Source& source,
                                   const std::string& name) {
  std::vector<std::uint16_t> out(static_cast<std::size_t>(values.count()));
  for (std::size_t k = 0; k < out.size(); ++k) {
    const float x = values.data[k];
    out[k] = type.round(x);
    ETHREED_CHECK(std::isfinite(type.back(out[k])),
                  "{}: tensor '{}' has the number {}, {} goes to {}; export it as F32",
                  source.weights.file().path().string(), name, x, type.name, type.largest);
  }
  return out;
}

// What both have, tokenizer and config.json, then what `finish` adds; then the folder gets its name.
template <class Finish>
WrittenEncoder write_folder(const Source& source, AtomicFolder& folder, const SafetensorsWriter& writer,
                            std::string_view dtype, const Interrupted& interrupted, Finish finish) {
  WrittenEncoder written = description_of(source);
  writer.write(folder.path() / "model.safetensors");
  copy_tokenizer(source.folder, folder.path());
  write_text_atomically(folder.path() / "config.json", config_with_dtype(source.folder, dtype));
  finish(folder.path(), written);
  for (const fs::directory_entry& file : fs::directory_iterator(folder.path()))
    written.files.emplace_back(file.path().filename().string(), file.file_size());
  std::sort(written.files.begin(), written.files.end());
  ETHREED_CHECK(!interrupted || !interrupted(), "interrupted, nothing is written");
  folder.commit();
  return written;
}

// The library that the format is from wants it: matrices are row-major, [out, in].
void add_format(SafetensorsWriter& writer) { writer.add_metadata("format", "pt"); }

}  // namespace

WrittenEncoder import_encoder(const fs::path& folder, const fs::path& out, const Interrupted& interrupted) {
  const Source source = open_source(folder);
  AtomicFolder target(out);
  Floats floats(source);
  SafetensorsWriter writer;
  writer.align_data(alignment_bytes);
  add_format(writer);
  for (std::size_t i = 0; i < source.kept.names.size(); ++i) writer.add(source.kept.names[i], floats.of(i, true));
  return write_folder(source, target, writer, "float32", interrupted,
                      [&](const fs::path& path, WrittenEncoder& written) {
                        ImportRecord record{.family = std::string(name_of(written.config.family)),
                                            .head = written.head,
                                            .dtypes = written.dtypes,
                                            .source_bytes = fs::file_size(source.weights.file().path()),
                                            .tensors = written.tensors,
                                            .parameters = written.parameters,
                                            .passed_over = written.passed_over};
                        record.write(path);
                      });
}

WrittenEncoder export_encoder(const fs::path& folder, const fs::path& out, std::string_view dtype,
                              const Interrupted& interrupted) {
  constexpr SmallFloat half{"F16", "65504", half_of_float, float_of_half},
      bfloat16{"BF16", "3.39e38", bfloat16_of_float, float_of_bfloat16};
  ETHREED_CHECK(dtype == "F32" || dtype == half.name || dtype == bfloat16.name,
                "export: '{}' is no type of numbers; wanted F32, F16 or BF16", dtype);
  const Source source = open_source(folder);
  AtomicFolder target(out);
  const std::vector<std::string>& names = source.kept.names;
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  Floats floats(source);
  std::deque<std::vector<std::uint16_t>> small;
  SafetensorsWriter writer;
  add_format(writer);
  for (const std::size_t i : order) {
    const bool whole = dtype == "F32";
    const View<const float> values = floats.of(i, whole);
    if (whole) {
      writer.add(names[i], values);
      continue;
    }
    small.push_back(rounded(values, dtype == half.name ? half : bfloat16, source, names[i]));
    writer.add_bytes(names[i], dtype, values.shape, std::as_bytes(std::span(small.back())));
  }
  const char* name = dtype == "F32" ? "float32" : dtype == half.name ? "float16" : "bfloat16";
  return write_folder(source, target, writer, name, interrupted, [](const fs::path&, WrittenEncoder&) {});
}

}  // namespace ethreed
