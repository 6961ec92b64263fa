#include "tools/ethreed/study/study_answers.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"
#include "model/text/tokenizer.h"
#include "tools/ethreed/study/study_sheet.h"

#include <algorithm>
#include <limits>
#include <map>

namespace ethreed {

namespace {

class SheetReader {
 public:
  SheetReader(const std::string& path, const Study& study)
      : study_(study), table_(path, {.keep_blank = false}), sheet_{.path = path} {
    for (std::size_t c = 0; c < sheet_columns.size(); ++c) columns_[c] = table_.column(sheet_columns[c]);
    for (std::size_t i = 0; i < study.ratings.size(); ++i) rating_of_[study.ratings[i].id] = i;
    for (std::size_t i = 0; i < study.choices.size(); ++i) choice_of_[study.choices[i].id] = i;
    sheet_.ratings.resize(study.ratings.size());
    sheet_.choices.resize(study.choices.size());
  }

  FilledSheet read(bool all) {
    while (table_.next()) read_row(all);
    std::size_t lacking = 0;
    std::string first;
    for (const auto* ids : {&rating_of_, &choice_of_})
      for (const auto& [id, place] : *ids)
        if (!line_of_.contains(id) && lacking++ == 0) first = id;
    ETHREED_CHECK(lacking == 0, "{}: lacks item {}{}; a sheet has all {} items of its study, answered or not",
                  sheet_.path, first, lacking == 1 ? "" : fmt::format(" and {} more", lacking - 1),
                  rating_of_.size() + choice_of_.size());
    return std::move(sheet_);
  }

 private:
  enum Column { study_id, rater, item, part, context, reply, reply_b, empathy, relevance, fluency, choice };

  std::string_view field(std::size_t column) const { return strip(table_.field(columns_[column])); }

  void read_row(bool all) {
    ETHREED_CHECK(field(study_id) == study_.id, "{}: is of study '{}', the key of '{}'; give the sheets of one study",
                  table_.place(), excerpt(field(study_id)), study_.id);
    read_rater();
    const std::string id(field(item));
    const auto rating = rating_of_.find(id);
    const auto chosen = choice_of_.find(id);
    ETHREED_CHECK(rating != rating_of_.end() || chosen != choice_of_.end(), "{}: item '{}' is none of this study",
                  table_.place(), excerpt(id));
    const auto [line, first] = line_of_.emplace(id, table_.line());
    ETHREED_CHECK(first, "{}: item {} is there twice, at line {}, too", table_.place(), id, line->second);
    if (rating != rating_of_.end())
      read_rating(rating->second, all);
    else
      read_choice(chosen->second, all);
  }

  void read_rater() {
    const auto number = parse_number<int>(field(rater));
    ETHREED_CHECK(number && *number >= 1 && *number <= study_.raters, "{}: the rater is '{}', wanted 1 to {}",
                  table_.place(), excerpt(field(rater)), study_.raters);
    ETHREED_CHECK(sheet_.rater == 0 || sheet_.rater == *number,
                  "{}: the row is rater {}'s, those before it rater {}'s; sheets were mixed up", table_.place(),
                  *number, sheet_.rater);
    sheet_.rater = *number;
  }

  // Compared by tokens: a spreadsheet may change blanks and quotation marks.
  void check_text(Column column, const std::string& wanted) const {
    ETHREED_CHECK(tokenize(field(column)) == tokenize(wanted),
                  "{}: the {} of item {} is '{}', the key has '{}'; rows or columns were mixed up, or texts changed",
                  table_.place(), sheet_columns[column], field(item), excerpt(field(column)), excerpt(wanted));
  }
  void check_part(std::string_view wanted) const {
    ETHREED_CHECK(field(part) == wanted, "{}: the part of item {} is '{}', wanted {}", table_.place(), field(item),
                  excerpt(field(part)), wanted);
  }
  void check_empty(Column column) const {
    ETHREED_CHECK(field(column).empty(), "{}: item {} has '{}' under {}, where nothing belongs; columns were mixed up",
                  table_.place(), field(item), excerpt(field(column)), sheet_columns[column]);
  }
  // Whether the answer is there.
  bool is_answered(Column column, bool all) {
    if (!field(column).empty()) return true;
    ETHREED_CHECK(!all, "{}: item {} has no {}; have it filled in, or give --allow-open", table_.place(), field(item),
                  sheet_columns[column]);
    ++sheet_.open;
    return false;
  }

