#pragma once
// The 32 emotions of EmpatheticDialogues (Rashkin et al., ACL 2019), in alphabetical order: the order is the class
// number.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ethreed {

inline constexpr int emotion_count = 32;

inline constexpr std::array<std::string_view, emotion_count> emotion_names{
    "afraid",    "angry",    "annoyed",    "anticipating", "anxious",     "apprehensive", "ashamed",   "caring",
    "confident", "content",  "devastated", "disappointed", "disgusted",   "embarrassed",  "excited",   "faithful",
    "furious",   "grateful", "guilty",     "hopeful",      "impressed",   "jealous",      "joyful",    "lonely",
    "nostalgic", "prepared", "proud",      "sad",          "sentimental", "surprised",    "terrified", "trusting"};

/// The class number of a name, exactly as the corpus writes it (lower case); nothing for any other word.
std::optional<std::int32_t> emotion_id(std::string_view name);

}  // namespace ethreed
