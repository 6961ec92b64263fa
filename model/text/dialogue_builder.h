#pragma once
// From rows to dialogues of complete turns. For read_corpus_split.

#include "model/text/corpus.h"
#include "model/text/table_reader.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace ethreed {

/// One row; its texts are views until the next row is read.
struct CorpusRow {
  std::string_view conversation;
  std::optional<std::int32_t> number;  ///< utterance_idx; none where the file has no such column
  std::int32_t emotion = -1;           ///< number into CorpusSplit::emotions
  std::string_view situation;
  std::optional<std::string_view> speaker;
  std::string_view utterance;
  std::int64_t line = 0;
};

/// Takes the rows of a split in the file's order.
class DialogueBuilder {
 public:
  DialogueBuilder(CorpusSplit& split, const CorpusOptions& options) : split_(split), options_(options) {}

  /// Throws Error (file:line) where a row does not go on from the rows before.
  void add(const CorpusRow& row);
  /// After the last row: builds the turns and writes the notes.
  void finish();

 private:
  struct Utterance {
    std::string text;
    std::int32_t speaker = -1;  // number of its name
    std::int32_t emotion = -1;
    std::int64_t line = 0;
    std::int32_t first_row = 0, last_row = 0;  // more than one where they were joined
  };
  struct Open {
    Dialogue dialogue;
    std::vector<Utterance> utterances;
    std::int32_t first_speaker = -1;
    bool situations_differ = false;
  };

  std::string place(const CorpusRow& row) const;
  void start(const CorpusRow& row);
  void check_continues(const CorpusRow& row) const;
  void append(Open& open, const CorpusRow& row);
  std::int32_t number_of_speaker(std::string_view name);
  std::optional<std::int32_t> listener() const;
  void build(Open& open, std::optional<std::int32_t> listener);
  void drop_first(Open& open);
  void build_turns(Open& open);
  bool is_kept(const Utterance& post, const Utterance& response, bool is_last);
  void leave_out(Dialogue& dialogue, Utterance& utterance);
  void note(std::string key, const Tally& tally, std::string text);

  CorpusSplit& split_;
  CorpusOptions options_;
  std::vector<Open> open_;  // all dialogues of the split; the last one is still growing
  std::unordered_set<std::string> conversations_;
  std::unordered_map<std::string, std::int32_t> speakers_;
  std::vector<std::string> speaker_names_;
  std::vector<std::int64_t> openings_;  // dialogues that each speaker opens
  Tally repeated_, joined_, empty_, turns_dropped_, listener_first_, last_replies_;
};

}  // namespace ethreed
