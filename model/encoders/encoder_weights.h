#pragma once
// config.json and model.safetensors of a pretrained encoder, by the names that its family gives to tensors.

#include "core/safetensors.h"
#include "model/encoders/encoder_parameters.h"
#include "model/encoders/import_record.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Tensors and the names under which a file has them.
struct NamedTensors {
  std::vector<EncoderTensor> tensors;
  std::vector<std::string> names;
};

class EncoderWeights {
 public:
  /// Throws Error as read_encoder_config, SafetensorsFile and ImportRecord::read_checked do, and for a folder without
  /// such files and a file without the family's tensors.
  explicit EncoderWeights(const std::filesystem::path& folder);

  const EncoderConfig& config() const { return config_; }
  const SafetensorsFile& file() const { return file_; }
  /// What import said, if it wrote the folder: the files are as it left them, so every number is finite.
  const std::optional<ImportRecord>& record() const { return record_; }

  /// Was it saved as a model for sequence classification, or as nothing in particular?
  bool may_classify() const;

  /// The name of every tensor in the file. Throws Error, with file and tensor, for one that is absent or has another
  /// shape, and for tensors of the encoder itself that are none of these: config.json is of another model then.
  std::vector<std::string> names_of(std::span<const EncoderTensor> tensors) const;

  /// The encoder with what stands on it in the file, pooler and head for classification, in the order of the block. Of
  /// RoBERTa and MPNet, whose heads need none, the pooler comes last. Throws Error as names_of does.
  NamedTensors everything() const;
  /// Names of the file that are not among these, and what its import had passed over, in the order of the alphabet.
  std::vector<std::string> others(std::span<const std::string> names) const;

  /// Reads F32, F16, BF16 and F64 into T. Throws Error, with file and tensor, for another type and for a number that is
  /// not finite.
  template <class T> void read(const std::string& name, std::span<T> to) const;
  /// Throws Error for a number that is not finite.
  template <class T> void check_finite(const std::string& name, std::span<const T> values) const;

  /// The mapped file: nothing is to be asked of this object any more.
  MappedFile take_map() && { return std::move(file_).take_map(); }

 private:
  std::string name_of_tensor(const EncoderTensor& tensor) const;
  bool has(const EncoderTensor& tensor) const;

  std::optional<ImportRecord> record_;  // first: damage is found by it before it is misread
  EncoderConfig config_;
  SafetensorsFile file_;
  std::string prefix_;  // "roberta." or nothing
};

}  // namespace ethreed
