#include "model/empdg/emotion_words.h"

#include "core/error.h"
#include "model/text/lexicon.h"
#include "model/text/stop_words.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>

namespace ethreed {

namespace {

using Counts = std::vector<std::int64_t>;

std::vector<float> of_words(const Dataset& data, const std::vector<std::int32_t>& words) {
  std::vector<float> plain(static_cast<std::size_t>(data.vocabulary_size()), 1.0F);
  for (const std::int32_t word : words) plain[static_cast<std::size_t>(word)] = 0;
  return plain;
}

std::vector<std::string> lexicon_of(const EmpdgConfig& config) {
  ETHREED_CHECK(std::filesystem::is_regular_file(config.lexicon), "model key 'lexicon' is '{}', which is no file; {}",
                config.lexicon, lexicon_advice);
  try {
    return read_lexicon(config.lexicon);
  } catch (const Error& error) {
    fail("{}; {}", error.what(), lexicon_advice);
  }
}

std::vector<std::int32_t> words_of_file(const EmpdgConfig& config, const Dataset& data) {
  const std::vector<std::string> lexicon = lexicon_of(config);
  std::vector<std::int32_t> words;
  for (std::int32_t w = special_count; w < data.vocabulary_size(); ++w)
    if (!is_stop_word(data.word(w)) && lexicon_has(lexicon, data.word(w))) words.push_back(w);
  ETHREED_CHECK(!words.empty(), "{}: of its {} words the vocabulary of {} has none; {}", config.lexicon, lexicon.size(),
                data.path().string(), lexicon_advice);
  return words;
}

// The tokens of a text without EOS.
template <class Use> void each_token(std::span<const std::int32_t> text, Use use) {
  for (const std::int32_t word : text)
    if (word != eos_id) use(word);
}

// How often every word of the vocabulary stands in the contexts of all replies of a split, and how many tokens these
// have. A post stands before its own reply and all later ones of its dialogue, a reply before the later ones.
struct ContextCounts {
  Counts of_word;
  std::int64_t tokens = 0;

  ContextCounts(const Split& split, std::int32_t vocabulary) : of_word(static_cast<std::size_t>(vocabulary), 0) {
    for (std::int64_t d = 0; d < split.dialogues(); ++d)
      for (std::int64_t t = 0; t < split.turns(d); ++t) {
        const std::int64_t later = split.turns(d) - t - 1;
        add(split.post(d, t), later + 1);
        add(split.response(d, t), later);
      }
  }

