// KEMP's files of knowledge. An input that begins with # goes on as a concept map, one with / as ConceptNet's
// assertions, and every other is an affect lexicon.

#include "model/kemp/knowledge.h"
#include "tests/fuzz/target.h"
#include "tests/model/tiny_dataset.h"

#include <algorithm>
#include <cmath>

using namespace ethreed;

namespace {

Dataset small_data() {
  DatasetContents contents;
  for (const std::string_view word : special_words) contents.words.id(word);
  for (const char* word : {"dog", "joy", "fear", "the", "like"}) contents.words.id(word);
  contents.splits = {test::split_contents("train", {{{{4, 3}, {5, 3}, 1, -1}}})};
  contents.vectors = Tensor<float>({contents.words.size(), 2});
  contents.label_columns = {test::tiny_column};
  contents.min_frequency = 1;
  contents.max_length = 12;
  contents.has_listener_labels = true;
  contents.vectors_source = "random";
  return open_in_memory(contents, "words");
}

}  // namespace

ETHREED_FUZZ_TARGET(knowledge) {
  static const fuzz::InputFile file("knowledge.txt");
  static const Dataset data = small_data();
  static const AffectLexicon known(static_cast<std::size_t>(data.vocabulary_size()),
                                   Affect{.valence = 0.9, .arousal = 0.8, .known = true});
  const bool map = input.starts_with('#'), assertions = input.starts_with('/');
  if (!map && !assertions) {
    const AffectLexicon lexicon = read_affect_lexicon(file.hold(input), data);
    fuzz::require(lexicon.size() == known.size(), "every word has its line");
    for (const Affect& affect : lexicon) {
      fuzz::require(std::isfinite(emotion_intensity(affect)), "an intensity is finite");
      fuzz::require(affect.valence >= 0 && affect.valence <= 1 && affect.arousal >= 0 && affect.arousal <= 1,
                    "numbers are from 0 to 1");
    }
    return;
  }
  const ConceptLists lists = map ? read_concept_map(file.hold(input.substr(1)), data, known, 2)
                                 : read_conceptnet(file.hold(input), data, known, 2);
  fuzz::require(lists.size() == known.size(), "every word has its list");
  for (const auto& list : lists) {
    fuzz::require(list.size() <= 2, "a word has no more concepts than are wanted");
    fuzz::require(std::all_of(list.begin(), list.end(), [&](std::int32_t id) { return is_concept(data, known, id); }),
                  "a concept is one");
  }
}
