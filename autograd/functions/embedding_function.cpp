#include "autograd/functions/embedding_function.h"

namespace ethreed {

template <class T> Variable<T> embedding(Tape<T>& tape, Variable<T> weight, Indices ids) {
  ETHREED_CHECK(weight && weight.shape().rank() == 2, "embedding: weight is {}, wanted [vocabulary, columns]",
                weight ? weight.shape().text() : "absent");
  for (int i = 0; i < ids.size(); ++i)
    ETHREED_CHECK(ids[i] >= 0 && ids[i] < weight.rows(),
                  "embedding: id {} at position {} is outside the vocabulary of {} words; map it to UNK first", ids[i],
                  i, weight.rows());
  EmbeddingForward<T> args{.rows = ids.size(),
                           .vocabulary = weight.rows(),
                           .columns = weight.columns(),
                           .weight = weight.data(),
                           .ids = tape.context().keep(ids).data()};
  Variable<T> y = tape.result({args.rows, args.columns}, weight.wants_gradient());
  args.y = y.data();
  embedding_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      embedding_backward<T>(t.context(), {.forward = args, .dy = dy, .dweight = t.sink(weight)});
  });
  return y;
}

template Variable<float> embedding(Tape<float>&, Variable<float>, Indices);
template Variable<double> embedding(Tape<double>&, Variable<double>, Indices);

}  // namespace ethreed
