#include "model/blocks/transformer.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/layer_norm_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/time_windows_function.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

// What attention goes over, and whether causal.
struct Reach {
  Indices queries, keys;
  bool causal = false;
  AttentionMean mean_of = AttentionMean::none;
};

template <class T>
Attention<T> multi_head(Tape<T>& tape, const TransformerSizes& sizes, const HeadHandles<Variable<T>>& h,
                        const Reach& reach, Variable<T> query, Variable<T> source) {
  const int width = sizes.depth / sizes.heads;
  Attention<T> out =
      attention<T>(tape,
                   {.query_offsets = reach.queries,
                    .key_offsets = reach.keys,
                    .heads = sizes.heads,
                    .key_width = width,
                    .value_width = width,
                    .scale = 1 / std::sqrt(static_cast<double>(width)),
                    .causal = reach.causal,
                    .mean_of = reach.mean_of},
                   {linear(tape, {query}, h.query, Variable<T>{})}, {linear(tape, {source}, h.keys, Variable<T>{})},
                   {linear(tape, {source}, h.values, Variable<T>{})});
  out.output = linear(tape, {out.output}, h.output, Variable<T>{});
  return out;
}

// Two convolutions, a ReLU after both. Causal: a row reads itself and the two before it.
template <class T>
Variable<T> feed_forward(Tape<T>& tape, const FeedForwardHandles<Variable<T>>& h, Indices offsets, bool causal,
                         Variable<T> x) {
  const int left = causal ? transformer_kernel - 1 : 1;
  const auto convolution = [&](const LinearHandles<Variable<T>>& layer, Variable<T> rows) {
    return relu(tape,
                linear(tape, {time_windows(tape, offsets, rows, transformer_kernel, left)}, layer.weight, layer.bias));
  };
  return convolution(h.outer, convolution(h.inner, x));
}

}  // namespace

void check_transformer(const TransformerSizes& sizes) {
  ETHREED_CHECK(sizes.width >= 4 && sizes.width % 2 == 0, "transformer: width is {}, wanted an even number from 4 on",
                sizes.width);
  ETHREED_CHECK(sizes.heads >= 1 && sizes.depth >= 1 && sizes.depth % sizes.heads == 0,
                "transformer: depth is {}, wanted a multiple of heads, {}", sizes.depth, sizes.heads);
  ETHREED_CHECK(sizes.inner >= 1, "transformer: inner is {}, wanted 1 at least", sizes.inner);
  ETHREED_CHECK(sizes.layers >= 1 && sizes.layers <= most_transformer_layers,
                "transformer: layers is {}, wanted 1 to {}", sizes.layers, most_transformer_layers);
}

template <class T> Variable<T> timing_signal(Tape<T>& tape, Indices offsets, int width) {
  ETHREED_CHECK(width >= 4 && width % 2 == 0, "timing_signal: width is {}, wanted an even number from 4 on", width);
  ETHREED_CHECK(!offsets.empty() && offsets[0] == 0, "timing_signal: offsets must begin with 0");
  const Context& context = tape.context();
  const int rows = offsets.back(), half = width / 2;
  const std::int64_t count = std::int64_t{rows} * width;
  T* signal = context.arena.allocate<T>(count);
  int longest = 0;
  for (int s = 0; s + 1 < offsets.size(); ++s) {
    ETHREED_CHECK(offsets[s + 1] >= offsets[s], "timing_signal: offsets decrease after entry {}", s);
    longest = std::max(longest, offsets[s + 1] - offsets[s]);
  }
  // Position by position, turned by ω each time: a sine and a cosine for every ω, not for every row.
  double* angles = context.arena.allocate<double>(4 * std::int64_t{half});
  double *sine = angles, *cosine = angles + half, *step_sine = angles + 2 * half, *step_cosine = angles + 3 * half;
  for (int i = 0; i < half; ++i) {
    const double omega = std::pow(10000.0, -static_cast<double>(i) / (half - 1));
    sine[i] = 0;
    cosine[i] = 1;
    step_sine[i] = std::sin(omega);
    step_cosine[i] = std::cos(omega);
  }
  for (int t = 0; t < longest; ++t) {
    for (int s = 0; s + 1 < offsets.size(); ++s) {
      if (offsets[s] + t >= offsets[s + 1]) continue;
      T* row = signal + std::int64_t{offsets[s] + t} * width;
      for (int i = 0; i < half; ++i) row[i] = static_cast<T>(sine[i]);
      for (int i = 0; i < half; ++i) row[half + i] = static_cast<T>(cosine[i]);
    }
    for (int i = 0; i < half; ++i) {
      const double turned = sine[i] * step_cosine[i] + cosine[i] * step_sine[i];
      cosine[i] = cosine[i] * step_cosine[i] - sine[i] * step_sine[i];
      sine[i] = turned;
    }
  }
  return tape.constant(View<const T>(context.to_device(signal, count), {rows, width}));
}

