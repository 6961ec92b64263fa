// Files of labels, read both ways, for a corpus of two dialogues.

#include "core/error.h"
#include "model/text/label_columns.h"
#include "model/text/listener_labels.h"
#include "tests/fuzz/target.h"

using namespace ethreed;

namespace {

std::vector<CorpusSplit> two_dialogues() {
  Dialogue first{.conversation_id = "a", .emotion = 1, .rows = 4, .turns = {{"p", "r"}, {"p", "r"}}};
  Dialogue second{.conversation_id = "b", .emotion = 2, .rows = 3, .turns = {{"p", "r"}}, .trailing_post = "t"};
  std::vector<CorpusSplit> splits(2);
  splits[0].name = "train";
  splits[0].dialogues.push_back(std::move(first));
  splits[1].name = "valid";
  splits[1].dialogues.push_back(std::move(second));
  return splits;
}

}  // namespace

ETHREED_FUZZ_TARGET(labels) {
  static const fuzz::InputFile file("labels.csv");
  static const std::vector<CorpusSplit> splits = two_dialogues();
  file.hold(input);
  for (const bool of_speaker : {false, true}) {
    try {
      const UtteranceEmotions labels =
          read_utterance_emotions(file.path(), splits, EmotionSet(), OtherLabels::ignore, of_speaker);
      fuzz::require(
          labels.of_response.size() == 2 && labels.of_response[0].size() == 2 && labels.of_response[1].size() == 1,
          "every turn has a place for its label");
      fuzz::require(labels.used + labels.used_of_speaker + labels.speaker_rows.count + labels.other_labels.count +
                            labels.other_splits.count + labels.no_turn.count ==
                        labels.rows,
                    "every row is counted once");
    } catch (const Error&) {  // the other reader may take it
    }
  }
  try {
    const ColumnLabels soft = read_label_column(file.path(), splits, true);
    for (std::size_t s = 0; s < splits.size(); ++s)
      fuzz::require(soft.distributions[s].size() == soft.of_utterance[s].size() * soft.classes.size(),
                    "every utterance has a place for its distribution");
  } catch (const Error&) {
  }
  const ColumnLabels column = read_label_column(file.path(), splits);
  for (const std::vector<std::int32_t>& split : column.of_utterance)
    for (const std::int32_t label : split)
      fuzz::require(label >= -1 && label < static_cast<std::int32_t>(column.classes.size()), "a label is of a class");
}
