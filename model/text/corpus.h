#pragma once
// EmpatheticDialogues as its authors publish it: one CSV file a split, one utterance a row.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// (P_t, R_t): what the speaker says and what the listener answers. Raw text, stripped.
struct Turn {
  std::string post;
  std::string response;
};

struct Dialogue {
  std::string conversation_id;
  std::int32_t emotion = 0;  ///< of the whole dialogue (column `context`); see emotions.h
  std::int32_t rows = 0;     ///< rows in the file; 2·turns, or one more with a trailing post
  std::vector<Turn> turns;
  std::string situation;                     ///< column `prompt` of the first row: raw text, stripped
  std::optional<std::string> trailing_post;  ///< the last post, where nobody answered it; no turn has it

  /// The text of the row with this utterance_idx, the trailing post included: 1 is the first post, 2 its response, …
  /// Throws Error unless 1 ≤ utterance_index ≤ rows.
  const std::string& utterance(std::int32_t utterance_index) const;
};

struct CorpusSplit {
  std::string name;  ///< "train", "valid" or "test"
  std::vector<Dialogue> dialogues;
  std::vector<Dialogue> dropped;           ///< dialogues without a complete turn: a trailing post alone
  std::int64_t rows = 0;                   ///< without the header
  std::int64_t dropped_posts = 0;          ///< trailing posts that nobody answered
  std::int64_t repeated_speaker_rows = 0;  ///< rows whose speaker_idx is that of the row before, in the same dialogue
  std::int64_t differing_situations = 0;   ///< dialogues whose rows do not all have the `prompt` of the first one
};

/// Reads one split. The layout, as the original has it:
///  - the header is conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags;
///  - rows are split at ',' with no quoting (a comma in a text is `_comma_`) and have 8 fields, or 9 where the row
///    carries candidates for retrieval, which are not read; "\n" and "\r\n" both end a line; empty lines at the end are
///    passed over;
///  - the rows of a dialogue stand together, utterance_idx counts 1, 2, 3, …, and `context` is the same in all.
/// Odd utterances are the speaker's, even ones the listener's. speaker_idx is a worker's number in the original and
/// says nothing about the role, so it must only be a whole number; repeated_speaker_rows counts where it contradicts
/// the alternation. A trailing post without an answer is in no turn, and a dialogue that has no complete turn is among
/// `dropped`. `prompt` is the dialogue's situation; where its rows differ, the first row's is taken.
/// Throws Error (file:line, what is wrong, what to do), also for a split that holds no complete turn at all.
CorpusSplit read_corpus_split(const std::filesystem::path& path, std::string name);

}  // namespace ethreed