  void read_rating(std::size_t place, bool all) {
    const StudyContext& said = study_.contexts[study_.ratings[place].context];
    check_part("rating");
    check_text(context, context_text(said));
    check_text(reply, said.replies[study_.ratings[place].system]);
    check_empty(reply_b);
    check_empty(choice);
    for (std::size_t a = 0; a < rated_aspects.size(); ++a) {
      const auto column = static_cast<Column>(empathy + static_cast<int>(a));
      if (!is_answered(column, all)) continue;
      const auto value = parse_number<double>(field(column));
      ETHREED_CHECK(value && *value >= 1 && *value <= highest_rating && *value == static_cast<int>(*value),
                    "{}: the {} of item {} is '{}', wanted 1, 2, 3, 4 or 5", table_.place(), sheet_columns[column],
                    field(item), excerpt(field(column)));
      sheet_.ratings[place][a] = static_cast<int>(*value);
    }
  }

  void read_choice(std::size_t place, bool all) {
    const ChoiceItem& of = study_.choices[place];
    const StudyContext& said = study_.contexts[of.context];
    check_part("choice");
    check_text(context, context_text(said));
    check_text(reply, said.replies[of.a]);
    check_text(reply_b, said.replies[of.b]);
    for (const Column column : {empathy, relevance, fluency}) check_empty(column);
    if (!is_answered(choice, all)) return;
    const std::string_view answer = field(choice);
    if (answer == "A" || answer == "a") {
      sheet_.choices[place] = Choice::a;
    } else if (answer == "B" || answer == "b") {
      sheet_.choices[place] = Choice::b;
    } else {
      ETHREED_CHECK(answer == "tie" || answer == "Tie" || answer == "TIE",
                    "{}: the choice of item {} is '{}', wanted A, B or tie", table_.place(), field(item),
                    excerpt(answer));
      sheet_.choices[place] = Choice::tie;
    }
  }

