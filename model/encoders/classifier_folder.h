#pragma once
// A classifier on a pretrained encoder as a folder in the published format: config.json with its labels,
// model.safetensors with its head, and the files of the tokenizer.

#include "model/encoders/encoder_file.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ethreed {

/// The encoder of a folder with a new head for these labels, started from the seed (start_classifier). Of BERT the
/// folder's pooler is a part of the head. A head that the folder has is not read. Throws Error as read_encoder does,
/// and unless there are two labels at least, all of them different.
PretrainedEncoder<float> with_new_head(const std::filesystem::path& folder, const std::vector<std::string>& labels,
                                       std::uint64_t seed);

/// Writes config.json (that of `source` with the labels of the layout) and model.safetensors (F32, the names that the
/// family's published files have), and copies the tokenizer's files of `source`; read_encoder reads it back to the bit,
/// and so do the libraries that the format is from. `values` [layout.block.size()]. Throws Error if that fails.
void write_classifier(const std::filesystem::path& folder, const std::filesystem::path& source,
                      const EncoderLayout& layout, const float* values);

/// Copies config.json, model.safetensors and the tokenizer's files, those that are there. Throws Error if that fails.
void copy_encoder_folder(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace ethreed
