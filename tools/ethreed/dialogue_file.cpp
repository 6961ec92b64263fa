#include "tools/ethreed/dialogue_file.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr int format = 1;

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ' ');) words.push_back(word);
  return words;
}

}  // namespace

GroupFigure DialogueFigure::of_draw() const {
  std::vector<RatioCounts> counts;
  for (const ExampleShare& share : of_dialogue) counts.push_back({share.sum, static_cast<double>(share.count)});
  return ratio_figure(std::move(counts), exponential);
}

void DialogueFile::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  Json kinds = Json::object();
  for (const DialogueFigure& figure : figures) kinds[figure.name] = figure.exponential ? "exp" : "ratio";
  const auto put = [&](const Json& line) {
    file.write(std::string_view(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"));
  };
  put({{"format", format},
       {"split", split},
       {"decoding", decoding},
       {"figures", kinds},
       {"dialogues", conversations.size()}});
  for (std::size_t d = 0; d < conversations.size(); ++d) {
    Json line{{"conversation", conversations[d]}};
    for (const DialogueFigure& figure : figures)
      line[figure.name] = {figure.of_dialogue[d].sum, figure.of_dialogue[d].count};
    if (!replies.empty()) {
      Json& texts = line["replies"] = Json::array();
      for (const std::vector<std::string>& words : replies[d])
        texts.push_back(fmt::format("{}", fmt::join(words, " ")));
    }
    put(line);
  }
  file.commit();
}

DialogueFile DialogueFile::read(const std::filesystem::path& path) {
  const char* advice = "remove it and write it again (evaluate --per-dialogue)";
  ETHREED_CHECK(std::filesystem::is_regular_file(path), "{}: there is no such file; {}", path.string(), advice);
  DialogueFile result;
  const MappedFile mapped(path);
  std::istringstream stream{std::string(mapped.text())};
  std::size_t expected = 0, number = 0;
  std::string text;
  try {
    while (std::getline(stream, text)) {
      const std::string source = fmt::format("{}:{}", path.string(), ++number);
      const Json line = parse_json<Json>(text, source, advice, {.depth = 4, .array = 1'000'000});
      if (number == 1) {
        ETHREED_CHECK(line.at("format") == format, "{}: format is {}, wanted {}; {}", source, shown(line.at("format")),
                      format, advice);
        result.split = line.at("split").get<std::string>();
        result.decoding = line.at("decoding").get<std::string>();
        for (const auto& [name, kind] : line.at("figures").items())
          result.figures.push_back({.name = name, .exponential = kind == "exp", .of_dialogue = {}});
        expected = line.at("dialogues").get<std::size_t>();
        continue;
      }
      result.conversations.push_back(line.at("conversation").get<std::string>());
      for (DialogueFigure& figure : result.figures) {
        const Json& share = line.at(figure.name);
        figure.of_dialogue.push_back({share.at(0).get<double>(), share.at(1).get<std::int64_t>()});
      }
      if (!line.contains("replies")) continue;
      auto& replies = result.replies.emplace_back();
      for (const Json& reply : line.at("replies")) replies.push_back(words_of(reply.get<std::string>()));
    }
  } catch (const Json::exception& error) {
    fail("{}:{}: damaged ({}); {}", path.string(), number, reason_of(error), advice);
  }
  ETHREED_CHECK(number > 0 && result.conversations.size() == expected &&
                    (result.replies.empty() || result.replies.size() == expected),
                "{}: holds {} dialogues, its first line says {}; {}", path.string(), result.conversations.size(),
                expected, advice);
  return result;
}

}  // namespace ethreed
