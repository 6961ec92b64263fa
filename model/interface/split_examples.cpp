#include "model/interface/split_examples.h"

#include "model/blocks/random_streams.h"
#include "model/interface/reply_classes.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

SplitExamples::SplitExamples(const Split& split, const ExampleKind& kind) : split_(split), kind_(kind) {
  std::int64_t turns = 0;
  for (int d = 0; d < split.dialogues(); ++d) {
    first_turn_.push_back(turns);
    dialogue_of_turn_.insert(dialogue_of_turn_.end(), split.turns(d), d);
    turns += split.turns(d);
  }
  if (kind_.unit == Unit::text && kind_.texts == TextSource::situations)
    ETHREED_CHECK(split.has_situations(),
                  "split '{}' has no situations; prepare the corpus again with this version of the program",
                  split.name());
  if (kind_.unit == Unit::text && kind_.texts == TextSource::utterances)
    ETHREED_CHECK(split.labels(kind_.label_set) != nullptr,
                  "split '{}' has no label column '{}'; prepare the corpus with --label-column {}=FILE", split.name(),
                  kind_.label_set, kind_.label_set);
  read_reply_labels();
  count_ = static_cast<int>(kind_.unit == Unit::dialogue || kind_.texts == TextSource::situations ? split.dialogues()
                            : kind_.texts == TextSource::posts                                    ? turns
                                                                                                  : 2 * turns);
}

void SplitExamples::read_reply_labels() {
  const UtteranceLabels* labels =
      kind_.reply_labels.column.empty() ? nullptr : split_.labels(kind_.reply_labels.column);
  if (labels == nullptr) return;
  const ReplyClasses replies(*labels, kind_.reply_labels);
  std::vector<float> p(kind_.reply_labels.classes.size());
  for (int d = 0; d < split_.dialogues(); ++d)
    for (int t = 0; t < split_.turns(d); ++t) {
      reply_class_.push_back(replies.read(d, t, p));
      if (replies.has_distributions()) reply_distribution_.insert(reply_distribution_.end(), p.begin(), p.end());
    }
}

std::span<const Example> SplitExamples::make(Indices numbers) {
  // Examples point into turns_ and words_, which are given room first.
  turns_.clear();
  words_.clear();
  examples_.clear();
  if (kind_.unit == Unit::dialogue) {
    std::size_t turns = 0;
    for (const std::int32_t d : numbers) turns += split_.turns(d);
    turns_.reserve(turns);
    for (const std::int32_t d : numbers) add_dialogue(d);
    return examples_;
  }
  if (kind_.texts == TextSource::posts) {
    std::size_t words = 0;
    for (const std::int32_t i : numbers) {
      const int d = dialogue_of_turn_[i];
      for (int t = 0; t <= i - first_turn_[d]; ++t) words += split_.post(d, t).size();
    }
    words_.reserve(words);
  }
  for (const std::int32_t i : numbers) add_text(i);
  return examples_;
}

int SplitExamples::dialogue_of(int example) const {
  if (kind_.unit == Unit::dialogue || kind_.texts == TextSource::situations) return example;
  return dialogue_of_turn_[kind_.texts == TextSource::posts ? example : example / 2];
}

void SplitExamples::add_dialogue(int d) {
  const std::size_t first = turns_.size();
  for (int t = 0; t < split_.turns(d); ++t) {
    const auto turn = static_cast<std::size_t>(first_turn_[d] + t);
    const int reply_class = reply_class_.empty() ? -1 : reply_class_[turn];
    std::span<const float> reply_distribution;
    if (reply_class >= 0 && !reply_distribution_.empty()) {
      const std::size_t classes = kind_.reply_labels.classes.size();
      reply_distribution = std::span(reply_distribution_).subspan(turn * classes, classes);
    }
    turns_.push_back({.post = split_.post(d, t),
                      .response = split_.response(d, t),
                      .emotion = split_.post_emotion(d, t),
                      .listener_label = split_.listener_label(d, t),
                      .listener_distribution = split_.listener_distribution(d, t),
                      .reply_class = reply_class,
                      .reply_distribution = reply_distribution});
  }
  Example& example = examples_.emplace_back(
      Example{.turns = std::span(turns_).subspan(first, turns_.size() - first), .place = first_turn_[d]});
  if (!kind_.situations || !split_.has_situations()) return;
  example.text = split_.situation(d);
  example.label = split_.emotion(d);
}

void SplitExamples::add_text(int i) {
  if (kind_.texts == TextSource::situations) {
    examples_.push_back({.text = split_.situation(i), .label = split_.emotion(i), .place = i});
    return;
  }
  const bool posts = kind_.texts == TextSource::posts;
  const int turn = posts ? i : i / 2;
  const int d = dialogue_of_turn_[turn], t = static_cast<int>(turn - first_turn_[d]);
  if (!posts) {
    const bool response = i % 2 == 1;
    examples_.push_back({.text = response ? split_.response(d, t) : split_.post(d, t),
                         .label = split_.labels(kind_.label_set)->label(d, t, response),
                         .place = i});
    return;
  }
  // P_1 … P_t as one text: the end marks between them are left out.
  const std::size_t first = words_.size();
  for (int k = 0; k <= t; ++k) {
    const auto post = split_.post(d, k);
    words_.insert(words_.end(), post.begin(), k < t ? post.end() - 1 : post.end());
  }
  examples_.push_back({.text = std::span(words_).subspan(first, words_.size() - first),
                       .label = split_.post_emotion(d, t),
                       .place = i});
}

void shuffle_examples(int n, std::uint64_t seed, std::int64_t pass, std::vector<std::int32_t>& order) {
  order.resize(n);
  std::iota(order.begin(), order.end(), 0);
  const PhiloxStream random = random_stream(seed, Draw::shuffle, static_cast<std::uint64_t>(pass));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
}

}  // namespace ethreed
