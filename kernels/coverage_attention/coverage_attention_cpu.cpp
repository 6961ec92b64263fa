#include "kernels/common/math.h"
#include "kernels/coverage_attention/coverage_attention.h"
#include "kernels/gemm/gemm.h"

#include <algorithm>

namespace ethreed {

namespace {

/// One row of the layout: its sizes, and where it begins in arrays [Mtok, …], [Stok, …] and in ragged ones.
struct Row {
  int targets, sources;
  std::int64_t target, source, weight;
};

Row row_of(const RowLayout& layout, int r) {
  return {layout.target_count(r), layout.source_count(r), layout.target(r), layout.source(r), layout.weight(r)};
}

template <class T> void start_coverage(const CoverageAttentionForward<T>& args, const Row& row, T* coverage) {
  if (args.coverage_initial == nullptr)
    std::fill_n(coverage, row.sources, T{0});
  else
    std::copy_n(args.coverage_initial + row.source, row.sources, coverage);
}

/// (17)–(19) and (25) for one step. `energy` comes in as query_i·keys_j and leaves as the energy; `coverage` comes in
/// as cov_i and leaves as cov_{i+1}. Returns coverage_loss_i.
template <class T>
T step_forward(int sources, bool unbounded, T coverage_weight, T bias, T* energy, T* coverage, T* weights) {
  if (unbounded) {
    for (int j = 0; j < sources; ++j) energy[j] = energy[j] + coverage_weight * coverage[j] + bias;
    const T most = *std::max_element(energy, energy + sources);
    constexpr T least = static_cast<T>(coverage_least_exponential);
    for (int j = 0; j < sources; ++j) {
      const T weight = math::exp(energy[j] - most);
      weights[j] = weight < least ? least : weight;  // NaN stays
    }
  } else {
    for (int j = 0; j < sources; ++j) {
      energy[j] = math::tanh(energy[j] + coverage_weight * coverage[j] + bias);
      weights[j] = math::exp(energy[j]);
    }
  }
  T sum{0};
  for (int j = 0; j < sources; ++j) sum += weights[j];
  for (int j = 0; j < sources; ++j) weights[j] /= sum;  // divided, so that a single source token gets exactly 1
  T loss{0};
  for (int j = 0; j < sources; ++j)
    loss += coverage[j] < weights[j] ? coverage[j] : weights[j];  // a weight of NaN shows
  for (int j = 0; j < sources; ++j) coverage[j] += weights[j];
  return loss;
}

template <class T>
void row_forward(Context& context, const CoverageAttentionForward<T>& args, const Row& row, T* coverage) {
  const int d = args.query_columns, c = args.value_columns;
  T* energy = args.energy + row.weight;
  T* weights = args.weights + row.weight;
  gemm<T>(context, {.b_transposed = true,
                    .m = row.targets,
                    .n = row.sources,
                    .k = d,
                    .a = args.query + row.target * d,
                    .lda = d,
                    .b = args.keys + row.source * d,
                    .ldb = d,
                    .c = energy,
                    .ldc = row.sources});
  start_coverage(args, row, coverage);
  for (int i = 0; i < row.targets; ++i) {
    const std::int64_t at = std::int64_t{i} * row.sources;
    args.coverage_loss[row.target + i] = step_forward(row.sources, args.unbounded, *args.coverage_weight, *args.bias,
                                                      energy + at, coverage, weights + at);
  }
  gemm<T>(context, {.m = row.targets,
                    .n = c,
                    .k = row.sources,
                    .a = weights,
                    .lda = row.sources,
                    .b = args.values + row.source * c,
                    .ldb = c,
                    .c = args.context + row.target * c,
                    .ldc = c});
}

/// Workspace of the backward. `dz` holds dγ before a step is reached and dz after it.
template <class T> struct BackwardScratch {
  T* coverage;              // [P] cov_ij
  T* dz;                    // [P]
  T* later;                 // [Stok] Σ_{i' > i} dcov_{i'j}, the reverse cumulative sum
  T* coverage_weight_part;  // [rows]
  T* bias_part;             // [rows]
};

template <class T> BackwardScratch<T> allocate_scratch(ArenaScope& scratch, const RowLayout& layout) {
  const std::int64_t pairs = layout.weights();
  T* memory = scratch.allocate<T>(2 * pairs + layout.sources() + 2 * std::int64_t{layout.rows()});
  T* later = memory + 2 * pairs;
  T* parts = later + layout.sources();
  return {memory, memory + pairs, later, parts, parts + layout.rows()};
}

/// The minimum of (25) passes its gradient to the smaller argument; a tie counts as the weight.
template <class T> bool minimum_is_weight(T coverage, T weight) { return weight <= coverage; }

/// From dγ_i without the coverage terms (in `dz`) to dz_i; `later` moves on from Σ_{i' > i} to Σ_{i' ≥ i} dcov_{i'}.
template <class T>
void step_backward(int sources, bool unbounded, T coverage_weight, T dloss, const T* coverage, const T* weights,
                   const T* energy, T* dz, T* later) {
  for (int j = 0; j < sources; ++j) dz[j] += later[j] + (minimum_is_weight(coverage[j], weights[j]) ? dloss : T{0});
  T mean{0};
  for (int j = 0; j < sources; ++j) mean += weights[j] * dz[j];
  for (int j = 0; j < sources; ++j) {
    dz[j] = weights[j] * (dz[j] - mean) * (unbounded ? T{1} : T{1} - energy[j] * energy[j]);
    later[j] += coverage_weight * dz[j] + (minimum_is_weight(coverage[j], weights[j]) ? T{0} : dloss);
  }
}

/// dz of one row and its parts of dw_r and db_a.
template <class T>
void row_energies_backward(Context& context, const CoverageAttentionBackward<T>& args, const Row& row, int r,
                           const BackwardScratch<T>& scratch) {
  const CoverageAttentionForward<T>& f = args.forward;
  const int c = f.value_columns, sources = row.sources;
  const T* weights = f.weights + row.weight;
  T* coverage = scratch.coverage + row.weight;
  T* dz = scratch.dz + row.weight;
  T* later = scratch.later + row.source;
  const auto at = [sources](int i) { return std::int64_t{i} * sources; };

  if (row.targets > 0) start_coverage(f, row, coverage);
  for (int i = 1; i < row.targets; ++i)
    for (int j = 0; j < sources; ++j) coverage[at(i) + j] = coverage[at(i - 1) + j] + weights[at(i - 1) + j];

  std::copy_n(args.dweights + row.weight, at(row.targets), dz);
  gemm<T>(context, {.b_transposed = true,
                    .m = row.targets,
                    .n = sources,
                    .k = c,
                    .a = args.dcontext + row.target * c,
                    .lda = c,
                    .b = f.values + row.source * c,
                    .ldb = c,
                    .c = dz,
                    .ldc = sources,
                    .accumulate = true});

  std::fill_n(later, sources, T{0});
  T coverage_weight_part{0}, bias_part{0};
  for (int i = row.targets - 1; i >= 0; --i) {
    step_backward(sources, f.unbounded, *f.coverage_weight, args.dcoverage_loss[row.target + i], coverage + at(i),
                  weights + at(i), f.energy + row.weight + at(i), dz + at(i), later);
    for (int j = 0; j < sources; ++j) coverage_weight_part += dz[at(i) + j] * coverage[at(i) + j];
    for (int j = 0; j < sources; ++j) bias_part += dz[at(i) + j];
  }
  scratch.coverage_weight_part[r] = coverage_weight_part;
  scratch.bias_part[r] = bias_part;
}

/// The matrix products of one row. Every sink is written for every row: one without targets gets zeros from the empty
/// products.
template <class T>
void row_products_backward(Context& context, const CoverageAttentionBackward<T>& args, const Row& row, const T* dz) {
  const CoverageAttentionForward<T>& f = args.forward;
  const int d = f.query_columns, c = f.value_columns;
  if (args.dquery)
    gemm<T>(context, {.m = row.targets,
                      .n = d,
                      .k = row.sources,
                      .a = dz,
                      .lda = row.sources,
                      .b = f.keys + row.source * d,
                      .ldb = d,
                      .c = args.dquery.data + row.target * d,
                      .ldc = d,
                      .accumulate = args.dquery.accumulate});
  if (args.dkeys)
    gemm<T>(context, {.a_transposed = true,
                      .m = row.sources,
                      .n = d,
                      .k = row.targets,
                      .a = dz,
                      .lda = row.sources,
                      .b = f.query + row.target * d,
                      .ldb = d,
                      .c = args.dkeys.data + row.source * d,
                      .ldc = d,
                      .accumulate = args.dkeys.accumulate});
  if (args.dvalues)
    gemm<T>(context, {.a_transposed = true,
                      .m = row.sources,
                      .n = c,
                      .k = row.targets,
                      .a = f.weights + row.weight,
                      .lda = row.sources,
                      .b = args.dcontext + row.target * c,
                      .ldb = c,
                      .c = args.dvalues.data + row.source * c,
                      .ldc = c,
                      .accumulate = args.dvalues.accumulate});
}

template <class T> void add_parts(GradientSink<T> sink, const T* parts, int rows) {
  if (!sink) return;
  T sum{0};
  for (int r = 0; r < rows; ++r) sum += parts[r];
  *sink.data = (sink.accumulate ? *sink.data : T{0}) + sum;
}

}  // namespace

template <class T> void coverage_attention_forward(Cpu, Context& context, const CoverageAttentionForward<T>& args) {
  ArenaScope scratch(context.scratch);
  T* coverage = scratch.allocate<T>(args.layout.sources());
  context.pool.parallel_for(args.layout.rows(), [&](std::int64_t r) {
    const Row row = row_of(args.layout, static_cast<int>(r));
    row_forward(context, args, row, coverage + row.source);
  });
}

template <class T> void coverage_attention_backward(Cpu, Context& context, const CoverageAttentionBackward<T>& args) {
  const RowLayout& layout = args.forward.layout;
  ArenaScope scope(context.scratch);
  const BackwardScratch<T> scratch = allocate_scratch<T>(scope, layout);
  const bool energies = args.dquery || args.dkeys || args.dcoverage_weight || args.dbias;
  context.pool.parallel_for(layout.rows(), [&](std::int64_t index) {
    const int r = static_cast<int>(index);
    const Row row = row_of(layout, r);
    if (energies) row_energies_backward(context, args, row, r, scratch);
    row_products_backward(context, args, row, scratch.dz + row.weight);
  });
  add_parts(args.dcoverage_weight, scratch.coverage_weight_part, layout.rows());
  add_parts(args.dbias, scratch.bias_part, layout.rows());
}

template void coverage_attention_forward(Cpu, Context&, const CoverageAttentionForward<float>&);
template void coverage_attention_forward(Cpu, Context&, const CoverageAttentionForward<double>&);
template void coverage_attention_backward(Cpu, Context&, const CoverageAttentionBackward<float>&);
template void coverage_attention_backward(Cpu, Context&, const CoverageAttentionBackward<double>&);

}  // namespace ethreed
