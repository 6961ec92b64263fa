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

// A number in, or two, and one out, and back.
StageCost elementwise(double count, double inputs = 1) {
  return {count, word * (inputs + 1) * count, count, word * (inputs + 1) * count};
}
StageCost norm(double rows, double columns) {
  const double count = rows * columns;
  return {8 * count, 2 * word * count, 17 * count, 3 * word * count};
}
// Exact attention of all heads over so many pairs of a query and a key.
StageCost attention_over(double pairs, double queries, double keys, const TransformerSizes& sizes) {
  const double depth = sizes.depth, heads = sizes.heads, moved_bytes = 2 * word * depth * (queries + keys);
  return {pairs * (4 * depth + 4 * heads) + queries * depth, moved_bytes,
          pairs * (10 * depth + 6 * heads) + 2 * queries * depth, 2 * moved_bytes};
}

// Pairs of an utterance and one before it in its chain: sequences longer than t have t predecessors.
double history_pairs(const Packing& chain) {
  double pairs = 0;
  for (int t = 0; t < chain.steps(); ++t) pairs += static_cast<double>(t) * chain.alive(t);
  return pairs;
}

}  // namespace

std::vector<CostOfStage> ethreed_stage_costs(const EthreedConfig& c, const DialogueBatch& batch) {
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

namespace {

// Rows of sequences one behind the other, and the pairs that attention has among them.
struct Sequences {
  double rows = 0, pairs = 0;
};
Sequences all_pairs(Indices offsets) {
  Sequences out{.rows = static_cast<double>(offsets.back())};
  for (int s = 0; s + 1 < offsets.size(); ++s) {
    const double length = offsets[s + 1] - offsets[s];
    out.pairs += length * length;
  }
  return out;
}
Sequences causal_pairs(Indices offsets) {
  Sequences out{.rows = static_cast<double>(offsets.back())};
  for (int s = 0; s + 1 < offsets.size(); ++s) {
    const double length = offsets[s + 1] - offsets[s];
    out.pairs += length * (length + 1) / 2;
  }
  return out;
}
double pairs_between(Indices queries, Indices keys) {
  double pairs = 0;
  for (int s = 0; s + 1 < queries.size(); ++s)
    pairs += static_cast<double>(queries[s + 1] - queries[s]) * (keys[s + 1] - keys[s]);
  return pairs;
}

// A sublayer of attention, its norm and the sum with its input included.
StageCost attention_sublayer(const TransformerSizes& sizes, double queries, double keys, double pairs) {
  const double d = sizes.width, depth = sizes.depth;
  return norm(queries, d) + product(queries, d, depth) + 2 * product(keys, d, depth) +
         attention_over(pairs, queries, keys, sizes) + product(queries, depth, d) + elementwise(queries * d, 2);
}
StageCost feed_forward_sublayer(const TransformerSizes& sizes, double rows) {
  const double d = sizes.width, f = sizes.inner, kernel = transformer_kernel;
  return norm(rows, d) + moved(rows, kernel * d) + product(rows, kernel * d, f) + elementwise(rows * f) +
         moved(rows, kernel * f) + product(rows, kernel * f, d) + elementwise(rows * d) + elementwise(rows * d, 2);
}
StageCost transformer_input_cost(const TransformerSizes& sizes, double rows, double in) {
  return product(rows, in, sizes.width) + elementwise(rows * sizes.width, 2);
}
StageCost encoder_cost(const TransformerSizes& sizes, const Sequences& x, double in) {
  return transformer_input_cost(sizes, x.rows, in) +
         sizes.layers * (attention_sublayer(sizes, x.rows, x.rows, x.pairs) + feed_forward_sublayer(sizes, x.rows)) +
         norm(x.rows, sizes.width);
}
StageCost decoder_cost(const TransformerSizes& sizes, const Sequences& x, double in, double source, double pairs) {
  return transformer_input_cost(sizes, x.rows, in) +
         sizes.layers * (attention_sublayer(sizes, x.rows, x.rows, x.pairs) +
                         attention_sublayer(sizes, x.rows, source, pairs) + feed_forward_sublayer(sizes, x.rows)) +
         norm(x.rows, sizes.width);
}

}  // namespace

std::vector<CostOfStage> mime_stage_costs(const MimeConfig& c, const ContextBatch& batch) {
  const Indices contexts = batch.contexts.offsets, replies = batch.dialogues.target_offsets;
  const Sequences context = all_pairs(contexts), target = causal_pairs(replies);
  const double n = batch.replies(), positions = context.rows, targets = target.rows;
  const double words = static_cast<double>(batch.dialogues.word_ids.size());
  const double d = c.width(), e = c.embedding, v = c.vocabulary;
  const StageCost look_up{0, 2 * word * words * e, words * e, word * (words + v) * e};
  const StageCost hidden = product(n, d, d), of_two = product(n, 2 * d, d);
  const StageCost posterior_means{2 * positions * d, 2 * word * positions * d, 2 * positions * d,
                                  2 * word * positions * d};
  const StageCost loss{(c.label_smoothing > 0 ? 5 : 3) * targets * v, word * targets * v, 4 * targets * v,
                       2 * word * targets * v};
  return {{"word look-up", look_up},
          {"context encoder",
           moved(positions, e) + encoder_cost(c.transformer, context, e) + hidden + product(n, d, c.emotion_classes)},
          {"mimicry", 5 * hidden + product(n, d, c.emotion_classes) + 2 * moved(positions, d) +
                          2 * encoder_cost(c.transformer, context, 2 * d) + posterior_means + 2 * of_two + 4 * hidden +
                          8 * elementwise(2 * n * d, 2)},
          {"decoder and losses",
           moved(positions, 2 * d) + product(positions, 2 * d, 2 * d) + elementwise(2 * positions * d) +
               elementwise(2 * positions * d, 2) + product(positions, 2 * d, d) + moved(targets, e) +
               decoder_cost(c.transformer, target, e, positions, pairs_between(replies, contexts))},
          {"vocabulary loss", product(targets, d, v) + loss}};
}

std::vector<CostOfStage> stage_costs(const Model& model, const ModelBatch& batch) {
  if (const auto* ethreed = dynamic_cast<const ModelOf<EthreedModel>*>(&model))
    return ethreed->config().ablation == Ablation::none
               ? ethreed_stage_costs(ethreed->config(), dynamic_cast<const BatchOf<EthreedModel>&>(batch).value)
               : std::vector<CostOfStage>();
  if (const auto* mime = dynamic_cast<const ModelOf<MimeModel>*>(&model))
    return mime->config().decoder_sample == DecoderSample::prior
               ? mime_stage_costs(mime->config(), dynamic_cast<const BatchOf<MimeModel>&>(batch).value)
               : std::vector<CostOfStage>();
  return {};
}

OptimizerCost optimizer_cost(std::int64_t count) {
  const auto n = static_cast<double>(count);
  return {16 * n, 8 * word * n};
}

}  // namespace ethreed::bench
