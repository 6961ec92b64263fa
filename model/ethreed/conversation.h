#pragma once
// A conversation that goes on: the tracker of section 3, an utterance at a time. What earlier utterances left behind is
// kept, so that the cost of a turn does not grow with the history (but for the attention over it, (3) and (4)).

#include "core/indices.h"
#include "model/ethreed/replies.h"

namespace ethreed {

template <class T> class EthreedConversation {
 public:
  /// See Conversation::read.
  EthreedReplies<T> read(Tape<T>& tape, const EthreedConfig& config, const EthreedParameters<Variable<T>>& parameters,
                         Indices reply, Indices post, std::int64_t place, const ReplyOptions& options);

 private:
  // Rows on the host.
  struct Rows {
    std::vector<T> values{};
    int columns = 0;
    std::int64_t count() const { return columns == 0 ? 0 : static_cast<std::int64_t>(values.size()) / columns; }
    /// As a value of this tape; absent if there is none.
    Variable<T> on(Tape<T>& tape) const;
    void replace(const Context& context, const Variable<T>& rows);
    void append(const Context& context, const Variable<T>& rows);
  };
  Variable<T> track_emotion(Tape<T>& tape, const EthreedConfig& config,
                            const TrackerParameters<Variable<T>>& parameters, Variable<T> x);

  DialogueBatch batch_;           // the new post, and the reply before it in the place of its response
  Rows summary_, global_, keys_;  // u, g and W_β g of every utterance so far
  Rows party_;                    // p of the last utterance
  Rows emotion_post_, emotion_response_, emotion_chain_;  // e of the last of each chain
  Rows content_;                                          // c of the last turn
  std::vector<std::int32_t> index_, offsets_, steps_;
};

}  // namespace ethreed
