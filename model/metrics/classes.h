#pragma once
// Emotions and intents of replies by a classifier: pure functions of classes and shares. Name the classifier beside
// every such figure.

#include "core/indices.h"
#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ethreed {

/// Share of rows where two lists of classes agree: `reply_emotion_acc` (generated against gold reply),
/// `reply_emotion_policy` (against the policy's prediction), `reply_emotion_dialogue` (against the dialogue's emotion).
/// Rows where either is negative (unknown) are left out. NaN where none is left. Throws Error for different lengths.
double class_agreement(Indices a, Indices b);

/// Shares of classes 0 … classes − 1 among the labels; negative ones are left out. Zeros without any. Throws Error for
/// a label beyond the classes.
std::vector<double> class_shares(Indices labels, int classes);

/// `emotion_jsd`: ½ KL(p ‖ m) + ½ KL(q ‖ m), m the mean of both, in nats: 0 to log 2. Throws Error for different sizes.
double jensen_shannon(std::span<const double> p, std::span<const double> q);

/// `emotion_jsd` of draws of groups of rows: row i has the labels a[i] and b[i] (negative: left out of its list) and is
/// of group group_of[i]. NaN where a list has no label. Throws Error for different lengths and for a label beyond the
/// classes.
GroupFigure jensen_shannon_figure(Indices a, Indices b, int classes, Indices group_of);

/// KL(human ‖ model) = Σ h ln((h + 1e-10) / (m + 1e-10)), as EmpHi has it. Throws Error for different sizes.
double smoothed_divergence(std::span<const double> human, std::span<const double> model);

/// `intent_kl` (EmpHi): for each emotion the divergence between the shares of intents in human and model replies, mean
/// over the emotions that have replies. An intent that the model never has costs about 20 nats × its share: print the
/// zero cells.
struct IntentDivergence {
  double mean = 0;              ///< NaN without any emotion
  int emotions = 0;             ///< with replies
  std::int64_t zero_cells = 0;  ///< emotion and intent that human replies have and the model's have not
};
/// Labels of row i: its emotion (negative: left out) and the intents of both replies.
IntentDivergence intent_divergence(Indices emotion, Indices human_intent, Indices model_intent, int emotions,
                                   int intents);
/// The same of draws of groups of rows, of which `group_of` has one for each row: the mean over the emotions that a
/// draw has. Throws Error for different lengths and for a label beyond its classes.
std::function<IntentDivergence(GroupWeights)> intent_divergence_of_draw(Indices emotion, Indices human_intent,
                                                                        Indices model_intent, int emotions, int intents,
                                                                        Indices group_of);

}  // namespace ethreed
