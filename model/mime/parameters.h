#pragma once
// The parameters of MIME.

#include "model/blocks/marked_table.h"
#include "model/mime/config.h"

#include <array>

namespace ethreed {

/// Of the positive and of the negative group.
enum MimeGroup : std::size_t { group_positive, group_negative };
template <class X> using BothGroups = std::array<X, 2>;
/// Its place in BothGroups.
constexpr MimeGroup group_of(bool positive) { return positive ? group_positive : group_negative; }

/// λ of the negative group stays unset where it is that of the positive one.
template <class Handle> struct GaussianHandles { LinearHandles<Handle> mean, log_variance; };

template <class Handle> struct MimeParameters {
  MarkedTable<Handle> table;
  TransformerHandles<Handle> context;
  Handle emotions{};    ///< E_E [K, d]
  Handle classifier{};  ///< W_E [d, d]
  LinearHandles<Handle> prior_hidden;
  BothGroups<GaussianHandles<Handle>> prior;
  BothGroups<LinearHandles<Handle>> posterior_hidden;
  BothGroups<GaussianHandles<Handle>> posterior;
  BothGroups<LinearHandles<Handle>> choice;           ///< W_g, b_g: z_g to the emotions of the group
  TransformerHandles<Handle> mimicry, other_mimicry;  ///< of M and M̃; the second unset where one serves both
  LinearHandles<Handle> fusion_gate, fusion;          ///< W_1 [2d, 2d], W_2 [d, 2d]
  TransformerHandles<Handle> decoder;
  LinearHandles<Handle> output;
};

template <class Handle, class Visit>
void visit_parameters(const MimeConfig& c, MimeParameters<Handle>& p, Visit&& visit) {
  const int d = c.width();
  const auto layer = [&](std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
    visit_xavier_linear(visit, prefix, out, in, h);
  };
  visit_table(visit, c.vocabulary, c.embedding, p.table);
  visit_transformer(visit, "context", c.transformer, c.embedding, false, p.context);
  visit_xavier(visit, "emotions", c.emotion_classes, d, p.emotions);
  visit_xavier(visit, "classifier", d, d, p.classifier);
  layer("prior.hidden", d, d, p.prior_hidden);
  layer("prior.positive_mean", d, d, p.prior[group_positive].mean);
  layer("prior.positive_log_variance", d, d, p.prior[group_positive].log_variance);
  layer("prior.negative_mean", d, d, p.prior[group_negative].mean);
  if (!c.shared_log_variance) layer("prior.negative_log_variance", d, d, p.prior[group_negative].log_variance);
  layer("posterior.positive_hidden", d, 2 * d, p.posterior_hidden[group_positive]);
  layer("posterior.negative_hidden", d, 2 * d, p.posterior_hidden[group_negative]);
  layer("posterior.positive_mean", d, d, p.posterior[group_positive].mean);
  layer("posterior.positive_log_variance", d, d, p.posterior[group_positive].log_variance);
  layer("posterior.negative_mean", d, d, p.posterior[group_negative].mean);
  if (!c.shared_log_variance) layer("posterior.negative_log_variance", d, d, p.posterior[group_negative].log_variance);
  layer("choice.positive", c.group_size(true), d, p.choice[group_positive]);
  layer("choice.negative", c.group_size(false), d, p.choice[group_negative]);
  visit_transformer(visit, "mimicry", c.transformer, 2 * d, false, p.mimicry);
  if (!c.one_mimicry_encoder) visit_transformer(visit, "other_mimicry", c.transformer, 2 * d, false, p.other_mimicry);
  layer("fusion.gate", 2 * d, 2 * d, p.fusion_gate);
  layer("fusion.output", d, 2 * d, p.fusion);
  visit_transformer(visit, "decoder", c.transformer, c.embedding, true, p.decoder);
  layer("output", c.vocabulary, d, p.output);
}

}  // namespace ethreed
