#include "model/text/vocabulary.h"

#include "core/error.h"
#include "model/text/line_reader.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace ethreed {

WordTable vocabulary_from_counts(const WordTable& words, std::span<const std::int64_t> counts,
                                 std::int64_t min_frequency) {
  ETHREED_CHECK(static_cast<std::int64_t>(counts.size()) == words.size(),
                "vocabulary_from_counts: got {} counts for {} words", counts.size(), words.size());
  std::vector<std::int32_t> order;
  for (std::int32_t id = 0; id < words.size(); ++id)
    if (counts[id] >= min_frequency) order.push_back(id);
  ETHREED_CHECK(!order.empty(), "no word occurs {} times or more in the training split; lower --min-frequency",
                min_frequency);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const std::int64_t count_a = counts[a], count_b = counts[b];
    return count_a != count_b ? count_a > count_b : words.word(a) < words.word(b);
  });
  WordTable vocabulary(words.rules());
  for (const std::string_view word : special_words) vocabulary.id(word);
  for (const std::int32_t id : order) vocabulary.id(words.word(id));
  return vocabulary;
}

std::string vocabulary_text(const WordTable& words) {
  std::string text;
  for (std::int32_t id = 0; id < words.size(); ++id) {
    text += words.word(id);
    text += '\n';
  }
  return text;
}

WordTable load_vocabulary(const std::filesystem::path& path) {
  LineReader lines(path);
  WordTable words;
  for (std::string_view line; lines.next(line);) {
    ETHREED_CHECK(!line.empty() && line.find_first_of(" \t\r") == std::string_view::npos,
                  "{}: got '{}', wanted one word without spaces; restore the file that the checkpoint was saved with",
                  lines.place(), excerpt(line));
    const std::int32_t id = words.size();
    ETHREED_CHECK(id >= special_count || line == special_words[id],
                  "{}: got '{}', but a vocabulary starts with <pad>, <unk>, <sos>, <eos>; restore the file",
                  lines.place(), excerpt(line));
    ETHREED_CHECK(words.id(line) == id, "{}: the word '{}' is there twice; restore the file", lines.place(),
                  excerpt(line));
  }
  ETHREED_CHECK(words.size() > special_count, "{}: has {} lines, wanted the four special words and at least one more",
                path.string(), words.size());
  return words;
}

}  // namespace ethreed
