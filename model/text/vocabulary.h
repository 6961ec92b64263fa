#pragma once
// The words that the model has an embedding and an output for.

#include "model/text/word_table.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ethreed {

inline constexpr std::int32_t pad_id = 0;
inline constexpr std::int32_t unk_id = 1;
inline constexpr std::int32_t sos_id = 2;
inline constexpr std::int32_t eos_id = 3;
inline constexpr std::int32_t special_count = 4;
inline constexpr std::array<std::string_view, special_count> special_words{"<pad>", "<unk>", "<sos>", "<eos>"};

/// The four special words, then the words with counts[id] ≥ min_frequency by falling count, equal ones in the order of
/// their bytes, with the rules of `words`. `counts` has one number for each word of `words`. Throws Error if no word is
/// frequent enough.
WordTable vocabulary_from_counts(const WordTable& words, std::span<const std::int64_t> counts,
                                 std::int64_t min_frequency);

/// One word a line; the line number, from 0, is the id.
std::string vocabulary_text(const WordTable& words);

/// Reads such a file. Throws Error (file:line) if it does not start with the special words, if a line is empty or
/// holds white space, or if a word stands there twice.
WordTable load_vocabulary(const std::filesystem::path& path);

}  // namespace ethreed
