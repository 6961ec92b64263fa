#pragma once
// The parameters of KEMP and its ablations.

#include "model/blocks/marked_table.h"
#include "model/kemp/config.h"

#include <fmt/format.h>

namespace ethreed {

/// Marks beside those of every context: rows of the same table.
enum KempMark : std::int32_t {
  mark_kg = mark_count,  ///< state of what stands behind a context
  mark_sep,              ///< the first word there
  kemp_mark_count
};

/// Handles of parameters that a variant does not have stay unset.
template <class Handle> struct KempParameters {
  MarkedTable<Handle> table;
  Handle knowledge{};  ///< numbers of the user's files [V, knowledge_width]: no gradient (knowledge_table)
  LinearHandles<Handle> query, keys, values, output_of_graph;  ///< W_q, W_k, W_v, W_o [D_w, D_w]; b_k unset if strict
  NormHandles<Handle> graph_norm;
  TransformerHandles<Handle> context;
  Handle classifier{};          ///< W [K, d]
  LinearHandles<Handle> start;  ///< W_s [D_w, K], b_s: what the decoder reads in place of SOS
  TransformerHandles<Handle> decoder;
  LinearHandles<Handle> output;
  LinearHandles<Handle> copy_gate;  ///< w [1, d], b: how much of a word is generated, before the σ
};

template <class Handle, class Visit>
void visit_parameters(const KempConfig& c, KempParameters<Handle>& p, Visit&& visit) {
  const int d = c.width(), width = c.embedding;
  const auto layer = [&](std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
    visit_xavier_linear(visit, prefix, out, in, h);
  };
  visit_table(visit, c.vocabulary, width, p.table, kemp_mark_count);
  if (c.has_knowledge())
    visit("knowledge", ".words", Shape{c.vocabulary, c.knowledge_width()},
          InitialValues{.how = Initialisation::from_data}, p.knowledge);
  if (c.has_graph()) {
    layer("graph.query", width, width, p.query);
    if (c.graph_mask == GraphMask::zero)
      layer("graph.keys", width, width, p.keys);
    else  // a bias would add the same to all edges of a word, which a softmax over these does not see
      visit_xavier(visit, "graph.keys", width, width, p.keys.weight);
    layer("graph.values", width, width, p.values);
    layer("graph.output", width, width, p.output_of_graph);
    visit("graph", ".norm.gamma", Shape{width}, InitialValues{.how = Initialisation::one}, p.graph_norm.gamma);
    visit("graph", ".norm.beta", Shape{width}, InitialValues{.how = Initialisation::zero}, p.graph_norm.beta);
  }
  visit_transformer(visit, "context", c.transformer, width, false, p.context);
  visit_xavier(visit, "classifier", c.emotion_classes, d, p.classifier);
  layer("start", width, c.emotion_classes, p.start);
  visit_transformer(visit, "decoder", c.transformer, width, true, p.decoder);
  if (c.has_fusion())
    for (int l = 0; l < c.transformer.layers; ++l) {
      std::array<char, 32> name;
      const auto end = fmt::format_to_n(name.data(), name.size(), "decoder.fusion.{}", l);
      visit_xavier(visit, std::string_view(name.data(), end.size), d, 2 * d,
                   p.decoder.layers[static_cast<std::size_t>(l)].source_fusion);
    }
  layer("output", c.vocabulary, d, p.output);
  if (c.copy) layer("copy_gate", 1, d, p.copy_gate);
}

}  // namespace ethreed
