#pragma once
// A study by human raters: which contexts, whose replies, and under which names they are hidden. The key says which
// system wrote what and stays with the researcher; sheets (study_sheet.h) do not.

#include "tools/ethreed/reply_file.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

inline constexpr std::array<std::string_view, 3> rated_aspects{"empathy", "relevance", "fluency"};
inline constexpr int highest_rating = 5;

struct StudyContext {
  std::size_t row = 0;               ///< of the reply files, from 1
  std::string conversation, turn;    ///< where the files say so
  std::vector<std::string> said;     ///< the post last
  std::vector<std::string> replies;  ///< of each system
};
/// A reply to be rated.
struct RatingItem {
  std::string id;
  std::size_t context = 0, system = 0;
};
/// Two replies to choose from: A is that of system a.
struct ChoiceItem {
  std::string id;
  std::size_t context = 0, a = 0, b = 0;
};

struct Study {
  std::string id;  ///< fingerprint of all the rest
  std::uint64_t seed = 1;
  int raters = 3;
  std::vector<std::string> systems;
  std::vector<StudyContext> contexts;
  std::vector<RatingItem> ratings;  ///< in the order of their ids, which says nothing of the system
  std::vector<ChoiceItem> choices;
};

enum class StudyPairs { first, all, none };  ///< which systems are compared: the first with each other, all, none

struct StudyOptions {
  std::size_t contexts = 100;
  int raters = 3;
  StudyPairs pairs = StudyPairs::first;
  bool gold = false;  ///< the human replies take part as a system
  std::uint64_t seed = 1;
};

/// Draws a study. `files` have replies to the same posts. Throws Error, with file and line, where they have not, where
/// a context or a gold reply is missing, and where there are fewer than `contexts` rows.
Study make_study(const std::vector<ReplyFile>& files, const std::vector<std::string>& names,
                 const StudyOptions& options);

std::string key_text(const Study& study);
/// Throws Error if the file is no key or was changed.
Study read_key(const std::string& path);

/// Numbers 0 … count − 1 in an order that seed and purpose fix (Philox).
std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t purpose);

}  // namespace ethreed