  const Study& study_;
  TableReader table_;
  FilledSheet sheet_;
  std::array<std::size_t, sheet_columns.size()> columns_{};
  std::map<std::string, std::size_t> rating_of_, choice_of_;
  std::map<std::string, std::int64_t> line_of_;
};

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Of the mean answer, by drawing contexts again. Contexts whose answers are all open are not drawn: a draw of nothing
// else would have no mean.
Interval mean_of(std::vector<RatioCounts> contexts, const BootstrapOptions& options) {
  std::erase_if(contexts, [](const RatioCounts& context) { return context.count == 0; });
  if (contexts.empty()) return {nan, nan, nan};
  const auto count = static_cast<int>(contexts.size());
  return Bootstrap(count, options).interval(ratio_figure(std::move(contexts)));
}

StudyFigures::Rating rating_of(const Study& study, const std::vector<FilledSheet>& sheets, std::size_t system,
                               std::size_t aspect, const BootstrapOptions& options) {
  StudyFigures::Rating rating{.system = system, .aspect = aspect};
  std::vector<RatioCounts> contexts(study.contexts.size());
  double sum = 0, squares = 0;
  for (const FilledSheet& sheet : sheets)
    for (std::size_t i = 0; i < study.ratings.size(); ++i) {
      const auto value = sheet.ratings[i][aspect];
      if (study.ratings[i].system != system || !value) continue;
      contexts[study.ratings[i].context].add({static_cast<double>(*value), 1});
      ++rating.count;
      sum += *value;
      squares += *value * *value;
    }
  const auto n = static_cast<double>(rating.count);
  rating.deviation = n > 1 ? std::sqrt(std::max(0.0, (squares - sum * sum / n) / (n - 1))) : nan;
  rating.mean = mean_of(std::move(contexts), options);
  return rating;
}

std::vector<StudyFigures::Comparison> comparisons_of(const Study& study, const std::vector<FilledSheet>& sheets,
                                                     const BootstrapOptions& options) {
  std::map<std::pair<std::size_t, std::size_t>, std::pair<StudyFigures::Comparison, std::vector<RatioCounts>>> pairs;
  for (std::size_t i = 0; i < study.choices.size(); ++i) {
    const ChoiceItem& item = study.choices[i];
    auto& [pair, contexts] = pairs[std::minmax(item.a, item.b)];
    contexts.resize(study.contexts.size());
    pair.first = std::min(item.a, item.b);
    pair.second = std::max(item.a, item.b);
    for (const FilledSheet& sheet : sheets) {
      if (!sheet.choices[i]) continue;
      const bool tie = *sheet.choices[i] == Choice::tie;
      const bool win = (*sheet.choices[i] == Choice::a) == (item.a == pair.first);
      ++(tie ? pair.tie : win ? pair.win : pair.loss);
      contexts[item.context].add({tie ? 0.0 : win ? 1.0 : -1.0, 1});
    }
  }
  std::vector<StudyFigures::Comparison> all;
  for (auto& [systems, of] : pairs) {
    of.first.lead = mean_of(std::move(of.second), options);
    all.push_back(of.first);
  }
  return all;
}

// `category` has the category of an item by a rater, or nothing.
template <class Category>
StudyFigures::Agreement agreement_of(std::string question, std::size_t items, std::size_t categories,
                                     const std::vector<FilledSheet>& sheets, const BootstrapOptions& options,
                                     const Category& category) {
  StudyFigures::Agreement agreement{.question = std::move(question)};
  std::vector<RatingCounts> subjects;
  for (std::size_t i = 0; i < items; ++i) {
    RatingCounts counts(categories, 0);
    std::size_t raters = 0;
    for (const FilledSheet& sheet : sheets)
      if (const auto value = category(sheet, i)) {
        ++counts[static_cast<std::size_t>(*value)];
        ++raters;
      }
    if (raters == sheets.size())
      subjects.push_back(std::move(counts));
    else
      ++agreement.left_out;
  }
  agreement.items = subjects.size();
  agreement.kappa = {nan, nan, nan};
  if (sheets.size() < 2) {
    agreement.absent = "one rater";
  } else if (subjects.empty()) {
    agreement.absent = "no item with an answer of every rater";
  } else {
    agreement.kappa = fleiss_kappa_interval(subjects, options);
    if (std::isnan(agreement.kappa.value)) agreement.absent = "all answers are the same";
  }
  return agreement;
}

}  // namespace

FilledSheet read_sheet(const std::string& path, const Study& study, bool all) {
  return SheetReader(path, study).read(all);
}

void check_raters(const std::vector<FilledSheet>& sheets) {
  std::map<int, const FilledSheet*> seen;
  for (const FilledSheet& sheet : sheets) {
    const auto [place, first] = seen.emplace(sheet.rater, &sheet);
    ETHREED_CHECK(first, "{}: is the sheet of rater {}, and so is {}; give one sheet of each rater", sheet.path,
                  sheet.rater, place->second->path);
  }
}

StudyFigures figures_of(const Study& study, const std::vector<FilledSheet>& sheets, const BootstrapOptions& options) {
  StudyFigures figures;
  for (std::size_t s = 0; s < study.systems.size(); ++s)
    for (std::size_t a = 0; a < rated_aspects.size(); ++a)
      figures.ratings.push_back(rating_of(study, sheets, s, a, options));
  figures.comparisons = comparisons_of(study, sheets, options);
  for (std::size_t a = 0; a < rated_aspects.size(); ++a)
    figures.agreements.push_back(agreement_of(std::string(rated_aspects[a]), study.ratings.size(), highest_rating,
                                              sheets, options, [a](const FilledSheet& sheet, std::size_t i) {
                                                const auto value = sheet.ratings[i][a];
                                                return value ? std::optional<int>(*value - 1) : std::nullopt;
                                              }));
  if (!study.choices.empty())
    figures.agreements.push_back(agreement_of("choice", study.choices.size(), 3, sheets, options,
                                              [&](const FilledSheet& sheet, std::size_t i) -> std::optional<int> {
                                                // As the first system's: which side it stood on is no opinion.
                                                if (!sheet.choices[i]) return std::nullopt;
                                                const int side = static_cast<int>(*sheet.choices[i]);
                                                return study.choices[i].a < study.choices[i].b ? side : 2 - side;
                                              }));
  return figures;
}

}  // namespace ethreed
