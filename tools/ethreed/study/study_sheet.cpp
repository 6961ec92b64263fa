#include "tools/ethreed/study/study_sheet.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ethreed {

extern const std::string_view study_page_head, study_page_tail;  // study_page.cpp

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t rater_orders = std::uint64_t{1} << 32;  // purposes from here on are those of raters

std::string csv_row(const std::array<std::string, sheet_columns.size()>& fields) {
  std::string row;
  for (std::size_t c = 0; c < fields.size(); ++c) {
    row += c == 0 ? "\"" : ",\"";
    for (const char ch : fields[c]) row += ch == '"' ? "\"\"" : std::string(1, ch);
    row += '"';
  }
  return row + "\r\n";
}

// The last is the speaker's.
bool is_speaker(const StudyContext& context, std::size_t i) { return (context.said.size() - 1 - i) % 2 == 0; }

}  // namespace

std::vector<SheetBlock> blocks_of(const Study& study, int rater) {
  const std::size_t contexts = study.contexts.size();
  const std::uint64_t purpose = rater_orders * static_cast<std::uint64_t>(rater);
  std::vector<SheetBlock> by_context(contexts), blocks;
  for (std::size_t c = 0; c < contexts; ++c) by_context[c].context = c;
  // Replies of a context in an order of the rater's: items are put there in a shuffled order of all.
  for (const std::size_t i : shuffled(study.ratings.size(), study.seed, purpose))
    by_context[study.ratings[i].context].ratings.push_back(i);
  for (const std::size_t i : shuffled(study.choices.size(), study.seed, purpose + 1))
    by_context[study.choices[i].context].choices.push_back(i);
  for (const std::size_t c : shuffled(contexts, study.seed, purpose + 2)) blocks.push_back(std::move(by_context[c]));
  return blocks;
}

std::string context_text(const StudyContext& context) {
  std::string text;
  for (std::size_t i = 0; i < context.said.size(); ++i)
    text +=
        fmt::format("{}{}: {}", i == 0 ? "" : " // ", is_speaker(context, i) ? "Speaker" : "Listener", context.said[i]);
  return text;
}

std::string sheet_csv(const Study& study, int rater) {
  std::array<std::string, sheet_columns.size()> header;
  std::copy(sheet_columns.begin(), sheet_columns.end(), header.begin());
  std::string csv = csv_row(header);
  for (const SheetBlock& block : blocks_of(study, rater)) {
    const StudyContext& context = study.contexts[block.context];
    const std::string said = context_text(context), number = std::to_string(rater);
    for (const std::size_t i : block.ratings)
      csv += csv_row({study.id, number, study.ratings[i].id, "rating", said, context.replies[study.ratings[i].system]});
    for (const std::size_t i : block.choices)
      csv += csv_row({study.id, number, study.choices[i].id, "choice", said, context.replies[study.choices[i].a],
                      context.replies[study.choices[i].b]});
  }
  return csv;
}

std::string sheet_page(const Study& study, int rater) {
  Json data{{"study", study.id}, {"rater", rater}, {"columns", sheet_columns}, {"blocks", Json::array()}};
  for (const SheetBlock& block : blocks_of(study, rater)) {
    const StudyContext& context = study.contexts[block.context];
    Json one{{"context", context_text(context)},
             {"said", Json::array()},
             {"ratings", Json::array()},
             {"choices", Json::array()}};
    for (std::size_t i = 0; i < context.said.size(); ++i)
      one["said"].push_back({{"who", is_speaker(context, i) ? "Speaker" : "Listener"}, {"text", context.said[i]}});
    for (const std::size_t i : block.ratings)
      one["ratings"].push_back({{"item", study.ratings[i].id}, {"reply", context.replies[study.ratings[i].system]}});
    for (const std::size_t i : block.choices)
      one["choices"].push_back({{"item", study.choices[i].id},
                                {"a", context.replies[study.choices[i].a]},
                                {"b", context.replies[study.choices[i].b]}});
    data["blocks"].push_back(std::move(one));
  }
  std::string text;
  for (const char c : data.dump()) text += c == '<' ? "\\u003c" : std::string(1, c);  // no text can end the script
  return std::string(study_page_head) + text + std::string(study_page_tail);
}

}  // namespace ethreed
