#pragma once
// The losses of HRED and its variants, and their figures.

#include "model/blocks/figure_sums.h"
#include "model/hred/forward.h"

namespace ethreed {

/// Terms of a variant: of the reply; Emo-HRED: of the emotions before it; VHRED: the divergence behind it, and where
/// wanted the bag of words; with targets `all` that of the posts.
std::span<const LossColumn> hred_losses(const HredConfig& config);
std::span<const FigureColumn> hred_figures(const HredConfig& config);

template <class T>
StepLosses<T> sum_losses(Tape<T>& tape, const HredConfig& config, const HredBatch& batch, const HredPass<T>& pass,
                         const PassOptions& options);

/// The weight of KL after `step` updates: from 0 to 1, one increment after each.
double divergence_weight(const HredConfig& config, std::int64_t step);

/// What teacher-forced passes over a split show. VHRED's perplexities are those of the prior, which has not seen the
/// reply, and the bound is printed with them.
class HredFigures {
 public:
  explicit HredFigures(const HredConfig& config) : config_(config) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const HredBatch& batch, const HredPass<T>& pass);
  /// In the order of hred_figures(). Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

 private:
  const HredConfig& config_;
  AccuracySum speaker_, listener_;
  PerplexitySum perplexity_, bound_;
  double divergence_ = 0, log_likelihood_ = 0;
  bool sampled_ = false;  // are there likelihoods by importance sampling
};

}  // namespace ethreed