template <class T> Variable<T> transformer_norm(Tape<T>& tape, const NormHandles<Variable<T>>& h, Variable<T> x) {
  return layer_norm(tape, x, h.gamma, h.beta, LayerNormForm::unbiased, 1e-6);
}

template <class T>
Variable<T> transformer_input(Tape<T>& tape, const TransformerSizes& sizes, Variable<T> projection, Indices offsets,
                              std::initializer_list<Variable<T>> x) {
  return add(tape, linear(tape, x, projection, Variable<T>{}), timing_signal(tape, offsets, sizes.width));
}

template <class T>
Variable<T> transformer_encoder(Tape<T>& tape, const TransformerSizes& sizes,
                                const TransformerHandles<Variable<T>>& handles, Indices offsets,
                                std::initializer_list<Variable<T>> x) {
  Variable<T> rows = transformer_input(tape, sizes, handles.projection, offsets, x);
  for (int l = 0; l < sizes.layers; ++l) {
    const auto& layer = handles.layers[static_cast<std::size_t>(l)];
    const Variable<T> normed = transformer_norm(tape, layer.norm_self, rows);
    rows = add(tape, rows, multi_head<T>(tape, sizes, layer.self, {offsets, offsets}, normed, normed).output);
    rows = add(
        tape, rows,
        feed_forward(tape, layer.feed_forward, offsets, false, transformer_norm(tape, layer.norm_feed_forward, rows)));
  }
  return transformer_norm(tape, handles.norm, rows);
}

template <class T>
TransformerDecoded<T> transformer_decoder_layer(Tape<T>& tape, const TransformerSizes& sizes,
                                                const TransformerLayerHandles<Variable<T>>& layer,
                                                Indices target_offsets, Variable<T> rows, Indices source_offsets,
                                                Variable<T> source, AttentionMean mean_of, Variable<T> beside) {
  const Variable<T> normed = transformer_norm(tape, layer.norm_self, rows);
  rows = add(tape, rows,
             multi_head<T>(tape, sizes, layer.self, {target_offsets, target_offsets, true}, normed, normed).output);
  const Attention<T> looked = multi_head<T>(tape, sizes, layer.source, {target_offsets, source_offsets, false, mean_of},
                                            transformer_norm(tape, layer.norm_source, rows), source);
  rows = add(tape, rows,
             beside ? linear(tape, {looked.output, beside}, layer.source_fusion, Variable<T>{}) : looked.output);
  const Variable<T> fed = feed_forward(tape, layer.feed_forward, target_offsets, true,
                                       transformer_norm(tape, layer.norm_feed_forward, rows));
  return {.states = add(tape, rows, fed), .mean = looked.mean};
}

template <class T>
TransformerDecoded<T> transformer_decoder(Tape<T>& tape, const TransformerSizes& sizes,
                                          const TransformerHandles<Variable<T>>& handles, Indices target_offsets,
                                          std::initializer_list<Variable<T>> x, Indices source_offsets,
                                          Variable<T> source, AttentionMean mean_of, Variable<T> beside) {
  TransformerDecoded<T> out{.states = transformer_input(tape, sizes, handles.projection, target_offsets, x)};
  for (int l = 0; l < sizes.layers; ++l)
    out = transformer_decoder_layer(tape, sizes, handles.layers[static_cast<std::size_t>(l)], target_offsets,
                                    out.states, source_offsets, source,
                                    l + 1 == sizes.layers ? mean_of : AttentionMean::none, beside);
  out.states = transformer_norm(tape, handles.norm, out.states);
  return out;
}

#define ETHREED_INSTANTIATE(T)                                                                                        \
  template Variable<T> timing_signal(Tape<T>&, Indices, int);                                                         \
  template Variable<T> transformer_norm(Tape<T>&, const NormHandles<Variable<T>>&, Variable<T>);                      \
  template Variable<T> transformer_input(Tape<T>&, const TransformerSizes&, Variable<T>, Indices,                     \
                                         std::initializer_list<Variable<T>>);                                         \
  template TransformerDecoded<T> transformer_decoder_layer(                                                           \
      Tape<T>&, const TransformerSizes&, const TransformerLayerHandles<Variable<T>>&, Indices, Variable<T>, Indices,  \
      Variable<T>, AttentionMean, Variable<T>);                                                                       \
  template Variable<T> transformer_encoder(Tape<T>&, const TransformerSizes&, const TransformerHandles<Variable<T>>&, \
                                           Indices, std::initializer_list<Variable<T>>);                              \
  template TransformerDecoded<T> transformer_decoder(                                                                 \
      Tape<T>&, const TransformerSizes&, const TransformerHandles<Variable<T>>&, Indices,                             \
      std::initializer_list<Variable<T>>, Indices, Variable<T>, AttentionMean, Variable<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
