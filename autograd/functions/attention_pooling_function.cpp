#include "autograd/functions/attention_pooling_function.h"

namespace ethreed {

namespace {

template <class T> void check_arguments(Indices offsets, Variable<T> scores, Variable<T> x, Indices rows) {
  constexpr const char* who = "attention_pooling";
  ETHREED_CHECK(!offsets.empty() && offsets[0] == 0,
                "{}: offsets has {} entries and starts with {}, wanted segments + 1 that start with 0", who,
                offsets.size(), offsets.empty() ? 0 : offsets[0]);
  for (int s = 0; s + 1 < offsets.size(); ++s)
    ETHREED_CHECK(offsets[s + 1] > offsets[s],
                  "{}: segment {} goes from entry {} to {}; a segment has at least one entry", who, s, offsets[s],
                  offsets[s + 1]);
  const std::int32_t entries = offsets.back();
  ETHREED_CHECK(x, "{}: x must be there", who);
  ETHREED_CHECK(!scores || scores.value().count() == entries, "{}: scores is {}, wanted [{}, 1] as offsets say", who,
                scores.shape().text(), entries);
  ETHREED_CHECK(!scores || scores.data() + entries <= x.data() || x.data() + x.value().count() <= scores.data(),
                "{}: scores, {}, and x, {}, share numbers; compute the scores from x", who, scores.shape().text(),
                x.shape().text());
  if (rows.empty()) {
    ETHREED_CHECK(entries == 0 || x.rows() == entries,
                  "{}: x is {}, offsets end with {} entries; without rows they must agree", who, x.shape().text(),
                  entries);
    return;
  }
  ETHREED_CHECK(rows.size() == entries, "{}: rows has {} entries, offsets end with {}", who, rows.size(), entries);
  for (int j = 0; j < rows.size(); ++j)
    ETHREED_CHECK(rows[j] >= 0 && rows[j] < x.rows(), "{}: entry {} reads row {} of x, which is {}", who, j, rows[j],
                  x.shape().text());
}

}  // namespace

template <class T>
AttentionPooling<T> attention_pooling(Tape<T>& tape, Indices offsets, Variable<T> scores, Variable<T> x, Indices rows) {
  check_arguments(offsets, scores, x, rows);
  const Context& context = tape.context();
  const int segments = offsets.size() - 1;
  const AttentionPooling<T> result{
      .y = tape.result({segments, x.columns()}, scores.wants_gradient() || x.wants_gradient()),
      .weights = tape.result({offsets.back()}, false)};
  const AttentionPoolingForward<T> args{.offsets = context.keep(offsets),
                                        .rows = rows.empty() ? nullptr : context.keep(rows).data(),
                                        .source_rows = x.rows(),
                                        .columns = x.columns(),
                                        .scores = scores ? scores.data() : nullptr,
                                        .x = x.data(),
                                        .weights = result.weights.data(),
                                        .y = result.y.data()};
  attention_pooling_forward(tape.context(), args);
  if (!result.y.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(result.y);
    if (dy == nullptr) return;
    attention_pooling_backward<T>(t.context(), {.forward = args, .dy = dy, .dscores = t.sink(scores), .dx = t.sink(x)});
  });
  return result;
}

template AttentionPooling<float> attention_pooling(Tape<float>&, Indices, Variable<float>, Variable<float>, Indices);
template AttentionPooling<double> attention_pooling(Tape<double>&, Indices, Variable<double>, Variable<double>,
                                                    Indices);

}  // namespace ethreed
