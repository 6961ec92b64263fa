#include "model/text/prepare_words.h"

#include "core/error.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <string>

namespace ethreed {

TokenizedSplit tokenize_split(const CorpusSplit& split, WordTable& seen) {
  TokenizedSplit result;
  for (const Dialogue& dialogue : split.dialogues)
    for (const Turn& turn : dialogue.turns)
      for (const std::string* text : {&turn.post, &turn.response}) {
        for (const std::string& token : tokenize(*text, seen.rules())) result.ids.push_back(seen.id(token));
        result.offsets.push_back(result.ids.size());
      }
  return result;
}

WordTable full_vocabulary(std::span<const CorpusSplit> corpus, std::span<const TokenizedSplit> tokenized,
                          const WordTable& seen) {
  WordTable vocabulary(seen.rules());
  for (const std::string_view word : special_words) vocabulary.id(word);
  for (std::size_t s = 0; s < corpus.size(); ++s) {
    // Of a dialogue's responses only the last one is in no context.
    for (const bool last_response : {false, true}) {
      std::size_t utterance = 0;
      for (const Dialogue& dialogue : corpus[s].dialogues) {
        const std::size_t end = utterance + 2 * dialogue.turns.size();
        const std::span<const std::size_t> offsets = tokenized[s].offsets;
        const std::size_t from = offsets[last_response ? end - 1 : utterance];
        for (std::size_t k = from; k < offsets[last_response ? end : end - 1]; ++k)
          vocabulary.id(seen.word(tokenized[s].ids[k]));
        utterance = end;
      }
    }
    for (const Dialogue& dialogue : corpus[s].dialogues)
      for (const std::string& word : tokenize(dialogue.situation, seen.rules())) vocabulary.id(word);
  }
  ETHREED_CHECK(vocabulary.size() > special_count, "no text of the corpus has a word; is it the right one?");
  return vocabulary;
}

}  // namespace ethreed
