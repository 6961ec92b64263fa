#pragma once
// Replies word by word: the pointer decoder of section 5 one step at a time, for every hypothesis of a search.

#include "core/indices.h"
#include "model/ethreed/forward.h"
#include "model/interface/reply_session.h"

namespace ethreed {

template <class T> class EthreedReplies {
 public:
  /// `state` comes from read_dialogues on the same tape; only what the model may know before the reply is used (c_t and
  /// R̂_t). The batch must outlive this object.
  EthreedReplies(Tape<T>& tape, const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                 const DialogueState<T>& state, const ReplyOptions& options);

  int rows() const { return count_of(decoder_rows_); }
  ReplyRow row(int r) const;
  /// One step of every hypothesis: one ragged batch, one target token each. See ReplySession.
  NextWords<T> advance(Indices parents, Indices words);
  std::int32_t word_id(int row, std::int32_t word) const;
  /// 0: the emotion tracked in the speaker; 1: that of the reply.
  std::span<const T> insight(int row, int i) const;
  /// Extended ids of the post.
  std::span<const std::int32_t> source(int row) const;
  PointerLook<T> look(int k) const;

 private:
  // A hypothesis that was live at the last step.
  struct Slot {
    std::int32_t row = 0;       // of the session
    std::int32_t state = 0;     // where s_{i−1} stands among the states kept
    std::vector<T> coverage{};  // what each source word has received
  };
  void lay_out(Indices parents, Indices words);
  int state_width() const { return memory_.initial.columns(); }

  Tape<T>* tape_;
  DecoderParameters<Variable<T>> parameters_;
  Variable<T> embedding_;
  const DialogueBatch* batch_;
  DecoderMemory<T> memory_;
  Variable<T> speaker_logits_, reply_logits_;  // on the host
  int vocabulary_;
  bool looks_;
  std::vector<std::int32_t> decoder_rows_;  // of the batch, by row of the session
  std::vector<Slot> slots_, next_slots_;
  T* states_ = nullptr;  // on the device: s of every hypothesis of the step before
  std::int64_t kept_ = 0;
  // arrays of one step
  std::vector<std::int32_t> inputs_, rows_, state_rows_, source_rows_, source_ids_, source_offsets_, target_offsets_,
      step_offsets_;
  std::vector<std::int64_t> weight_offsets_;
  std::vector<T> coverage_;
  // of the last step, if looks_
  std::vector<T> attention_, gates_;
};

}  // namespace ethreed
