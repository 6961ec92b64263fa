#pragma once
// Parts of prepare: from texts to words, and the vocabulary of all of them.

#include "model/text/corpus.h"
#include "model/text/word_table.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// A split's utterances as ids of the table of all words, whole (not cut) and without end marks: post, response, post,
/// …
struct TokenizedSplit {
  std::vector<std::int32_t> ids;
  std::vector<std::size_t> offsets{0};
};
/// By the rules of `seen`, which gets the words that it lacks.
TokenizedSplit tokenize_split(const CorpusSplit& split, WordTable& seen);

/// The special words, then every word of every split in the order of first appearance as the releases of MoEL, MIME,
/// EmpDG and KEMP read them: of each split everything that is said before a response, then the responses, then the
/// situations. `tokenized` has the words of each split by `seen`. Throws Error if there is no word.
WordTable full_vocabulary(std::span<const CorpusSplit> corpus, std::span<const TokenizedSplit> tokenized,
                          const WordTable& seen);

}  // namespace ethreed
