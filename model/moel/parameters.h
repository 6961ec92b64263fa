#pragma once
// The parameters of MoEL.

#include "model/blocks/marked_table.h"
#include "model/blocks/transformer.h"
#include "model/moel/config.h"

#include <fmt/format.h>

#include <array>

namespace ethreed {

template <class Handle> struct MoelParameters {
  MarkedTable<Handle> table;
  TransformerHandles<Handle> context;
  Handle keys{};        ///< W_key [K, d]: emotion classifier and gate at once
  Handle projection{};  ///< P of the decoder [d, D_w]
  std::array<TransformerLayerHandles<Handle>, most_listeners> listeners;  ///< the first K
  TransformerLayerHandles<Handle> shared_listener;
  std::array<TransformerLayerHandles<Handle>, most_transformer_layers> meta_listener;
  NormHandles<Handle> norm;
  LinearHandles<Handle> output;
};

template <class Handle, class Visit>
void visit_parameters(const MoelConfig& c, MoelParameters<Handle>& p, Visit&& visit) {
  const int d = c.width();
  visit_table(visit, c.vocabulary, c.embedding, p.table);
  visit_transformer(visit, "context", c.transformer, c.embedding, false, p.context);
  visit_xavier(visit, "keys", c.emotion_classes, d, p.keys);
  visit_xavier(visit, "decoder.projection", d, c.embedding, p.projection);
  std::array<char, 32> path;
  for (int e = 0; e < c.emotion_classes; ++e) {
    const auto end = fmt::format_to_n(path.data(), path.size(), ".{}", e);
    visit_transformer_layer(visit, "listeners", std::string_view(path.data(), end.size), c.transformer, true,
                            p.listeners[static_cast<std::size_t>(e)]);
  }
  visit_transformer_layer(visit, "shared_listener", "", c.transformer, true, p.shared_listener);
  for (int l = 0; l < c.transformer.layers; ++l) {
    const auto end = fmt::format_to_n(path.data(), path.size(), ".layers.{}", l);
    visit_transformer_layer(visit, "meta_listener", std::string_view(path.data(), end.size), c.transformer, true,
                            p.meta_listener[static_cast<std::size_t>(l)]);
  }
  visit("decoder", ".norm.gamma", Shape{d}, InitialValues{.how = Initialisation::one}, p.norm.gamma);
  visit("decoder", ".norm.beta", Shape{d}, InitialValues{.how = Initialisation::zero}, p.norm.beta);
  visit_xavier_linear(visit, "output", c.vocabulary, d, p.output);
}

}  // namespace ethreed
