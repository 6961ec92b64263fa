#pragma once
// The names of emotions: the 32 of EmpatheticDialogues (Rashkin et al., ACL 2019), in alphabetical order, or any other
// set. The order is the class number.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

inline constexpr int emotion_count = 32;

inline constexpr std::array<std::string_view, emotion_count> emotion_names{
    "afraid",    "angry",    "annoyed",    "anticipating", "anxious",     "apprehensive", "ashamed",   "caring",
    "confident", "content",  "devastated", "disappointed", "disgusted",   "embarrassed",  "excited",   "faithful",
    "furious",   "grateful", "guilty",     "hopeful",      "impressed",   "jealous",      "joyful",    "lonely",
    "nostalgic", "prepared", "proud",      "sad",          "sentimental", "surprised",    "terrified", "trusting"};

/// The class number of a name of these 32, exactly as the corpus writes it (lower case); nothing for any other word.
std::optional<std::int32_t> emotion_id(std::string_view name);

/// A name without what nobody sees: form C, without invisible characters, without blanks of any kind around it, those
/// inside as ' '. What is no UTF-8 loses the blanks of ASCII around it alone.
std::string tidy_emotion_name(std::string_view name);

/// How a name is compared: the tidy one in lower case.
std::string emotion_key(std::string_view name);

/// Throws Error, which begins with `source`, for a name that is empty, longer than 64 bytes or no UTF-8, or has control
/// characters.
void check_emotion_name(std::string_view name, const std::string& source);

/// The emotions of a data set.
class EmotionSet {
 public:
  /// The 32.
  EmotionSet();
  /// In this order. Throws Error (naming `source`) unless there are 2 to 1,000 names that check_emotion_name takes, no
  /// two of one key.
  EmotionSet(std::vector<std::string> names, const std::string& source);
  /// One name a line, made tidy; blank lines are passed over. Throws Error.
  static EmotionSet read(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return names_; }
  std::int32_t size() const { return static_cast<std::int32_t>(names_.size()); }
  /// "(none)" for −1.
  std::string_view name(std::int32_t id) const;
  /// The class of the name with the same key.
  std::optional<std::int32_t> find(std::string_view name) const;
  /// Whether it is the 32.
  bool is_default() const;

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t> ids_;  // by key
};

}  // namespace ethreed
