#pragma once
// The emotions y^R of the listener's replies: an input of the project, made elsewhere.

#include "model/text/corpus.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace ethreed {

/// What to do with a label that is none of the 32 emotions (an intent such as "questioning").
enum class OtherLabels { error, ignore };

struct ListenerLabels {
  /// [split][turn], turns counted through the split's dialogues: the class number, or −1 where there is no label.
  std::vector<std::vector<std::int32_t>> of_turn;
  std::int64_t rows = 0;          ///< of the file, without the header
  std::int64_t used = 0;          ///< labels that reached a turn
  std::int64_t speaker_rows = 0;  ///< passed over: the utterance is the speaker's (odd utterance_idx)
  std::int64_t other_labels = 0;  ///< passed over: none of the 32 emotions
  std::int64_t other_splits = 0;  ///< passed over: of a split that is not here
};

/// Reads a CSV file (split at ',', no quoting) whose header names the columns conv_id, utterance_idx and label, in any
/// place; other columns are ignored, except that rows whose column `split` names one of train, valid, test that
/// is not among `splits` are passed over. utterance_idx is the reply's own (even) number.
/// Throws Error (file:line) for a missing column, a wrong number of fields, an utterance that the corpus does not have,
/// a second label for one utterance, and with OtherLabels::error a label that is no emotion. Needs conversation ids to
/// be unique across splits.
ListenerLabels read_listener_labels(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                                    OtherLabels other_labels);

}  // namespace ethreed
