#include "model/text/listener_labels.h"

#include "model/text/label_file.h"
#include "model/text/line_reader.h"

namespace ethreed {

UtteranceEmotions read_utterance_emotions(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                                          const EmotionSet& emotions, OtherLabels other_labels, bool of_speaker,
                                          bool distributions) {
  LabelFile file(path, splits);
  UtteranceEmotions labels;
  const auto classes = static_cast<std::size_t>(emotions.size());
  const std::vector<std::size_t> probabilities =
      distributions ? file.probability_columns(emotions) : std::vector<std::size_t>{};
  for (const CorpusSplit& split : splits) {
    std::size_t turns = 0;
    for (const Dialogue& dialogue : split.dialogues) turns += dialogue.turns.size();
    labels.of_response.emplace_back(turns, -1);
    labels.of_post.emplace_back(turns, -1);
    if (distributions) labels.distribution_of_response.emplace_back(turns * classes, 0.0F);
  }
  for (LabelRow row; file.next(row);) {
    if (row.other_split) {
      labels.other_splits.add(file.line());
      continue;
    }
    if (!row.by_listener && !of_speaker) {
      labels.speaker_rows.add(file.line());
      continue;
    }
    file.check_first_label(row);
    const std::optional<std::int32_t> emotion = emotions.find(row.label);
    ETHREED_CHECK(emotion || other_labels == OtherLabels::ignore,
                  "{}: the label '{}' is none of the {} emotions; correct it, or pass over all such labels with "
                  "--other-labels ignore",
                  file.place(), excerpt(row.label), emotions.size());
    if (!emotion) {
      labels.other_labels.add(file.line());
      continue;
    }
    if (emotions.name(*emotion) != row.label) labels.forgiven.add(file.line());
    if (!row.place) {
      labels.no_turn.add(file.line());
      continue;
    }
    std::int32_t& label = (row.by_listener ? labels.of_response : labels.of_post)[row.split][*row.place / 2];
    if (label >= 0) labels.joined.add(file.line());
    label = *emotion;
    if (distributions && row.by_listener)
      file.read_probabilities(
          probabilities,
          std::span(labels.distribution_of_response[row.split]).subspan(*row.place / 2 * classes, classes));
    ++(row.by_listener ? labels.used : labels.used_of_speaker);
  }
  labels.rows = file.rows();
  labels.notes = file.notes();
  return labels;
}

}  // namespace ethreed
