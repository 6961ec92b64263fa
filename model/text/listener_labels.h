#pragma once
// The emotions of single utterances, made elsewhere: those of the listener's replies (y^R), which the model's loss
// reads, and those of the speaker's posts, where the corpus has no label for each.

#include "model/text/corpus.h"
#include "model/text/emotions.h"
#include "model/text/notes.h"
#include "model/text/table_reader.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace ethreed {

/// What to do with a label that is none of the data set's emotions (an intent such as "questioning").
enum class OtherLabels { error, ignore };

struct UtteranceEmotions {
  /// [split][turn], turns counted through the split's dialogues: the class number, or −1 where there is no label.
  std::vector<std::vector<std::int32_t>> of_response, of_post;
  /// [split][turn·K], where they were asked for: the probabilities of the emotions in the response; zeros without a
  /// label.
  std::vector<std::vector<float>> distribution_of_response;
  std::int64_t rows = 0;             ///< of the file, without the header
  std::int64_t used = 0;             ///< labels of the listener's that reached a turn
  std::int64_t used_of_speaker = 0;  ///< the same of the speaker's
  Tally speaker_rows;                ///< passed over: the utterance is the speaker's, and its labels are not wanted
  Tally other_labels;                ///< passed over: none of the emotions
  Tally other_splits;                ///< passed over: of a split that is not here
  Tally no_turn;                     ///< passed over: of an utterance in no turn
  Tally forgiven;                    ///< labels that are not written as the emotion's name
  Tally joined;                      ///< labels that replace that of another row joined to the same utterance
  std::vector<Note> notes;           ///< of the file as a table
};

/// Reads a file in the layout of LabelFile. `of_speaker`: labels of the speaker's utterances are kept, too; else they
/// are passed over. `distributions`: the columns p_EMOTION of the listener's rows are read, too.
/// Throws Error (file:line) as LabelFile does, for a second label of one utterance, and with OtherLabels::error for a
/// label that is none of `emotions`.
UtteranceEmotions read_utterance_emotions(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                                          const EmotionSet& emotions, OtherLabels other_labels, bool of_speaker,
                                          bool distributions = false);

}  // namespace ethreed
