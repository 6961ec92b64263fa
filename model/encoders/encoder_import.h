#pragma once
// Folders of pretrained encoders: from a published one to one that is mapped where it lies, and back.

#include "model/encoders/encoder_config.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed {

/// What was written, for people.
struct WrittenEncoder {
  EncoderConfig config;
  std::string head;                 ///< "pooler", "head for classification", "pooler and head …", or "no head"
  std::vector<std::string> dtypes;  ///< of the source's tensors: "F16"
  std::int64_t tensors = 0, parameters = 0;
  std::string tokenizer;                 ///< "word pieces, lower case"
  int pieces = 0;                        ///< of the tokenizer
  std::vector<std::string> passed_over;  ///< tensors of the source, or of what it was imported from, that are not in it
  std::vector<std::pair<std::string, std::uintmax_t>> files;  ///< names, in the order of the alphabet, and bytes
};

/// Asked before the folder gets its name: true ends the work.
using Interrupted = std::function<bool()>;

/// Writes the folder `out`: model.safetensors in F32 under the names that the source has (gamma and beta, and a prefix
/// that is lacking, too), its data the parameter block, at a multiple of 64 bytes, so that read_encoder maps it; the
/// tokenizer's files; config.json, in which a type of weights becomes float32; import.json with checksums. The same
/// source gives the same bytes. The folder is there whole or not at all. Throws Error as read_encoder and
/// open_tokenizer do, for a folder with a head on sentence vectors, which has no place in the format, if `out` holds
/// something, and if it was interrupted.
WrittenEncoder import_encoder(const std::filesystem::path& folder, const std::filesystem::path& out,
                              const Interrupted& interrupted = {});

/// Writes an encoder's folder as it would be published: tensors by the order of the alphabet, numbers in `dtype` (F32,
/// F16 or BF16, to the nearest, ties to even). Throws Error as import_encoder does, for another `dtype`, and, naming
/// the tensor, for a number that is too large for it.
WrittenEncoder export_encoder(const std::filesystem::path& folder, const std::filesystem::path& out,
                              std::string_view dtype, const Interrupted& interrupted = {});

}  // namespace ethreed
