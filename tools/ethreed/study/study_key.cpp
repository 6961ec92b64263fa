#include "tools/ethreed/study/study_key.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/philox.h"
#include "model/metrics/reply_scores.h"
#include "model/text/line_reader.h"
#include "model/text/tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <set>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view format_name = "ethreed study key";
constexpr int known_version = 1;

// What the orders are drawn for.
enum Purpose : std::uint64_t { rating_ids = 1, choice_ids = 2, sides = 3 };

// Without the fingerprint.
Json body_of(const Study& study) {
  Json body{{"format", format_name},    {"version", known_version}, {"seed", study.seed},
            {"raters", study.raters},   {"systems", study.systems}, {"contexts", Json::array()},
            {"ratings", Json::array()}, {"choices", Json::array()}};
  for (const StudyContext& context : study.contexts)
    body["contexts"].push_back({{"row", context.row},
                                {"conversation", context.conversation},
                                {"turn", context.turn},
                                {"said", context.said},
                                {"replies", context.replies}});
  for (const RatingItem& item : study.ratings)
    body["ratings"].push_back({{"item", item.id}, {"context", item.context}, {"system", item.system}});
  for (const ChoiceItem& item : study.choices)
    body["choices"].push_back({{"item", item.id}, {"context", item.context}, {"a", item.a}, {"b", item.b}});
  return body;
}

// Texts from files may hold bytes that are no UTF-8; tables give U+FFFD for them already.
std::string fingerprint_of(const Study& study) { return Fingerprint().add(body_of(study).dump()).text(); }

// A post as systems of different tokens print it: of quotes and blanks, not all are kept.
std::string without_quotes(const std::string& text) {
  std::string out;
  for (const std::string& token : tokenize(text))
    for (const char c : token)
      if (c != '"' && c != '\'' && c != '`') out += c;
  return out;
}

// What every system says in a row.
StudyContext context_of(const std::vector<ReplyFile>& files, std::size_t row, bool gold) {
  const FileReply& first = files[0].rows[row];
  StudyContext context{.row = row + 1,
                       .conversation = first.conversation.value_or(""),
                       .turn = first.turn.value_or(""),
                       .said = first.context};
  ETHREED_CHECK(!context.said.empty(), "{}: the row has no context; raters must see what a reply answers",
                files[0].place(row));
  for (const ReplyFile& file : files) {
    const FileReply& reply = file.rows[row];
    ETHREED_CHECK(reply.context.empty() || without_quotes(reply.context.back()) == without_quotes(context.said.back()),
                  "{}: answers '{}', where {} answers '{}'; give replies to the same posts in the same order",
                  file.place(row), excerpt(reply.context.back()), files[0].place(row), excerpt(context.said.back()));
    context.replies.push_back(reply.reply);
  }
  if (gold) {
    ETHREED_CHECK(first.gold, "{}: the row has no gold reply, which --gold wants", files[0].place(row));
    context.replies.push_back(*first.gold);
  }
  return context;
}

// Gives items ids in an order that tells nothing of what they are, and puts them into that order.
template <class Item> void name_items(std::vector<Item>& items, char letter, std::uint64_t seed, Purpose purpose) {
  const std::vector<std::size_t> order = shuffled(items.size(), seed, purpose);
  std::vector<Item> named;
  for (std::size_t i = 0; i < items.size(); ++i) {
    named.push_back(items[order[i]]);
    named.back().id = fmt::format("{}{:04}", letter, i + 1);
  }
  items = std::move(named);
}

void check_key(const Study& study, const std::string& path) {
  const auto good = [&](std::size_t context, std::size_t system) {
    ETHREED_CHECK(context < study.contexts.size() && system < study.systems.size(),
                  "{}: an item is of context {} and system {}, which the key has not", path, context, system);
  };
  for (const RatingItem& item : study.ratings) good(item.context, item.system);
  for (const ChoiceItem& item : study.choices) good(item.context, item.a), good(item.context, item.b);
}

}  // namespace

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t purpose) {
  const PhiloxStream random(seed, 0x57D7ULL << 48 | purpose);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = 0; i + 1 < count; ++i) std::swap(order[i], order[i + random.below(count - i, i)]);
  return order;
}

