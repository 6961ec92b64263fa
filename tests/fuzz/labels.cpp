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
  try {
    const ListenerLabels labels = read_listener_labels(file.hold(input), splits, OtherLabels::ignore);
    fuzz::require(labels.of_turn.size() == 2 && labels.of_turn[0].size() == 2 && labels.of_turn[1].size() == 1,
                  "every turn has a place for its label");
    fuzz::require(labels.used + labels.speaker_rows + labels.other_labels + labels.other_splits == labels.rows,
                  "every row is counted once");
  } catch (const Error&) {  // the other reader may take it
  }
  const ColumnLabels column = read_label_column(file.hold(input), splits);
  for (const std::vector<std::int32_t>& split : column.of_utterance)
    for (const std::int32_t label : split)
      fuzz::require(label >= -1 && label < static_cast<std::int32_t>(column.classes.size()), "a label is of a class");
}
