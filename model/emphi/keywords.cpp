#include "model/emphi/keywords.h"

#include "core/error.h"
#include "model/interface/reply_classes.h"
#include "model/text/stop_words.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

// How often words occur, and when each did first.
class WordCounts {
 public:
  explicit WordCounts(int vocabulary) : count_(vocabulary, 0), first_(vocabulary, 0) {}
  void add(std::int32_t word) {
    const auto w = static_cast<std::size_t>(word);
    if (count_[w]++ == 0) first_[w] = next_++;
  }
  // Words that occur and are `wanted`, the most frequent first.
  template <class Wanted> std::vector<std::int32_t> ranked(Wanted wanted) const {
    std::vector<std::int32_t> words;
    for (std::int32_t w = special_count; w < count_of(count_); ++w)
      if (count_[static_cast<std::size_t>(w)] > 0 && wanted(w)) words.push_back(w);
    std::sort(words.begin(), words.end(), [&](std::int32_t a, std::int32_t b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      return count_[i] != count_[j] ? count_[i] > count_[j] : first_[i] < first_[j];
    });
    return words;
  }

 private:
  std::vector<std::int64_t> count_, first_;
  std::int64_t next_ = 0;
};

}  // namespace

std::vector<std::int32_t> emphi_keywords(const EmphiConfig& config, const Dataset& data) {
  const Split& train = data.split("train");
  const UtteranceLabels* labels = train.labels(emphi_column);
  ETHREED_CHECK(labels != nullptr, "{}: has no label column '{}'; prepare it with --label-column {}=FILE",
                data.path().string(), emphi_column, emphi_column);
  const ReplyClasses replies(*labels, config.reply_labels());
  std::array<float, emphi_intents.size()> p{};
  const int vocabulary = data.vocabulary_size();
  std::vector<WordCounts> of_intent(emphi_intents.size(), WordCounts(vocabulary));
  WordCounts of_all(vocabulary);
  for (std::int64_t d = 0; d < train.dialogues(); ++d)
    for (std::int64_t t = 0; t < train.turns(d); ++t) {
      const int intent = replies.read(d, t, p);
      for (const std::int32_t word : train.response(d, t)) {
        if (word >= vocabulary) continue;
        of_all.add(word);
        if (intent >= 0) of_intent[static_cast<std::size_t>(intent)].add(word);
      }
    }
  const auto wanted = [&](std::int32_t word) { return !is_stop_word(data.word(word)); };
  const std::vector<std::int32_t> commonest = of_all.ranked(wanted);
  std::vector<std::int32_t> rest(static_cast<std::size_t>(vocabulary - special_count));
  std::iota(rest.begin(), rest.end(), special_count);
  const auto most = static_cast<std::size_t>(config.keywords);
  std::vector<std::int32_t> table;
  for (const WordCounts& counts : of_intent) {
    std::vector<std::int32_t> words = counts.ranked(wanted);
    words.resize(std::min(words.size(), most));
    for (const auto* more : {&commonest, &std::as_const(rest)})
      for (auto next = more->begin(); next != more->end() && words.size() < most; ++next)
        if (std::find(words.begin(), words.end(), *next) == words.end()) words.push_back(*next);
    ETHREED_CHECK(words.size() == most, "{}: has {} words, too few for {} keywords of an intent; lower model.keywords",
                  data.path().string(), rest.size(), most);
    table.insert(table.end(), words.begin(), words.end());
  }
  return table;
}

template <class T> Indices keyword_table(const Context& context, const EmphiConfig& config, View<const T> parameter) {
  const auto count = static_cast<int>(parameter.count());
  const T* numbers = context.to_host(parameter.data, count);
  std::int32_t* ids = context.arena.template allocate<std::int32_t>(count);
  for (int k = 0; k < count; ++k) {
    const auto number = static_cast<double>(numbers[k]);
    ETHREED_CHECK(number >= 0 && number < config.vocabulary && number == std::floor(number),
                  "model 'emphi': keyword {} of intent '{}' is {}, wanted the id of a word, 0 to {}; take a checkpoint "
                  "that is whole",
                  k % config.keywords, emphi_intents[static_cast<std::size_t>(k / config.keywords)], number,
                  config.vocabulary - 1);
    ids[k] = static_cast<std::int32_t>(number);
  }
  return {ids, count};
}

template Indices keyword_table(const Context&, const EmphiConfig&, View<const float>);
template Indices keyword_table(const Context&, const EmphiConfig&, View<const double>);

}  // namespace ethreed
