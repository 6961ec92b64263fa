#pragma once
// Replies to dialogues of different people, written together: a batch whose dialogues have options of their own, and
// that is stepped word by word.

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/replies/reply_search.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace ethreed {

/// A dialogue whose last turn is to be answered, and how.
struct AskedDialogue {
  Example example;
  ReplyMode mode{};
  DecodeOptions decode{};
};

/// Can two dialogues be in one batch? Seeds, plans and everything of the search may differ; whether latent variables
/// are drawn or their mean is taken is one for a batch.
inline bool in_one_batch(const ReplyMode& a, const ReplyMode& b) { return a.latent.sample == b.latent.sample; }

template <class T> class ReplyBatch {
 public:
  /// `state` is on the device of the context (DeviceModel); both must outlive this object, which resets the arenas of
  /// the context at every open().
  ReplyBatch(Context context, const Model& model, ModelState<T>& state);

  /// Reads the dialogues; those of the batch before are forgotten. On the CPU the bits of a reply are those that its
  /// dialogue has alone, whatever the others are. Throws Error if two cannot be in one batch, for plans that are
  /// shuffled, as DecodeOptions::check does, and as the model does; nothing is open then.
  void open(std::span<const AskedDialogue> dialogues);
  /// One word more of every reply that is not finished, in one step of the decoder; false, without a step, if all are.
  bool step() { return search_->step(); }
  bool finished(int dialogue) const { return search_->finished(row_of(dialogue)); }
  /// See ReplySearch.
  std::optional<NewestWord> newest(int dialogue) const { return search_->newest(row_of(dialogue)); }
  void drop(int dialogue) { search_->drop(row_of(dialogue)); }
  /// A finished reply, once.
  GeneratedTurn take(int dialogue);

 private:
  int row_of(int dialogue) const { return row_of_dialogue_[static_cast<std::size_t>(dialogue)]; }

  Context context_;
  const Model& model_;
  ModelState<T>& state_;
  std::unique_ptr<ModelBatch> batch_;
  std::optional<Tape<T>> tape_;
  std::unique_ptr<ReplySession<T>> session_;
  std::optional<ReplySearch<T>> search_;
  std::vector<int> row_of_dialogue_;
};

/// What row r of a session said, and what its model says beside it.
template <class T>
GeneratedTurn generated_turn(const Model& model, const ReplySession<T>& session, int r, Reply&& reply);

}  // namespace ethreed
