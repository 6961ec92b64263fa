#pragma once
// The files of an encoder's folder beside its weights.

#include "model/encoders/encoder_config.h"
#include "model/subwords/tokenizer.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace ethreed {

/// By way of a name beside it: what is there is whole. Throws Error if that fails.
void copy_whole(const std::filesystem::path& from, const std::filesystem::path& to);

/// Those of the tokenizer's files that are there, from folder to folder. Throws Error if that fails.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

/// Throws Error as SubwordTokenizer::open does, and if it has more tokens than the model.
SubwordTokenizer open_tokenizer(const std::filesystem::path& folder, const EncoderConfig& config);

/// The text of config.json. Where it says of which type the weights are, it says `dtype` ("float32"), and is else as it
/// was. Throws Error for a file that is no JSON.
std::string config_with_dtype(const std::filesystem::path& folder, std::string_view dtype);

}  // namespace ethreed
