// Where the pointer of a model looks: what it tells makes up what follows.

#include "core/indices.h"
#include "model/interface/reply_session.h"
#include "tests/model/model_properties.h"

#include <algorithm>
#include <cmath>

namespace ethreed::test {

namespace {

// Is the distribution of the next words made of the vocabulary's and of what its look gives to the words of the source?
Failure compare_look(const ReplySession<double>& session, int row, int k, int vocabulary, Span<const double> log_p) {
  const PointerLook<double> look = session.look(k);
  const std::span<const std::int32_t> source = session.source(row);
  if (source.empty() || look.attention.size() != source.size())
    return fmt::format("{} words of the source were looked at, {} are there", look.attention.size(), source.size());
  if (!look.coverage.empty() && look.coverage.size() != source.size()) return "a coverage of another size";
  const double gate = look.generation_gate;
  if (!(gate > 0 && gate < 1)) return fmt::format("a gate of {}", gate);
  std::vector<double> rest;  // without what is copied
  for (int w = 0; w < log_p.size(); ++w) rest.push_back(std::exp(log_p[w]));
  double attention = 0;
  for (std::size_t j = 0; j < source.size(); ++j) {
    attention += look.attention[j];
    if (!(look.attention[j] >= 0)) return fmt::format("an attention of {}", look.attention[j]);
    rest[static_cast<std::size_t>(source[j] < 0 ? pad_id : source[j])] -= (1 - gate) * look.attention[j];
  }
  if (!(std::abs(attention - 1) < 1e-12)) return fmt::format("the attention sums to {}", attention);
  double generated = 0;
  for (int w = 0; w < count_of(rest); ++w) {
    generated += rest[w];
    if (w < vocabulary ? !(rest[w] > 0) : !(std::abs(rest[w]) < 1e-14))
      return fmt::format("without what is copied word {} of {} has {}", w, rest.size(), rest[w]);
  }
  if (!(std::abs(generated - gate) < 1e-12)) return fmt::format("the vocabulary gives {}, not {}", generated, gate);
  return {};
}

}  // namespace

Failure look_makes_up_distribution(const Subject& subject) {
  const RunConfig run = subject.run(tiny_data());
  const Model& model = *run.model;
  const TinyExamples train(tiny_data().split("train"), model);
  Bench<double> bench(model, random_state<double>(model, 23));
  bench.load(train.all());
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(),
                                                     {.hypotheses_per_row = 2, .look = model.has_pointer()});
  if (!model.has_pointer()) {
    const bool nothing = session->source(0).empty() && session->look(0).attention.empty();
    return nothing ? Failure{} : Failure{"a model that says it has no pointer looks at words"};
  }
  std::vector<std::int32_t> parents, words, row;
  for (std::int32_t r = 0; r < session->rows(); ++r) parents.push_back(r);
  row = parents;
  words.assign(parents.size(), sos_id);
  for (int length = 0; length < 3; ++length) {
    const NextWords<double> next = session->advance(parents, words);
    std::vector<std::int32_t> row_after;
    parents.clear();
    words.clear();
    for (int k = 0; k < count_of(row); ++k) {
      const double* log_p = next.log_probability + std::int64_t{k} * next.words;
      if (const Failure failure = compare_look(*session, row[k], k, model.vocabulary(), {log_p, next.words}))
        return fmt::format("word {}, hypothesis {}: {}", length + 1, k, *failure);
      // The first words make two hypotheses of every row, the others one each; one of them copies what comes first.
      const std::span<const std::int32_t> source = session->source(row[k]);
      const auto copied = std::find_if(source.begin(), source.end(), [](std::int32_t word) { return word > unk_id; });
      for (const std::int32_t word : {copied == source.end() ? std::int32_t{eos_id} : *copied, std::int32_t{5}}) {
        if (length > 0 && (word == 5) == (k % 2 == 0)) continue;
        parents.push_back(k);
        words.push_back(word);
        row_after.push_back(row[k]);
      }
    }
    row = row_after;
  }
  return {};
}

}  // namespace ethreed::test
