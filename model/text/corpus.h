#pragma once
// A corpus of dialogues: one table a split, one utterance a row, as EmpatheticDialogues is published, or in other
// columns, orders and formats.

#include "model/text/delimited.h"
#include "model/text/notes.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
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
  std::int32_t emotion = -1;  ///< class of the whole dialogue, −1: none; set by resolve_emotions
  std::int32_t rows = 0;      ///< rows in the file
  std::int64_t line = 0;      ///< of the first
  std::vector<Turn> turns;
  std::string situation;                     ///< of the first row: raw text, stripped
  std::optional<std::string> trailing_post;  ///< the last post, where nobody answered it; no turn has it
  /// Classes by turn where every utterance has an emotion of its own, −1: none; empty where they are one a dialogue.
  std::vector<std::int32_t> post_emotions, response_emotions;

  /// The text of the row with this number: 1 is the first post, 2 its response, …; rows that are in no turn included.
  /// Throws Error unless 1 ≤ utterance_index ≤ rows.
  const std::string& utterance(std::int32_t utterance_index) const;
  /// Which utterance of the turns a row became: 2t is the post of turn t, 2t + 1 its response; none for a row in no
  /// turn. Rows that were joined have one place. The row must exist.
  std::optional<std::size_t> place(std::int32_t utterance_index) const;
  /// Whether the listener says this row.
  bool by_listener(std::int32_t utterance_index) const {
    return place(utterance_index).value_or(static_cast<std::size_t>(utterance_index - 1)) % 2 == 1;
  }

  // As read_corpus_split leaves them.
  std::vector<std::int32_t> places;            ///< [rows], −1: in no turn; empty: row i is utterance i − 1
  std::map<std::int32_t, std::string> others;  ///< text of rows in no turn, by number, but for the trailing post
  /// Numbers into CorpusSplit::emotions, −1: the field is blank. `named` are those of the turns' utterances.
  std::int32_t named_emotion = -1;  ///< the first of the dialogue
  std::vector<std::int32_t> named_posts, named_responses;
  std::int64_t other_emotion_line = 0;  ///< the first row with another emotion than the rows before, 0: none
  std::int32_t other_emotion = -1;      ///< what it is
};

/// A name in the column of emotions as it stands there.
struct NamedEmotion {
  std::string name;
  std::int32_t first_of_key = 0;  ///< number of the first name with the same emotion_key
  std::int64_t count = 0;         ///< rows
  std::int64_t first_line = 0;
};

struct CorpusSplit {
  std::string name;  ///< "train", "valid" or "test"
  std::string path;  ///< of its file
  std::string file;  ///< its name without folders
  std::vector<Dialogue> dialogues;
  std::vector<Dialogue> dropped;           ///< dialogues without a complete turn
  std::int64_t rows = 0;                   ///< without the header
  std::int64_t dropped_posts = 0;          ///< trailing posts that nobody answered
  std::int64_t repeated_speaker_rows = 0;  ///< rows whose speaker is that of the row before, in the same dialogue
  std::int64_t differing_situations = 0;   ///< dialogues whose rows do not all have the situation of the first one
  bool has_emotions = false;               ///< there is a column of emotions
  std::vector<NamedEmotion> emotions;      ///< in the order they are met
  std::vector<Note> notes;                 ///< everything else that was met
};

/// What becomes of a turn whose post or response has no word.
enum class EmptyUtterances { drop, keep, refuse };
/// What becomes of a listener's row that opens a dialogue.
enum class ListenerFirst { keep, drop };

/// A SpareField: rows of the original files whose ninth field holds candidates for retrieval, as in its test split.
bool is_row_with_candidates(std::string_view header, std::span<const RawField> fields);

/// Which replies are learned and measured.
enum class Replies {
  all,
  but_last,  ///< of no dialogue the last one: EmpDG's release takes only those after which both go on
};

struct CorpusOptions {
  std::optional<char> delimiter = {};  ///< none: seen from the header
  bool join_consecutive = false;       ///< rows of one party that follow each other are one utterance
  EmptyUtterances empty = EmptyUtterances::drop;
  ListenerFirst listener_first = ListenerFirst::keep;
  Replies replies = Replies::all;
  bool train_may_be_absent = false;  ///< of a folder: any split will do
};

/// Reads one split by TableReader. Columns are found by name, in any order; others are passed over and named in a note:
///  - conv_id: the dialogue's name, whose rows stand together;
///  - utterance_idx: 1, 2, 3, … in a dialogue; where there is no such column, rows count in their order;
///  - utterance: the text;
///  - context, or emotion: the emotion, one a dialogue or one an utterance (see resolve_emotions); may be absent;
///  - speaker_idx, or speaker: who says it; any text, compared for equality; may be absent;
///  - prompt, or situation: the dialogue's situation; where rows differ, the first row's is taken; may be absent.
/// The first, third, … utterance of a dialogue is the speaker's and the others are the listener's, whatever speaker_idx
/// says (in the original it is a worker's number); rows where it contradicts are counted, or joined where that is asked
/// for. A trailing post without an answer is in no turn, nor is, where that is asked for, the last reply of a dialogue
/// with its post; a dialogue that has no complete turn is among `dropped`.
/// Where the header is the original's, a row may have the original's ninth field (candidates), which is not read.
/// Throws Error (file:line, what is wrong, what to do), also for a split that holds no complete turn at all.
CorpusSplit read_corpus_split(const std::filesystem::path& path, std::string name, const CorpusOptions& options = {});

/// train, valid or test for any name that a file or a column may give a split; none for another name.
std::optional<std::string_view> split_called(std::string_view name);

}  // namespace ethreed
