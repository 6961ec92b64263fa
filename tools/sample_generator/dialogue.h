#pragma once
// One dialogue of the sample corpus, from its number alone.

#include "model/text/emotions.h"
#include "tools/sample_generator/templates.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed::sample {

/// One row of the corpus. Odd rows (1st, 3rd, …) are the speaker's and have no label of their own.
struct Utterance {
  std::string text;
  std::string_view label;   // the emotion of a listener's reply; empty for the speaker
  std::string_view intent;  // the reply's, if it has one
};

struct Dialogue {
  std::string_view emotion;
  std::string prompt;
  std::vector<Utterance> utterances;  // speaker first, in turns
};

/// Makes dialogues. Dialogue number i is a function of (seed, i): it can be made alone, in any order, by any thread.
/// Numbers in the same run of 32 (32·k … 32·k + 31) have all 32 emotions, shuffled.
class Generator {
 public:
  explicit Generator(std::uint64_t seed);
  Dialogue dialogue(std::uint64_t number) const;

 private:
  std::uint64_t seed_;
  std::array<const Emotion*, emotion_count> emotions_;
};

}  // namespace ethreed::sample
