// A split of a corpus.

#include "model/text/corpus.h"
#include "tests/fuzz/target.h"

using namespace ethreed;

ETHREED_FUZZ_TARGET(corpus) {
  static const fuzz::InputFile file("train.csv");
  const CorpusSplit split = read_corpus_split(file.hold(input), "train");
  for (const std::vector<Dialogue>* list : {&split.dialogues, &split.dropped})
    for (const Dialogue& dialogue : *list) {
      fuzz::require(
          dialogue.rows == static_cast<std::int32_t>(2 * dialogue.turns.size()) + dialogue.trailing_post.has_value(),
          "a dialogue has the rows of its turns and of its last post");
      for (std::int32_t i = 1; i <= dialogue.rows; ++i)
        fuzz::require(dialogue.utterance(i).size() <= input.size(), "an utterance is a part of the file");
    }
  fuzz::require(!split.dialogues.empty(), "a split that is accepted holds a dialogue");
}
