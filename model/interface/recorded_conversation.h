#pragma once
// The conversation of a model that reads all of it again at every turn: the emotion of a context, say, is of the whole.

#include "core/context.h"
#include "model/blocks/recorded_dialogue.h"
#include "model/interface/reply_session.h"

namespace ethreed {

/// M is the struct that ModelOf adapts (model_of.h): what is said next are its replies to the last turn of a batch of
/// one dialogue. As M::Conversation: `template <class T> using Conversation = RecordedConversation<M, T>`.
template <class M, class T> class RecordedConversation {
 public:
  /// See Conversation::read.
  typename M::template Replies<T> read(Tape<T>& tape, const typename M::Config& config,
                                       const typename M::template Parameters<Variable<T>>& parameters, Indices reply,
                                       Indices post, std::int64_t place, const ReplyOptions& options) {
    said_.add(reply, post);
    const Example example = said_.example(place);
    M::build(batch_, config, {&example, 1});
    tape.context().stage(batch_.arrays());
    ReplyOptions last = options;
    last.answer = Answer::last_turn;
    return M::replies(tape, config, parameters, batch_, last);
  }

 private:
  RecordedDialogue said_;
  typename M::Batch batch_;
};

}  // namespace ethreed
