#pragma once
// The parameters of a pretrained encoder: as handles for a forward pass, as one block, and as the tensors of its file.

#include "model/blocks/parameters.h"
#include "model/blocks/transformer.h"
#include "model/encoders/encoder_config.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// What stands on the encoder.
enum class EncoderHead {
  none,
  pooler,     ///< tanh(W_p x_0 + b_p); DistilBERT has none
  classifier  ///< one label a text; with BERT the pooler is a part of it
};

/// Query, keys and values are one product: [3d, d] and [3d], in this order.
template <class Handle> struct EncoderLayerHandles {
  LinearHandles<Handle> query_key_value, output;
  NormHandles<Handle> attention_norm;
  LinearHandles<Handle> inner, outer;
  NormHandles<Handle> output_norm;
};

/// `dense` is the classifier's own layer before the last one: of all families but BERT.
template <class Handle> struct EncoderHandles {
  Handle words{}, positions{}, types{};
  NormHandles<Handle> norm;
  std::span<EncoderLayerHandles<Handle>> layers;
  Handle distances{};  ///< [32, heads], of all layers
  LinearHandles<Handle> pooler, dense, classifier;
};

enum class EncoderPart {
  words,
  positions,
  types,
  embedding_norm,
  query_key_value,
  attention_output,
  attention_norm,
  inner,
  outer,
  output_norm,
  distances,
  pooler,
  dense,
  classifier
};
/// A parameter of the block: a table, or the weight or bias of a part; `layer` is −1 outside of layers.
struct EncoderParameter {
  EncoderPart part;
  int layer = -1;
  bool bias = false;
};

/// Calls visit(EncoderParameter, shape, handle) for every parameter in the order of the block. `h.layers` must have
/// config.layers entries.
template <class Handle, class Visit>
void visit_encoder(const EncoderConfig& config, EncoderHead head, EncoderHandles<Handle>& h, Visit&& visit) {
  using Part = EncoderPart;
  const int d = config.width;
  const auto linear_part = [&](Part part, int layer, int out, int in, LinearHandles<Handle>& x) {
    visit(EncoderParameter{part, layer, false}, Shape{out, in}, x.weight);
    visit(EncoderParameter{part, layer, true}, Shape{out}, x.bias);
  };
  const auto norm_part = [&](Part part, int layer, NormHandles<Handle>& x) {
    visit(EncoderParameter{part, layer, false}, Shape{d}, x.gamma);
    visit(EncoderParameter{part, layer, true}, Shape{d}, x.beta);
  };
  visit(EncoderParameter{Part::words}, Shape{config.vocabulary, d}, h.words);
  visit(EncoderParameter{Part::positions}, Shape{config.positions, d}, h.positions);
  if (config.types > 0) visit(EncoderParameter{Part::types}, Shape{config.types, d}, h.types);
  norm_part(Part::embedding_norm, -1, h.norm);
  for (int l = 0; l < config.layers; ++l) {
    EncoderLayerHandles<Handle>& layer = h.layers[static_cast<std::size_t>(l)];
    linear_part(Part::query_key_value, l, 3 * d, d, layer.query_key_value);
    linear_part(Part::attention_output, l, d, d, layer.output);
    norm_part(Part::attention_norm, l, layer.attention_norm);
    linear_part(Part::inner, l, config.inner, d, layer.inner);
    linear_part(Part::outer, l, d, config.inner, layer.outer);
    norm_part(Part::output_norm, l, layer.output_norm);
  }
  if (config.distances > 0)
    visit(EncoderParameter{Part::distances}, Shape{config.distances, config.heads}, h.distances);
  const bool classifies = head == EncoderHead::classifier, pools = config.family == EncoderFamily::bert;
  if (head == EncoderHead::pooler || (classifies && pools)) linear_part(Part::pooler, -1, d, d, h.pooler);
  if (classifies && !pools) linear_part(Part::dense, -1, d, d, h.dense);
  if (classifies) linear_part(Part::classifier, -1, count_of(config.labels), d, h.classifier);
}

/// A tensor of the file and its place in the block.
struct EncoderTensor {
  std::string name;        ///< without the family's prefix
  std::string older_name;  ///< that early files have in its place; empty: none
  bool prefixed = true;    ///< heads for classification never have the prefix
  Shape shape;
  std::int64_t offset = 0;  ///< elements
};

struct EncoderLayout {
  EncoderConfig config;
  EncoderHead head = EncoderHead::none;
  ParameterLayout block;  ///< query, keys and values as one entry
  std::vector<EncoderTensor> tensors;
};
/// Throws Error for a pooler of DistilBERT, which has none.
EncoderLayout encoder_layout(const EncoderConfig& config, EncoderHead head);

/// Handles over a block of values and one of gradients, null where the tape does not record. Allocates in the arena of
/// the step only.
template <class T>
EncoderHandles<Variable<T>> bind_encoder(Tape<T>& tape, const EncoderLayout& layout, T* values, T* gradients);

/// Starts a new head for classification in the block: weights N(0, 0.02²), biases 0. The numbers depend on the seed and
/// the parameter's name alone. The pooler, where it is a part of the head, is left as it is.
template <class T> void start_classifier(const EncoderLayout& layout, std::uint64_t seed, T* block);

}  // namespace ethreed
