#include "autograd/functions/emotion_gate_function.h"

namespace ethreed {

namespace {

template <class T>
void check_shapes(Indices offsets, Variable<T> s, Variable<T> key, Variable<T> emotion, Variable<T> bias) {
  constexpr const char* who = "emotion_gate";
  ETHREED_CHECK(!offsets.empty() && offsets.front() == 0,
                "{}: target offsets must start with 0 and have rows + 1 entries", who);
  for (int r = 1; r < offsets.size(); ++r)
    ETHREED_CHECK(offsets[r] >= offsets[r - 1], "{}: target offsets decrease from {} to {} at row {}", who,
                  offsets[r - 1], offsets[r], r - 1);
  ETHREED_CHECK(s && key && emotion && bias, "{}: s, key, emotion and bias must all be there", who);
  const int rows = offsets.size() - 1;
  ETHREED_CHECK(s.rows() == offsets.back(), "{}: s is {}, the offsets have {} target tokens", who, s.shape().text(),
                offsets.back());
  ETHREED_CHECK(key.rows() == rows && key.columns() == s.columns(), "{}: key is {}, wanted [{}, {}]", who,
                key.shape().text(), rows, s.columns());
  ETHREED_CHECK(emotion.rows() == rows, "{}: emotion is {}, the offsets have {} rows", who, emotion.shape().text(),
                rows);
  ETHREED_CHECK(bias.value().count() == 1, "{}: bias is {}, wanted [1]", who, bias.shape().text());
}

}  // namespace

template <class T>
Variable<T> emotion_gate(Tape<T>& tape, Indices target_offsets, Variable<T> s, Variable<T> key, Variable<T> emotion,
                         Variable<T> bias) {
  check_shapes(target_offsets, s, key, emotion, bias);
  const Context& context = tape.context();
  const bool wanted = s.wants_gradient() || key.wants_gradient() || emotion.wants_gradient() || bias.wants_gradient();
  const Variable<T> out = tape.result({s.rows(), emotion.columns()}, wanted);
  const EmotionGateForward<T> args{.target_offsets = context.keep(target_offsets),
                                   .state_columns = s.columns(),
                                   .emotion_columns = emotion.columns(),
                                   .s = s.data(),
                                   .key = key.data(),
                                   .emotion = emotion.data(),
                                   .bias = bias.data(),
                                   .out = out.data(),
                                   .gate = context.values.allocate<T>(s.rows())};
  emotion_gate_forward(tape.context(), args);
  if (!out.wants_gradient()) return out;
  tape.record([=](Tape<T>& t) {
    const T* dout = t.gradient(out);
    if (dout == nullptr) return;
    const EmotionGateBackward<T> back{.forward = args,
                                      .dout = dout,
                                      .ds = t.sink(s),
                                      .dkey = t.sink(key),
                                      .demotion = t.sink(emotion),
                                      .dbias = t.sink(bias)};
    emotion_gate_backward(t.context(), back);
  });
  return out;
}

template Variable<float> emotion_gate(Tape<float>&, Indices, Variable<float>, Variable<float>, Variable<float>,
                                      Variable<float>);
template Variable<double> emotion_gate(Tape<double>&, Indices, Variable<double>, Variable<double>, Variable<double>,
                                       Variable<double>);

}  // namespace ethreed
