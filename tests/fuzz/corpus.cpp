// A split of a corpus, then its emotions.

#include "model/text/corpus.h"

#include "core/error.h"
#include "model/text/corpus_emotions.h"
#include "tests/fuzz/target.h"

using namespace ethreed;

namespace {

void use(const Dialogue& dialogue, std::size_t most) {
  std::vector<bool> reached(2 * dialogue.turns.size());
  for (std::int32_t i = 1; i <= dialogue.rows; ++i) {
    fuzz::require(dialogue.utterance(i).size() <= most, "an utterance is a part of the file");
    const std::optional<std::size_t> place = dialogue.place(i);
    fuzz::require(!place || *place < reached.size(), "a row's place is in a turn");
    if (place) reached[*place] = true;
  }
  for (const bool one : reached) fuzz::require(one, "every utterance of a turn comes from a row");
}

}  // namespace

ETHREED_FUZZ_TARGET(corpus) {
  static const fuzz::InputFile file("train.csv");
  file.hold(input);
  const std::size_t most = 4 * input.size();  // Latin-1 becomes UTF-8, and a byte that is neither three
  for (const bool join : {false, true}) {
    std::vector<CorpusSplit> splits;
    splits.push_back(read_corpus_split(file.path(), "train", {.join_consecutive = join}));
    fuzz::require(!splits[0].dialogues.empty(), "a split that is accepted holds a dialogue");
    for (const std::vector<Dialogue>* list : {&splits[0].dialogues, &splits[0].dropped})
      for (const Dialogue& dialogue : *list) use(dialogue, most);
    const CorpusEmotions emotions = resolve_emotions(splits);
    for (const Dialogue& dialogue : splits[0].dialogues)
      fuzz::require(dialogue.emotion >= -1 && dialogue.emotion < emotions.set.size(), "an emotion is one of the set");
  }
}
