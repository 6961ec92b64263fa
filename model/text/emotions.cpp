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

std::string_view strip(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace

static_assert(std::is_sorted(emotion_names.begin(), emotion_names.end()), "emotion_id searches by bisection");

std::optional<std::int32_t> emotion_id(std::string_view name) {
  const auto place = std::lower_bound(emotion_names.begin(), emotion_names.end(), name);
  if (place == emotion_names.end() || *place != name) return std::nullopt;
  return static_cast<std::int32_t>(place - emotion_names.begin());
}

std::string emotion_key(std::string_view name) { return lower_case(strip(name)); }

EmotionSet::EmotionSet() : EmotionSet({emotion_names.begin(), emotion_names.end()}, "the 32 emotions") {}

EmotionSet::EmotionSet(std::vector<std::string> names, const std::string& source) : names_(std::move(names)) {
  ETHREED_CHECK(names_.size() >= 2 && names_.size() <= most_emotions,
                "{}: got {} different emotions, wanted 2 to {}; name the set, one a line, with --emotions FILE", source,
                names_.size(), most_emotions);
  for (const std::string& name : names_) {
    const bool good = !name.empty() && name.size() <= longest_name && is_utf8(name) &&
                      std::none_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; });
    ETHREED_CHECK(good, "{}: '{}' is no name of an emotion; wanted 1 to {} bytes of UTF-8 without control characters",
                  source, excerpt(name), longest_name);
    ETHREED_CHECK(ids_.emplace(emotion_key(name), static_cast<std::int32_t>(ids_.size())).second,
                  "{}: the emotion '{}' is there twice (case and blanks do not count); remove one", source, name);
  }
}

EmotionSet EmotionSet::read(const std::filesystem::path& path) {
  TableReader lines(path, {.format = TableFormat::lines});
  std::vector<std::string> names;
  while (lines.next()) {
    names.emplace_back(strip(lines.field(0)));
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
