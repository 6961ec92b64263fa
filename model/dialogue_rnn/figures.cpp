#include "model/dialogue_rnn/figures.h"

#include "core/error.h"

#include <algorithm>

namespace ethreed {

DialogueRnnFigures::DialogueRnnFigures(const DialogueRnnConfig& config)
    : listener_labels_(config.listener_labels), classes_(static_cast<std::size_t>(config.emotion_classes)) {}

template <class T> void DialogueRnnFigures::add(const DialogueRnnBatch& batch, const DialogueRnnPass<T>& pass) {
  const DialogueBatch& d = batch.dialogues;
  speaker_.add(pass.speaker_logits, d.emotion, d);
  if (listener_labels_) listener_.add(pass.listener_logits, d.listener_label, d);
  std::vector<std::int32_t> labels(d.emotion.size());
  for (int turn = 0; turn < count_of(of_turn_); ++turn) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      labels[i] = std::min(d.turn_time[i], count_of(of_turn_) - 1) == turn ? d.emotion[i] : -1;
    of_turn_[static_cast<std::size_t>(turn)].add(pass.speaker_logits, labels, d);
  }
  for (int i = 0; i < d.turns(); ++i) {
    const std::int32_t label = d.emotion[i];
    if (label < 0) continue;
    const int predicted = argmax_of_row(pass.speaker_logits, i);
    nll_ += static_cast<double>(pass.nll.data()[i]);
    ++classes_[label].labelled;
    ++classes_[predicted].predicted;
    classes_[label].right += predicted == label;
  }
  dialogues_ += d.dialogues();
  turns_ += d.turns();
}

double DialogueRnnFigures::weighted_f1() const {
  double sum = 0;
  for (const ClassCounts& one : classes_)
    if (one.labelled > 0)
      sum += static_cast<double>(one.labelled) * 2.0 * static_cast<double>(one.right) /
             static_cast<double>(one.labelled + one.predicted);
  return mean_figure(sum, speaker_.rows());
}

std::vector<double> DialogueRnnFigures::result() const {
  ETHREED_CHECK(turns_ > 0, "evaluation: no dialogue to evaluate");
  std::vector<double> figures{speaker_.share(),
                              of_turn_[0].share(),
                              of_turn_[1].share(),
                              of_turn_[2].share(),
                              weighted_f1(),
                              mean_figure(nll_, speaker_.rows()),
                              static_cast<double>(dialogues_),
                              static_cast<double>(turns_),
                              static_cast<double>(speaker_.rows()),
                              listener_.share(),
                              static_cast<double>(listener_.rows())};
  if (!listener_labels_) figures.resize(figures.size() - 2);
  return figures;
}

std::vector<FigureShares> DialogueRnnFigures::shares() const {
  std::vector<FigureShares> shares{speaker_.shares(all_columns[0].name)};
  for (std::size_t turn = 0; turn < of_turn_.size(); ++turn)
    shares.push_back(of_turn_[turn].shares(all_columns[1 + turn].name));
  if (listener_labels_) shares.push_back(listener_.shares(all_columns[9].name));
  return shares;
}

template void DialogueRnnFigures::add(const DialogueRnnBatch&, const DialogueRnnPass<float>&);
template void DialogueRnnFigures::add(const DialogueRnnBatch&, const DialogueRnnPass<double>&);

}  // namespace ethreed