 private:
  void add(std::span<const std::int32_t> text, std::int64_t times) {
    each_token(text, [&](std::int32_t word) {
      tokens += times;
      if (word < count_of(of_word)) of_word[static_cast<std::size_t>(word)] += times;
    });
  }
};

// Of every word its score, −1 where it cannot be an emotion word. No score is negative but by rounding.
std::vector<double> scores(const EmpdgConfig& config, const Dataset& data) {
  const Split& train = data.split("train");
  ETHREED_CHECK(train.has_situations(),
                "{}: has no situations, from which model 'empdg' makes its list of emotion words; prepare a corpus "
                "that has them, or {}",
                data.path().string(), lexicon_advice);
  const std::int32_t vocabulary = data.vocabulary_size();
  const auto classes = static_cast<std::size_t>(config.emotion_classes);
  Counts of_pair(static_cast<std::size_t>(vocabulary) * classes, 0), of_word(static_cast<std::size_t>(vocabulary), 0),
      of_emotion(classes, 0);
  for (std::int64_t d = 0; d < train.dialogues(); ++d) {
    if (train.emotion(d) < 0) continue;
    const auto emotion = static_cast<std::size_t>(train.emotion(d));
    each_token(train.situation(d), [&](std::int32_t word) {
      ++of_emotion[emotion];
      if (word >= vocabulary) return;
      ++of_word[static_cast<std::size_t>(word)];
      ++of_pair[static_cast<std::size_t>(word) * classes + emotion];
    });
  }
  const auto all = static_cast<double>(std::accumulate(of_emotion.begin(), of_emotion.end(), std::int64_t{0}));
  std::vector<double> scores(static_cast<std::size_t>(vocabulary), -1);
  for (std::int32_t w = special_count; w < vocabulary; ++w) {
    const auto i = static_cast<std::size_t>(w);
    if (of_word[i] < config.lexicon_count || is_stop_word(data.word(w))) continue;
    scores[i] = 0;
    for (std::size_t e = 0; e < classes; ++e) {
      const std::int64_t count = of_pair[i * classes + e];
      if (count == 0) continue;
      const double share = static_cast<double>(count) / static_cast<double>(of_word[i]);
      scores[i] += share * std::log(share * all / static_cast<double>(of_emotion[e]));
    }
    scores[i] = std::max(scores[i], 0.0);
  }
  return scores;
}

std::vector<std::int32_t> words_of_data(const EmpdgConfig& config, const Dataset& data) {
  ETHREED_CHECK(config.lexicon.empty(),
                "model key 'lexicon' is '{}', and variant data_lexicon of model 'empdg' reads no file; add --variant "
                "lexicon, or leave the key out",
                config.lexicon);
  const std::vector<double> score = scores(config, data);
  std::vector<std::int32_t> ranked;
  for (std::int32_t w = 0; w < count_of(score); ++w)
    if (score[static_cast<std::size_t>(w)] >= 0) ranked.push_back(w);
  ETHREED_CHECK(
      !ranked.empty(),
      "{}: no word stands {} times in the situations of the training split, so that there is no emotion word; "
      "lower model.lexicon_count, or {}",
      data.path().string(), config.lexicon_count, lexicon_advice);
  std::stable_sort(ranked.begin(), ranked.end(), [&](std::int32_t a, std::int32_t b) {
    return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
  });
  const ContextCounts contexts(data.split("train"), data.vocabulary_size());
  const double wanted = config.lexicon_coverage * static_cast<double>(contexts.tokens);
  std::int64_t covered = 0;
  std::size_t taken = 0;
  while (taken < ranked.size() && static_cast<double>(covered) < wanted)
    covered += contexts.of_word[static_cast<std::size_t>(ranked[taken++])];
  ranked.resize(taken);
  return ranked;
}

}  // namespace

std::vector<float> plain_words(const EmpdgConfig& config, const Dataset& data) {
  return of_words(data,
                  config.words == EmpdgWords::lexicon ? words_of_file(config, data) : words_of_data(config, data));
}

template <class T>
EmotionContexts emotion_contexts(const Context& context, const EmpdgConfig& config, View<const T> plain,
                                 Indices word_ids, const ContextRows& contexts) {
  const T* marks = context.to_host(plain.data, config.vocabulary);
  const int rows = contexts.rows(), words = word_ids.size();
  const auto array = [&](std::int64_t count) { return context.arena.allocate<std::int32_t>(count); };
  std::int32_t *offsets = array(rows + 1), *chosen = array(contexts.positions());
  std::int32_t *source_offsets = array(rows + 1), *source_rows = array(2 * std::int64_t{contexts.positions()});
  int next = 0;
  offsets[0] = 0;
  for (int r = 0; r < rows; ++r) {
    chosen[next++] = words;
    for (int i = contexts.offsets[r]; i < contexts.offsets[r + 1]; ++i) {
      const std::int32_t place = contexts.words[i];
      if (place >= words) continue;  // CLS
      const T mark = marks[word_ids[place]];
      ETHREED_CHECK(mark == 0 || mark == 1,
                    "model 'empdg': the mark of word {} is {}, wanted 0 (an emotion word) or 1; take a checkpoint that "
                    "is whole",
                    word_ids[place], mark);
      if (mark == 0) chosen[next++] = place;
    }
    offsets[r + 1] = next;
  }
  int source = 0;
  source_offsets[0] = 0;
  for (int r = 0; r < rows; ++r) {
    for (int i = contexts.offsets[r]; i < contexts.offsets[r + 1]; ++i) source_rows[source++] = i;
    for (int i = offsets[r]; i < offsets[r + 1]; ++i) source_rows[source++] = contexts.positions() + i;
    source_offsets[r + 1] = source;
  }
  return {.offsets = {offsets, rows + 1},
          .words = {chosen, next},
          .source_offsets = {source_offsets, rows + 1},
          .source_rows = {source_rows, source}};
}

#define ETHREED_INSTANTIATE(T)                                                                          \
  template EmotionContexts emotion_contexts(const Context&, const EmpdgConfig&, View<const T>, Indices, \
                                            const ContextRows&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
