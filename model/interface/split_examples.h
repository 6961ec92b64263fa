#pragma once
// The examples of a split, as a model wants them.

#include "core/indices.h"
#include "model/interface/model.h"
#include "model/interface/text_task.h"
#include "model/text/dataset.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// What the examples of a model are.
struct ExampleKind {
  Unit unit = Unit::dialogue;
  TextSource texts = TextSource::situations;  ///< of Unit::text
  std::string label_set{};                    ///< of Unit::text
  bool situations = false;                    ///< of Unit::dialogue: each brings its situation, where the split has any
  ReplyLabels reply_labels{};                 ///< of Unit::dialogue: each reply brings its own, where the split has any
};
inline ExampleKind example_kind(const Model& model) {
  return {model.unit(), model.text_source(), std::string(model.label_set()), model.reads_situations(),
          model.reply_labels()};
}

/// Hands out examples of one split by number; memory is kept from call to call.
class SplitExamples {
 public:
  /// The data set must outlive this object. Throws Error if the split lacks what the model learns from.
  SplitExamples(const Split& split, const ExampleKind& kind);

  const Split& split() const { return split_; }
  int count() const { return count_; }
  /// These examples, valid until the next call.
  std::span<const Example> make(Indices numbers);
  /// The dialogue of the split that an example is, or is of.
  int dialogue_of(int example) const;

 private:
  void read_reply_labels();
  void add_dialogue(int d);
  void add_text(int i);

  const Split& split_;
  ExampleKind kind_;
  int count_ = 0;
  std::vector<std::int64_t> first_turn_;  // by dialogue: its first turn among all of the split
  std::vector<std::int32_t> dialogue_of_turn_;
  std::vector<std::int32_t> reply_class_;  // [turns] among the model's classes, −1 for none; empty: none at all
  std::vector<float> reply_distribution_;  // [turns · the model's classes]; empty: labels are certain
  std::vector<TurnInput> turns_;
  std::vector<std::int32_t> words_;  // of texts that are put together
  std::vector<Example> examples_;
};

/// Numbers 0 … n−1 in the order of one pass: a permutation that depends on seed and pass alone (Fisher and Yates).
void shuffle_examples(int n, std::uint64_t seed, std::int64_t pass, std::vector<std::int32_t>& order);

}  // namespace ethreed
