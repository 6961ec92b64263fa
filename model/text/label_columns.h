#pragma once
// Named columns of labels, one label an utterance, with the classes that their file has: emotions, intents, topics, …

#include "model/text/corpus.h"
#include "model/text/notes.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

struct ColumnLabels {
  /// In the order of bytes: the different labels of the file's rows, all of them; with distributions the classes of its
  /// columns p_CLASS, all of them.
  std::vector<std::string> classes;
  /// [split][2S]: class number or −1 where there is no label; 2t is the post of turn t (turns counted through the
  /// split's dialogues), 2t + 1 the response.
  std::vector<std::vector<std::int32_t>> of_utterance;
  /// [split][2S·classes], where they were asked for: the probabilities of the classes; zeros where there is no label.
  std::vector<std::vector<float>> distributions;
  std::int64_t rows = 0;           ///< of the file, without the header
  std::int64_t used = 0;           ///< labels that reached an utterance of a turn
  std::int64_t dropped_posts = 0;  ///< passed over: the utterance is in no turn (a post that nobody answered)
  std::int64_t joined = 0;         ///< labels that replaced that of another row joined to the same utterance
  std::int64_t other_splits = 0;   ///< passed over: of a split that is not here
  std::vector<Note> notes;         ///< of the file as a table
};

/// Reads a table in the layout of LabelFile; roles and labels of all kinds are kept. The classes do not depend on
/// which splits are here. `distributions`: the columns p_CLASS are read, too.
/// Throws Error (file:line) as LabelFile does, for a second label of one utterance, for a label that is empty, not
/// UTF-8 or holds control characters, and for a file without rows; with distributions also for a label that has no
/// column p_CLASS.
ColumnLabels read_label_column(const std::filesystem::path& path, std::span<const CorpusSplit> splits,
                               bool distributions = false);

/// What a column may be called: 1 to 64 ASCII letters, digits, '_' and '-'.
bool is_column_name(std::string_view name);

}  // namespace ethreed
