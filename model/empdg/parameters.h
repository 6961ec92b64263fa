#pragma once
// The parameters of EmpDG's generator.

#include "model/blocks/marked_table.h"
#include "model/blocks/transformer.h"
#include "model/empdg/config.h"

namespace ethreed {

template <class Handle> struct EmpdgParameters {
  MarkedTable<Handle> table;
  Handle label_mark{};  ///< E[LAB] [1, D_w], the first position of every emotion context
  Handle plain{};       ///< [V, 1] 0 for an emotion word, 1 for every other: numbers of the data, no gradient
  TransformerHandles<Handle> context, emotion;
  Handle classifier{};          ///< W [K, 2d]
  LinearHandles<Handle> start;  ///< W_s [D_w, K], b_s: the logits to what the decoder reads first
  TransformerHandles<Handle> decoder;
  LinearHandles<Handle> output;
  LinearHandles<Handle> copy_gate;  ///< w [1, d], b; unset where nothing is copied
};

template <class Handle, class Visit>
void visit_parameters(const EmpdgConfig& c, EmpdgParameters<Handle>& p, Visit&& visit) {
  const int d = c.width();
  visit_table(visit, c.vocabulary, c.embedding, p.table);
  constexpr int narrow = 3333;  // as the other marks: see visit_table
  visit("label_mark", ".weight", Shape{1, c.embedding}, InitialValues{.fan_in = narrow}, p.label_mark);
  visit("emotion_words", ".plain", Shape{c.vocabulary, 1}, InitialValues{.how = Initialisation::from_data}, p.plain);
  visit_transformer(visit, "context", c.transformer, c.embedding, false, p.context);
  visit_transformer(visit, "emotion", c.transformer, c.embedding, false, p.emotion);
  visit_xavier(visit, "classifier", c.emotion_classes, 2 * d, p.classifier);
  visit_xavier_linear(visit, "start", c.embedding, c.emotion_classes, p.start);
  visit_transformer(visit, "decoder", c.transformer, c.embedding, true, p.decoder);
  visit_xavier_linear(visit, "output", c.vocabulary, d, p.output);
  if (c.copy) visit_xavier_linear(visit, "copy_gate", 1, d, p.copy_gate);
}

}  // namespace ethreed
