#include "benchmarks/sections/stage_costs.h"

namespace ethreed::bench {

namespace {

constexpr double word = sizeof(float);

// y [rows, out] = x [rows, in] W. Backward: dx and dW, each as much.
StageCost product(double rows, double in, double out) {
  const double flops = 2 * rows * in * out, bytes = word * (rows * in + in * out + rows * out);
  return {flops, bytes, 2 * flops, 2 * bytes};
}
// The recurrence of a GRU, after its input projection: the formulas of kernels/gru_sequence. `starts`: the rows that
// have no state before them, and need no matrix product.
StageCost recurrence(double rows, double starts, double hidden) {
  const double flops = 6 * (rows - starts) * hidden * hidden, bytes = word * (8 * rows * hidden + 3 * hidden * hidden);
  return {flops, bytes, 2 * flops, 2 * bytes};
}
// Rows copied to another place, backward added up there.
StageCost moved(double rows, double columns) {
  const double bytes = 2 * word * rows * columns;
  return {0, bytes, rows * columns, bytes};
}

StageCost operator+(const StageCost& a, const StageCost& b) {
  return {a.forward_flops + b.forward_flops, a.forward_bytes + b.forward_bytes, a.backward_flops + b.backward_flops,
          a.backward_bytes + b.backward_bytes};
}
StageCost operator*(double n, const StageCost& a) {
  return {n * a.forward_flops, n * a.forward_bytes, n * a.backward_flops, n * a.backward_bytes};
}
// A GRU over rows that share so many different inputs.
StageCost gru_of_shared_inputs(double inputs, double rows, double starts, double in, double hidden) {
  return product(inputs, in, 3 * hidden) + recurrence(rows, starts, hidden);
}
StageCost gru(double rows, double starts, double in, double hidden) {
  return gru_of_shared_inputs(rows, rows, starts, in, hidden);
}

// Pairs of an utterance and one before it in its chain: sequences longer than t have t predecessors.
double history_pairs(const Packing& chain) {
  double pairs = 0;
  for (int t = 0; t < chain.steps(); ++t) pairs += static_cast<double>(t) * chain.alive(t);
  return pairs;
}

}  // namespace

std::vector<EthreedStageCost> ethreed_stage_costs(const EthreedConfig& c, const DialogueBatch& batch) {
  const double n = batch.turns(), tokens = batch.encoder_tokens(), sources = batch.source_tokens(),
               targets = batch.target_tokens(), dialogues = batch.dialogues();
  const double words = static_cast<double>(batch.word_ids.size()), decoder_words = batch.decoder_word_count;
  const double pairs = static_cast<double>(batch.rows().weights());
  const double h = c.encoder, u = 2.0 * c.encoder, g = c.global_state, p = c.party_state, e = c.emotion_state,
               s = c.decoder_state, v = c.vocabulary, features = s + u + e;
  const double history = history_pairs(batch.chain_packing());
  const double table = word * v * c.embedding;
  const StageCost attend_history{2 * history * (u + g), word * (2 * n * (2 * u + 2 * g) + history),
                                 4 * history * (u + g), word * (2 * n * (4 * u + 3 * g) + history)};
  const StageCost attend{2 * pairs * (s + u), word * (targets * (s + u + 1) + sources * (s + u) + 2 * pairs),
                         4 * pairs * (s + u), word * (targets * (2 * s + u + 1) + 2 * sources * (s + u) + 3 * pairs)};
  const StageCost gate{targets * (2 * s + e), word * (targets * (s + e + 1) + n * (s + e)), targets * (3 * s + 4 * e),
                       word * (targets * (2 * s + e + 1) + 2 * n * (s + e))};
  const StageCost mixture{3 * targets * v + pairs, word * (targets * v + pairs + 5 * targets), 3 * targets * v + pairs,
                          word * (2 * targets * v + pairs + 7 * targets)};
  const StageCost entropy{3 * n * c.emotion_classes, word * (n * c.emotion_classes + 4 * n), 3 * n * c.emotion_classes,
                          word * (2 * n * c.emotion_classes + 4 * n)};
  const StageCost look_up{0, 2 * word * words * c.embedding, words * c.embedding, word * words * c.embedding + table};
  return {
      {"word look-up", look_up},
      {"utterance encoder", 2 * gru_of_shared_inputs(words, tokens, 2 * n, c.embedding, h) + moved(2 * n + sources, u)},
      {"emotion tracker", gru(2 * n, dialogues, u, g) + product(2 * n, g, u) + attend_history +
                              gru(2 * n, dialogues, u + g, p) + gru(2 * n, 2 * dialogues, p, e) +
                              gru(n, dialogues, g, c.content_state) + moved(5 * n, e)},
      {"policy and classifiers", 3 * product(n, e, e) + 3 * product(n, e, c.emotion_classes)},
      {"decoder memory",
       product(sources, u, s) + product(n, c.content_state, s) + product(n, e, e) + product(n, e, s) + moved(2 * n, e)},
      {"decoder GRU", gru_of_shared_inputs(decoder_words, targets, 0, c.embedding, s) + moved(2 * targets, s)},
      {"attention, gate and vocabulary", attend + gate + product(targets, features, c.bottleneck) +
                                             product(targets, c.bottleneck, v) + product(targets, features, 1)},
      {"pointer mixture", mixture},
      {"losses", 3 * entropy}};
}

std::vector<EthreedStageCost> ethreed_stage_costs(const Model& model, const ModelBatch& batch) {
  const auto* ethreed = dynamic_cast<const ModelOf<EthreedModel>*>(&model);
  if (ethreed == nullptr || ethreed->config().ablation != Ablation::none) return {};
  return ethreed_stage_costs(ethreed->config(), dynamic_cast<const BatchOf<EthreedModel>&>(batch).value);
}

OptimizerCost optimizer_cost(std::int64_t count) {
  const auto n = static_cast<double>(count);
  return {16 * n, 8 * word * n};
}

}  // namespace ethreed::bench
