#pragma once
// What replies of a model that copies must be, held against a textbook: one context, words forced one by one.

#include "model/interface/context_textbook.h"
#include "tests/model/model_bench.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace ethreed::test {

inline reference::Parameters parameters_of(const ModelState<double>& state) {
  reference::Parameters parameters;
  for (const auto& entry : state.layout.entries()) {
    reference::Parameter& parameter = parameters[entry.name];
    for (const std::int64_t size : entry.shape.sizes()) parameter.shape.push_back(static_cast<int>(size));
    const double* values = state.values.data() + entry.offset;
    parameter.values.assign(values, values + entry.shape.count());
  }
  return parameters;
}

/// A reply forced into a session of one row: what it says of every word, and what the textbook says.
struct ForcedReply {
  std::vector<std::int32_t> source;  ///< as the session counts words
  std::vector<std::int32_t> given;   ///< as the batch was given them
  /// [words of the reply]
  std::vector<std::vector<double>> attention, probability;
  std::vector<double> gate;
};

/// `words` as the session counts them; those of the batch are the only turn's.
inline ForcedReply force_reply(const Model& model, Bench<double>& bench, const std::vector<std::int32_t>& post,
                               const std::vector<std::int32_t>& words) {
  const std::vector<std::int32_t> nothing{eos_id};
  const TurnInput turn{.post = post, .response = nothing};
  const Example example{.turns = {&turn, 1}};
  bench.load({&example, 1});
  Tape<double> tape(bench.context(), false);
  const auto session = model.steps<double>().replies(tape, bench.bind(tape), bench.batch(), {.look = true});
  ForcedReply out;
  const std::span<const std::int32_t> source = session->source(0);
  out.source.assign(source.begin(), source.end());
  out.given = given_source(*session, 0, model.vocabulary());
  const std::vector<std::int32_t> parents{0};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::vector<std::int32_t> before{i == 0 ? sos_id : words[i - 1]};
    const NextWords<double> next = session->advance(parents, before);
    const PointerLook<double> look = session->look(0);
    CHECK(look.coverage.empty());
    out.attention.emplace_back(look.attention.begin(), look.attention.end());
    out.gate.push_back(look.generation_gate);
    std::vector<double>& p = out.probability.emplace_back();
    for (int w = 0; w < next.words; ++w) p.push_back(std::exp(next.log_probability[w]));
  }
  return out;
}

/// states: O of every word; weights: of every word and place of the source.
inline void check_mixture(const ForcedReply& got, const reference::Parameters& p, const reference::Rows& states,
                          const reference::Rows& weights) {
  const auto vocabulary = static_cast<std::size_t>(p.at("embedding.weight").shape[0]);
  for (std::size_t i = 0; i < got.gate.size(); ++i) {
    INFO("word " << i + 1);
    const double gate = reference::sigmoid(reference::affine(p, "copy_gate", states[i]).front());
    CHECK(got.gate[i] == Approx(gate).epsilon(1e-12));
    REQUIRE(got.attention[i].size() == got.source.size());
    reference::Vector mixture = reference::softmax(reference::affine(p, "output", states[i]));
    REQUIRE(mixture.size() == vocabulary);
    mixture.resize(got.probability[i].size(), 0.0);
    for (std::size_t w = 0; w < vocabulary; ++w) mixture[w] *= got.gate[i];
    double sum = 0;
    for (std::size_t j = 0; j < got.source.size(); ++j) {
      CHECK(got.attention[i][j] == Approx(weights[i][j]).epsilon(1e-12));
      sum += got.attention[i][j];
      mixture[static_cast<std::size_t>(got.source[j] < 0 ? pad_id : got.source[j])] +=
          (1 - got.gate[i]) * got.attention[i][j];
    }
    CHECK(sum == Approx(1).epsilon(1e-12));
    for (std::size_t w = 0; w < mixture.size(); ++w) CHECK(got.probability[i][w] == Approx(mixture[w]).epsilon(1e-12));
  }
}

}  // namespace ethreed::test
