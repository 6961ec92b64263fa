#pragma once
// The transformer blocks of the comparison systems (MoEL, MIME, EmpDG, KEMP), which differ from those of Vaswani et al.
// ("Attention is all you need", NeurIPS 2017): layer norm by the unbiased deviation and before each sublayer, keys and
// values narrower than the model, a feed-forward part of two convolutions over time with a ReLU after both, sines and
// cosines of the position side by side. Rows of ragged sequences stand one behind the other: `offsets` [S + 1] tells
// where each begins. There are no pads: beyond the ends of a sequence a convolution reads zeros.

#include "autograd/functions/attention_function.h"
#include "core/error.h"
#include "core/indices.h"
#include "model/blocks/parameters.h"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <string_view>

namespace ethreed {

/// Defaults are those of the systems' published commands.
struct TransformerSizes {
  int width = 300;  ///< d, of every row
  int heads = 2;    ///< H; divides depth
  int depth = 40;   ///< width of queries, keys and values, all heads together
  int inner = 50;   ///< f, between the two convolutions
  int layers = 1;   ///< 1 to most_transformer_layers
};
inline constexpr int most_transformer_layers = 6;
inline constexpr int transformer_kernel = 3;  ///< width of the convolutions

template <class Handle> struct NormHandles { Handle gamma{}, beta{}; };
/// No biases: query, keys, values [depth, d], output [d, depth].
template <class Handle> struct HeadHandles { Handle query{}, keys{}, values{}, output{}; };
/// Two convolutions: inner [f, 3·d], outer [d, 3·f]; blocks of columns are the neighbours from left to right.
template <class Handle> struct FeedForwardHandles { LinearHandles<Handle> inner, outer; };

template <class Handle> struct TransformerLayerHandles {
  NormHandles<Handle> norm_self, norm_source, norm_feed_forward;
  HeadHandles<Handle> self, source;  ///< `source` and its norm: of a decoder's layer
  Handle source_fusion{};            ///< W [d, 2d], no bias, of KEMP's decoder; its visitor lists it
  FeedForwardHandles<Handle> feed_forward;
};

/// An encoder, or a decoder, whose layers attend to a source, too.
template <class Handle> struct TransformerHandles {
  Handle projection{};  ///< P [d, input], no bias
  std::array<TransformerLayerHandles<Handle>, most_transformer_layers> layers{};
  NormHandles<Handle> norm;
};

/// Lists the parameters of a layer, whose names begin with the prefix and `path` (".layers.0", or nothing); `source`:
/// of a decoder. Matrices start as Xavier has it (a convolution's fans count its kernel), biases as U(±1/√fan_in),
/// gamma 1, beta 0.
template <class Handle, class Visit>
void visit_transformer_layer(Visit& visit, std::string_view prefix, std::string_view path,
                             const TransformerSizes& sizes, bool source, TransformerLayerHandles<Handle>& layer) {
  const auto xavier = [](int in, int out) {
    return InitialValues{.how = Initialisation::xavier, .fan_in = in, .fan_out = out};
  };
  const int d = sizes.width, kernel = transformer_kernel;
  std::array<char, 64> name;
  const auto visit_part = [&](std::string_view part, const Shape& shape, const InitialValues& start, Handle& handle) {
    const auto end = fmt::format_to_n(name.data(), name.size(), "{}.{}", path, part);
    visit(prefix, std::string_view(name.data(), end.size), shape, start, handle);
  };
  const auto norm = [&](std::string_view gamma, std::string_view beta, NormHandles<Handle>& n) {
    visit_part(gamma, Shape{d}, {.how = Initialisation::one}, n.gamma);
    visit_part(beta, Shape{d}, {.how = Initialisation::zero}, n.beta);
  };
  const auto heads = [&](std::array<std::string_view, 4> names, HeadHandles<Handle>& n) {
    visit_part(names[0], Shape{sizes.depth, d}, xavier(d, sizes.depth), n.query);
    visit_part(names[1], Shape{sizes.depth, d}, xavier(d, sizes.depth), n.keys);
    visit_part(names[2], Shape{sizes.depth, d}, xavier(d, sizes.depth), n.values);
    visit_part(names[3], Shape{d, sizes.depth}, xavier(sizes.depth, d), n.output);
  };
  const auto convolution = [&](std::string_view weight, std::string_view bias, int out, int in,
                               LinearHandles<Handle>& n) {
    visit_part(weight, Shape{out, kernel * in}, xavier(kernel * in, kernel * out), n.weight);
    visit_part(bias, Shape{out}, {.fan_in = kernel * in}, n.bias);
  };
  norm("norm_self.gamma", "norm_self.beta", layer.norm_self);
  heads({"self.query", "self.keys", "self.values", "self.output"}, layer.self);
  if (source) {
    norm("norm_source.gamma", "norm_source.beta", layer.norm_source);
    heads({"source.query", "source.keys", "source.values", "source.output"}, layer.source);
  }
  norm("norm_feed_forward.gamma", "norm_feed_forward.beta", layer.norm_feed_forward);
  convolution("feed_forward.inner.weight", "feed_forward.inner.bias", sizes.inner, d, layer.feed_forward.inner);
  convolution("feed_forward.outer.weight", "feed_forward.outer.bias", d, sizes.inner, layer.feed_forward.outer);
}

/// Lists the parameters of an encoder that reads rows of `input` numbers, or of a decoder (`source`).
template <class Handle, class Visit>
void visit_transformer(Visit& visit, std::string_view prefix, const TransformerSizes& sizes, int input, bool source,
                       TransformerHandles<Handle>& h) {
  const int d = sizes.width;
  visit(prefix, ".projection.weight", Shape{d, input},
        InitialValues{.how = Initialisation::xavier, .fan_in = input, .fan_out = d}, h.projection);
  std::array<char, 32> path;
  for (int l = 0; l < sizes.layers; ++l) {
    const auto end = fmt::format_to_n(path.data(), path.size(), ".layers.{}", l);
    visit_transformer_layer(visit, prefix, std::string_view(path.data(), end.size), sizes, source,
                            h.layers[static_cast<std::size_t>(l)]);
  }
  visit(prefix, ".norm.gamma", Shape{d}, InitialValues{.how = Initialisation::one}, h.norm.gamma);
  visit(prefix, ".norm.beta", Shape{d}, InitialValues{.how = Initialisation::zero}, h.norm.beta);
}

/// Throws Error naming what is out of range.
void check_transformer(const TransformerSizes& sizes);

/// The place t of every row in its sequence, as sines and cosines: [rows, width], a constant.
///   TS[t, i] = sin(t ω_i),  TS[t, width/2 + i] = cos(t ω_i),  ω_i = 10000^{−i/(width/2 − 1)},  i < width/2
/// Throws Error unless width is even and at least 4.
template <class T> Variable<T> timing_signal(Tape<T>& tape, Indices offsets, int width);

/// LN of x, γ and β by the unbiased deviation, ε = 1e-6 added to it.
template <class T> Variable<T> transformer_norm(Tape<T>& tape, const NormHandles<Variable<T>>& h, Variable<T> x);

/// [x_1 ; x_2 ; …] P + timing, P without a bias: [rows, d], what the first layer reads.
template <class T>
Variable<T> transformer_input(Tape<T>& tape, const TransformerSizes& sizes, Variable<T> projection, Indices offsets,
                              std::initializer_list<Variable<T>> x);

/// transformer_input, then for each layer x ← x + MHA(LN x) and x ← x + FFN(LN x), then LN: [rows, d].
template <class T>
Variable<T> transformer_encoder(Tape<T>& tape, const TransformerSizes& sizes,
                                const TransformerHandles<Variable<T>>& handles, Indices offsets,
                                std::initializer_list<Variable<T>> x);

template <class T> struct TransformerDecoded {
  Variable<T> states;  ///< [target rows, d]
  Variable<T> mean;    ///< of the last layer's attention to the source, as `mean_of` says; absent if not asked for
};

/// One layer of a decoder over rows [target rows, d]: x ← x + MHA(LN x), causal: row i of a target may see rows 0 … i;
/// x ← x + MHA(LN x, source), whose keys and values come from the rows of `source` [source rows, d] as it is;
/// x ← x + FFN(LN x), whose convolutions are causal, too. With `beside` [target rows, d] the attention to the source
/// adds W [MHA(LN x, source) ; beside] in place of its output, W the layer's source_fusion.
template <class T>
TransformerDecoded<T> transformer_decoder_layer(Tape<T>& tape, const TransformerSizes& sizes,
                                                const TransformerLayerHandles<Variable<T>>& layer,
                                                Indices target_offsets, Variable<T> rows, Indices source_offsets,
                                                Variable<T> source, AttentionMean mean_of = AttentionMean::none,
                                                Variable<T> beside = {});

/// transformer_input, the layers and LN over targets.
template <class T>
TransformerDecoded<T> transformer_decoder(Tape<T>& tape, const TransformerSizes& sizes,
                                          const TransformerHandles<Variable<T>>& handles, Indices target_offsets,
                                          std::initializer_list<Variable<T>> x, Indices source_offsets,
                                          Variable<T> source, AttentionMean mean_of = AttentionMean::none,
                                          Variable<T> beside = {});

}  // namespace ethreed
