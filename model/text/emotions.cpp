#include "model/text/emotions.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"
#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::size_t most_emotions = 1000;
constexpr std::size_t longest_name = 64;

}  // namespace

static_assert(std::is_sorted(emotion_names.begin(), emotion_names.end()), "emotion_id searches by bisection");

std::optional<std::int32_t> emotion_id(std::string_view name) {
  const auto place = std::lower_bound(emotion_names.begin(), emotion_names.end(), name);
  if (place == emotion_names.end() || *place != name) return std::nullopt;
  return static_cast<std::int32_t>(place - emotion_names.begin());
}

std::string tidy_emotion_name(std::string_view name) {
  name = strip(name);
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || !is_utf8(name)) return std::string(name);
  // Invisible characters first: they keep letters from their accents.
  std::string visible, tidy;
  const auto each = [](std::string_view text, const auto& take) {
    for (std::size_t i = 0; i < text.size();) {
      const Character c = decode_utf8(text, i);
      take(c.code);
      i += c.bytes;
    }
  };
  each(name, [&](char32_t code) {
    if (!is_invisible(code)) append_utf8(visible, code);
  });
  each(compose(visible), [&](char32_t code) {
    const bool blank = code >= 0x80 && kind_of_character(code) == CharacterKind::space;
    append_utf8(tidy, blank ? U' ' : code);
  });
  return std::string(strip(tidy));
}

// Twice, as there are letters with an accent that are one character in lower case alone.
std::string emotion_key(std::string_view name) { return tidy_emotion_name(lower_case(tidy_emotion_name(name))); }

void check_emotion_name(std::string_view name, const std::string& source) {
  const bool good =
      !name.empty() && name.size() <= longest_name && is_utf8(name) &&
      std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; });
  ETHREED_CHECK(good, "{}: '{}' is no name of an emotion; wanted 1 to {} bytes of UTF-8 without control characters",
                source, excerpt(name), longest_name);
}

EmotionSet::EmotionSet() : EmotionSet({emotion_names.begin(), emotion_names.end()}, "the 32 emotions") {}

EmotionSet::EmotionSet(std::vector<std::string> names, const std::string& source) : names_(std::move(names)) {
  ETHREED_CHECK(names_.size() >= 2 && names_.size() <= most_emotions,
                "{}: got {} different emotions, wanted 2 to {}; name the set, one a line, with --emotions FILE", source,
                names_.size(), most_emotions);
  for (const std::string& name : names_) {
    check_emotion_name(name, source);
    ETHREED_CHECK(
        ids_.emplace(emotion_key(name), static_cast<std::int32_t>(ids_.size())).second,
        "{}: the emotion '{}' is there twice (case, blanks, invisible characters and how accents are written do "
        "not count); remove one",
        source, name);
  }
}

EmotionSet EmotionSet::read(const std::filesystem::path& path) {
  TableReader lines(path, {.format = TableFormat::lines});
  std::vector<std::string> names;
  while (lines.next()) {
    std::string name = tidy_emotion_name(lines.field(0));
    if (name.empty()) continue;
    check_emotion_name(name, lines.place());
    names.push_back(std::move(name));
    ETHREED_CHECK(names.size() <= most_emotions, "{}: more than {} emotions", lines.place(), most_emotions);
  }
  return {std::move(names), path.string()};
}

std::string_view EmotionSet::name(std::int32_t id) const {
  return id < 0 ? std::string_view("(none)") : names_[static_cast<std::size_t>(id)];
}

std::optional<std::int32_t> EmotionSet::find(std::string_view name) const {
  const auto place = ids_.find(emotion_key(name));
  return place == ids_.end() ? std::nullopt : std::optional(place->second);
}

bool EmotionSet::is_default() const {
  return std::equal(names_.begin(), names_.end(), emotion_names.begin(), emotion_names.end());
}

}  // namespace ethreed
