// A file of the names of emotions.

#include "model/text/emotions.h"

#include "tests/fuzz/target.h"

using namespace ethreed;

ETHREED_FUZZ_TARGET(emotions) {
  static const fuzz::InputFile file("emotions.txt");
  const EmotionSet set = EmotionSet::read(file.hold(input));
  fuzz::require(set.size() >= 2, "a set has two emotions at least");
  for (std::int32_t id = 0; id < set.size(); ++id)
    fuzz::require(set.find(set.name(id)) == id, "an emotion is found by its name");
}