Study make_study(const std::vector<ReplyFile>& files, const std::vector<std::string>& names,
                 const StudyOptions& options) {
  ETHREED_CHECK(!files.empty(), "study: no files of replies, wanted one at least");
  for (const ReplyFile& file : files) check_same_posts(files[0], file);
  const std::size_t rows = files[0].rows.size();
  ETHREED_CHECK(options.contexts <= rows, "{}: has {} rows, fewer than the {} contexts that are to be drawn",
                files[0].path, rows, options.contexts);
  Study study{.seed = options.seed, .raters = options.raters, .systems = names};
  if (options.gold) study.systems.emplace_back("gold");
  const std::set<std::string> different(study.systems.begin(), study.systems.end());
  ETHREED_CHECK(different.size() == study.systems.size(),
                "study: two systems have the same name; give each one as NAME=FILE");
  for (const std::size_t row : sample_rows(rows, options.contexts, options.seed))
    study.contexts.push_back(context_of(files, row, options.gold));
  const std::size_t systems = study.systems.size();
  for (std::size_t c = 0; c < study.contexts.size(); ++c)
    for (std::size_t s = 0; s < systems; ++s) study.ratings.push_back({.context = c, .system = s});
  if (options.pairs != StudyPairs::none)
    for (std::size_t a = 0; a < (options.pairs == StudyPairs::all ? systems : 1); ++a)
      for (std::size_t b = a + 1; b < systems; ++b) {
        // One half of the contexts has the first system as A.
        const std::vector<std::size_t> order =
            shuffled(study.contexts.size(), options.seed, sides + (a * systems + b) * 16);
        for (std::size_t i = 0; i < order.size(); ++i)
          study.choices.push_back({.context = order[i], .a = i % 2 == 0 ? a : b, .b = i % 2 == 0 ? b : a});
      }
  name_items(study.ratings, 'r', options.seed, rating_ids);
  name_items(study.choices, 'c', options.seed, choice_ids);
  study.id = fingerprint_of(study);
  return study;
}

std::string key_text(const Study& study) {
  Json key = body_of(study);
  key["study"] = study.id;
  return key.dump(1) + "\n";
}

Study read_key(const std::string& path) {
  constexpr std::string_view advice = "give the key.json that `ethreed study make` wrote";
  const MappedFile file{std::filesystem::path(path)};
  const auto json = parse_json<nlohmann::json>(file.text(), path, advice);
  ETHREED_CHECK(json.is_object() && json.value("format", nlohmann::json()) == format_name,
                "{}: is no key of a study; {}", path, advice);
  const nlohmann::json version = json.value("version", nlohmann::json());
  ETHREED_CHECK(version == known_version, "{}: the key's version is {}, this program reads {}; {}", path,
                shown(version), known_version, advice);
  Study study;
  try {
    study.id = json.at("study").get<std::string>();
    study.seed = json.at("seed").get<std::uint64_t>();
    study.raters = json.at("raters").get<int>();
    study.systems = json.at("systems").get<std::vector<std::string>>();
    for (const auto& context : json.at("contexts"))
      study.contexts.push_back({.row = context.at("row").get<std::size_t>(),
                                .conversation = context.at("conversation").get<std::string>(),
                                .turn = context.at("turn").get<std::string>(),
                                .said = context.at("said").get<std::vector<std::string>>(),
                                .replies = context.at("replies").get<std::vector<std::string>>()});
    for (const auto& item : json.at("ratings"))
      study.ratings.push_back({item.at("item").get<std::string>(), item.at("context").get<std::size_t>(),
                               item.at("system").get<std::size_t>()});
    for (const auto& item : json.at("choices"))
      study.choices.push_back({item.at("item").get<std::string>(), item.at("context").get<std::size_t>(),
                               item.at("a").get<std::size_t>(), item.at("b").get<std::size_t>()});
  } catch (const nlohmann::json::exception& error) {
    fail("{}: is a damaged key ({}); {}", path, reason_of(error), advice);
  }
  ETHREED_CHECK(fingerprint_of(study) == study.id,
                "{}: was changed after it was written (its fingerprint is {}, it says {}); {}", path,
                fingerprint_of(study), excerpt(study.id), advice);
  check_key(study, path);
  return study;
}

}  // namespace ethreed
