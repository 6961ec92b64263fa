#include "model/encoders/encoder_parameters.h"

#include "core/error.h"
#include "core/hash.h"
#include "model/blocks/random_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ethreed {

namespace {

// Names of a part's tensors, without ".weight" and ".bias"; {} is the layer.
struct PartName {
  EncoderPart part;
  std::array<std::string_view, 3> names;
};

constexpr std::array usual_names{
    PartName{EncoderPart::words, {"embeddings.word_embeddings"}},
    PartName{EncoderPart::positions, {"embeddings.position_embeddings"}},
    PartName{EncoderPart::types, {"embeddings.token_type_embeddings"}},
    PartName{EncoderPart::embedding_norm, {"embeddings.LayerNorm"}},
    PartName{EncoderPart::query_key_value,
             {"encoder.layer.{}.attention.self.query", "encoder.layer.{}.attention.self.key",
              "encoder.layer.{}.attention.self.value"}},
    PartName{EncoderPart::attention_output, {"encoder.layer.{}.attention.output.dense"}},
    PartName{EncoderPart::attention_norm, {"encoder.layer.{}.attention.output.LayerNorm"}},
    PartName{EncoderPart::inner, {"encoder.layer.{}.intermediate.dense"}},
    PartName{EncoderPart::outer, {"encoder.layer.{}.output.dense"}},
    PartName{EncoderPart::output_norm, {"encoder.layer.{}.output.LayerNorm"}},
    PartName{EncoderPart::pooler, {"pooler.dense"}},
};
constexpr std::array distilbert_names{
    PartName{EncoderPart::query_key_value,
             {"transformer.layer.{}.attention.q_lin", "transformer.layer.{}.attention.k_lin",
              "transformer.layer.{}.attention.v_lin"}},
    PartName{EncoderPart::attention_output, {"transformer.layer.{}.attention.out_lin"}},
    PartName{EncoderPart::attention_norm, {"transformer.layer.{}.sa_layer_norm"}},
    PartName{EncoderPart::inner, {"transformer.layer.{}.ffn.lin1"}},
    PartName{EncoderPart::outer, {"transformer.layer.{}.ffn.lin2"}},
    PartName{EncoderPart::output_norm, {"transformer.layer.{}.output_layer_norm"}},
    PartName{EncoderPart::dense, {"pre_classifier"}},
    PartName{EncoderPart::classifier, {"classifier"}},
};
constexpr std::array roberta_names{
    PartName{EncoderPart::dense, {"classifier.dense"}},
    PartName{EncoderPart::classifier, {"classifier.out_proj"}},
};
constexpr std::array mpnet_names{
    PartName{EncoderPart::query_key_value,
             {"encoder.layer.{}.attention.attn.q", "encoder.layer.{}.attention.attn.k",
              "encoder.layer.{}.attention.attn.v"}},
    PartName{EncoderPart::attention_output, {"encoder.layer.{}.attention.attn.o"}},
    PartName{EncoderPart::attention_norm, {"encoder.layer.{}.attention.LayerNorm"}},
    PartName{EncoderPart::distances, {"encoder.relative_attention_bias"}},
    PartName{EncoderPart::dense, {"classifier.dense"}},
    PartName{EncoderPart::classifier, {"classifier.out_proj"}},
};
constexpr std::array bert_names{PartName{EncoderPart::classifier, {"classifier"}}};

const PartName* find(std::span<const PartName> names, EncoderPart part) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const PartName& n) { return n.part == part; });
  return found == names.end() ? nullptr : &*found;
}

const PartName& names_of(EncoderFamily family, EncoderPart part) {
  std::span<const PartName> own = bert_names;
  if (family == EncoderFamily::distilbert) own = distilbert_names;
  if (family == EncoderFamily::roberta) own = roberta_names;
  if (family == EncoderFamily::mpnet) own = mpnet_names;
  const PartName* found = find(own, part);
  if (found == nullptr) found = find(usual_names, part);
  ETHREED_CHECK(found != nullptr, "encoder_layout: a part of {} has no name", name_of(family));
  return *found;
}

