#pragma once
// From the names in a corpus's column of emotions to classes.

#include "model/text/corpus.h"
#include "model/text/emotions.h"
#include "model/text/notes.h"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// What the column's values are of. automatic: of utterances where they differ in half of the dialogues or more.
enum class EmotionPer { automatic, dialogue, utterance };

struct EmotionOptions {
  std::optional<std::filesystem::path> set;  ///< a file of names, one a line; none: from the data
  /// In place of a file: those of a run. Other names are then no emotion, and counted in a note.
  std::vector<std::string> names = {};
  EmotionPer per = EmotionPer::automatic;
};

struct CorpusEmotions {
  EmotionSet set;
  std::string source;  ///< "EmpatheticDialogues", "train" (the training split's names), a file's name or
                       ///< "run"
  bool per_utterance = false;
  bool any = false;  ///< some dialogue or utterance has one
  std::vector<Note> notes;
};

/// Decides on the set and sets the emotions of all dialogues. The set is that of the file; or the 32 where the training
/// split (the first one) has no other names; or the training split's names in the order of their bytes (lower case),
/// unless it has 20 or more of the 32, for then the others are mistakes. Names of one emotion_key are one name; those
/// that are not written as the set has them are counted in a note. One a dialogue: that of its first row that names
/// one. One an utterance: each post and response has its own or none, and the dialogue has its first post's that is
/// named. Throws Error (file:line) for a name that is not in the set, and for a dialogue of two emotions where they are
/// one a dialogue.
CorpusEmotions resolve_emotions(std::span<CorpusSplit> splits, const EmotionOptions& options = {});

}  // namespace ethreed
