#include "model/text/listener_labels.h"

#include "model/text/emotions.h"
#include "model/text/label_file.h"

namespace ethreed {

ListenerLabels read_listener_labels(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                                    OtherLabels other_labels) {
  LabelFile file(path, splits);
  ListenerLabels labels;
  for (const CorpusSplit& split : splits) {
    std::size_t turns = 0;
    for (const Dialogue& dialogue : split.dialogues) turns += dialogue.turns.size();
    labels.of_turn.emplace_back(turns, -1);
  }
  for (LabelRow row; file.next(row);) {
    if (row.other_split) {
      ++labels.other_splits;
      continue;
    }
    if (row.utterance % 2 == 1) {
      ++labels.speaker_rows;
      continue;
    }
    file.check_first_label(row);
    const auto emotion = emotion_id(row.label);
    ETHREED_CHECK(emotion || other_labels == OtherLabels::ignore,
                  "{}: the label '{}' is none of the 32 emotions; correct it, or pass over all such labels with "
                  "--other-labels ignore",
                  file.place(), excerpt(row.label));
    labels.of_turn[row.split][*row.turn] = emotion.value_or(-1);  // every even utterance is some turn's response
    ++(emotion ? labels.used : labels.other_labels);
  }
  labels.rows = file.rows();
  return labels;
}

}  // namespace ethreed