bool is_norm(EncoderPart part) {
  return part == EncoderPart::embedding_norm || part == EncoderPart::attention_norm || part == EncoderPart::output_norm;
}
bool is_head(EncoderPart part) { return part == EncoderPart::dense || part == EncoderPart::classifier; }

// The tensors of a parameter lie one behind the other in the block.
void add_parameter(EncoderLayout& layout, const EncoderParameter& parameter, const Shape& shape) {
  const PartName& names = names_of(layout.config.family, parameter.part);
  const std::string_view end = parameter.bias ? ".bias" : ".weight";
  const int parts = names.names[1].empty() ? 1 : count_of(names.names);
  const auto whole = [&](std::string_view pattern) { return fmt::format(fmt::runtime(pattern), parameter.layer); };
  const std::string first = whole(names.names[0]);
  layout.block.add((parts == 1 ? first : fmt::format("layer.{}.query_key_value", parameter.layer)) + std::string(end),
                   shape, {.how = Initialisation::zero});
  std::int64_t offset = layout.block.entries().back().offset;
  const Shape part = shape.rank() == 2 ? Shape{shape[0] / parts, shape[1]} : Shape{shape[0] / parts};
  for (int p = 0; p < parts; ++p) {
    const std::string name = whole(names.names[static_cast<std::size_t>(p)]);
    layout.tensors.push_back({.name = name + std::string(end),
                              .older_name = is_norm(parameter.part) ? name + (parameter.bias ? ".beta" : ".gamma") : "",
                              .prefixed = !is_head(parameter.part),
                              .shape = part,
                              .offset = offset});
    offset += part.count();
  }
}

}  // namespace

EncoderLayout encoder_layout(const EncoderConfig& config, EncoderHead head) {
  ETHREED_CHECK(head != EncoderHead::pooler || config.family != EncoderFamily::distilbert,
                "a pooler is wanted of {}, which has none", name_of(config.family));
  EncoderLayout layout{.config = config, .head = head};
  std::vector<EncoderLayerHandles<char>> layers(static_cast<std::size_t>(config.layers));
  EncoderHandles<char> handles{.layers = layers};
  visit_encoder(config, head, handles, [&](const EncoderParameter& parameter, const Shape& shape, char&) {
    add_parameter(layout, parameter, shape);
  });
  return layout;
}

template <class T>
EncoderHandles<Variable<T>> bind_encoder(Tape<T>& tape, const EncoderLayout& layout, T* values, T* gradients) {
  const ParameterHandles<T> bound = bind_parameters(tape, layout.block, values, gradients);
  const int layers = layout.config.layers;
  auto* memory = tape.context().arena.template allocate<EncoderLayerHandles<Variable<T>>>(layers);
  std::uninitialized_fill_n(memory, layers, EncoderLayerHandles<Variable<T>>{});
  EncoderHandles<Variable<T>> handles{.layers = {memory, static_cast<std::size_t>(layers)}};
  std::size_t next = 0;
  visit_encoder(layout.config, layout.head, handles,
                [&](const EncoderParameter&, const Shape&, Variable<T>& handle) { handle = bound[next++]; });
  return handles;
}

template <class T> void start_classifier(const EncoderLayout& layout, std::uint64_t seed, T* block) {
  constexpr double deviation = 0.02;
  for (const EncoderTensor& tensor : layout.tensors) {
    if (tensor.prefixed) continue;
    const PhiloxStream random = random_stream(seed, Draw::initialisation, Fingerprint().add(tensor.name).value());
    T* const values = block + tensor.offset;
    for (std::int64_t i = 0; i < tensor.shape.count(); ++i)
      values[i] =
          tensor.shape.rank() == 1 ? T{0} : static_cast<T>(deviation * random.normal(static_cast<std::uint64_t>(i)));
  }
}

template EncoderHandles<Variable<float>> bind_encoder(Tape<float>&, const EncoderLayout&, float*, float*);
template EncoderHandles<Variable<double>> bind_encoder(Tape<double>&, const EncoderLayout&, double*, double*);
template void start_classifier(const EncoderLayout&, std::uint64_t, float*);
template void start_classifier(const EncoderLayout&, std::uint64_t, double*);

}  // namespace ethreed
