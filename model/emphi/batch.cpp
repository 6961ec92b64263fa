#include "model/emphi/batch.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

void EmphiBatch::build(const EmphiConfig& config, std::span<const Example> examples, Indices before) {
  ETHREED_ASSERT(before.empty() || examples.size() == 1);
  dialogues.build(examples, config.vocabulary);
  vocabulary_ = config.vocabulary;
  word_place_.assign(static_cast<std::size_t>(vocabulary_), -1);
  word_ids.clear();
  collect(config, examples, before);
  pack_contexts();
  lay_out_decoder(config);
}

std::int32_t EmphiBatch::place_of(std::int32_t word) {
  std::int32_t& place = word_place_[word < vocabulary_ ? word : unk_id];
  if (place < 0) {
    place = count_of(word_ids);
    word_ids.push_back(word < vocabulary_ ? word : unk_id);
  }
  return place;
}

// What was said, X of every turn, and the intents of replies.
void EmphiBatch::collect(const EmphiConfig& config, std::span<const Example> examples, Indices before) {
  const DialogueBatch& d = dialogues;
  const int turns = d.turns();
  first_turn_.clear();
  int all = 0;
  for (const Example& example : examples) {
    first_turn_.push_back(all);
    all += count_of(example.turns);
  }
  turn_rows_.resize(turns);
  for (int i = 0; i < turns; ++i) turn_rows_[first_turn_[d.turn_dialogue[i]] + d.turn_time[i]] = i;
  said_.assign(before.begin(), before.end());
  contexts_.resize(turns);
  intent.resize(turns);
  intents = 0;
  constexpr std::size_t classes = emphi_intents.size();
  intent_distribution.assign(config.has_distributions() ? classes * static_cast<std::size_t>(turns) : 0, 0.0F);
  int next = 0;
  for (const Example& example : examples) {
    int begin = next == 0 ? 0 : count_of(said_);
    const auto add = [&](Indices utterance) {  // without its EOS, which stands last
      said_.insert(said_.end(), utterance.begin(), utterance.end() - 1);
      said_.push_back(emphi_separator);
    };
    for (const TurnInput& turn : example.turns) {
      const int row = turn_rows_[next++];
      add(turn.post);
      // Without the separator behind it, but where nothing else was said.
      const int end = std::max(begin + 1, count_of(said_) - 1);
      contexts_[row] = {std::max(begin, end - config.context_tokens), end};
      add(turn.response);
      intent[row] =
          turn.reply_class < 0 && config.unlabelled == UnlabelledReplies::neutral ? emphi_neutral : turn.reply_class;
      intents += intent[row] >= 0;
      if (intent_distribution.empty() || intent[row] < 0) continue;
      const std::span<float> q = std::span(intent_distribution).subspan(row * classes, classes);
      if (turn.reply_distribution.empty())
        q[intent[row]] = 1;
      else
        std::copy(turn.reply_distribution.begin(), turn.reply_distribution.end(), q.begin());
    }
  }
}

void EmphiBatch::pack_contexts() {
  const DialogueBatch& d = dialogues;
  const int turns = d.turns();
  order_.resize(turns);
  rank_.resize(turns);
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [&](std::int32_t a, std::int32_t b) {
    const int of_a = contexts_[a].length(), of_b = contexts_[b].length();
    return of_a != of_b ? of_a > of_b : a < b;
  });
  for (int k = 0; k < turns; ++k) rank_[order_[k]] = k;
  context_offsets.assign(1, 0);
  context_inputs.clear();
  int alive = turns;
  for (int j = 0; alive > 0; ++j) {
    while (alive > 0 && contexts_[order_[alive - 1]].length() <= j) --alive;
    if (alive == 0) break;
    for (int k = 0; k < alive; ++k) context_inputs.push_back(place_of(said_[contexts_[order_[k]].begin + j]));
    context_offsets.push_back(count_of(context_inputs));
  }
  const Packing packing = context_packing();
  last_rows.resize(turns);
  first_rows.resize(turns);
  for (int i = 0; i < turns; ++i) {
    last_rows[i] = packing.row(contexts_[i].length() - 1, rank_[i]);
    first_rows[i] = packing.row(0, rank_[i]);
  }
  key_offsets.assign(1, 0);
  key_rows.clear();
  for (const std::int32_t turn : d.turn_of_row) {
    for (int j = 0; j < contexts_[turn].length(); ++j) key_rows.push_back(packing.row(j, rank_[turn]));
    key_offsets.push_back(count_of(key_rows));
  }
}

void EmphiBatch::lay_out_decoder(const EmphiConfig& config) {
  const DialogueBatch& d = dialogues;
  const int turns = d.turns();
  inputs.clear();
  for (const std::int32_t input : d.decoder_inputs) inputs.push_back(place_of(d.word_ids[input]));
  targets.clear();
  for (const std::int32_t target : d.targets) targets.push_back(target < vocabulary_ ? target : unk_id);
  step_offsets.clear();
  const Packing packing = d.decoder_packing();
  for (int i = 0; i < packing.steps(); ++i) step_offsets.insert(step_offsets.end(), {0, packing.alive(i)});
  numbers.resize(std::max(turns + 1, packing.rows()));
  std::iota(numbers.begin(), numbers.end(), 0);
  keyword_offsets.resize(turns + 1);
  keyword_weights.resize(turns + 1);
  for (int r = 0; r <= turns; ++r) {
    keyword_offsets[r] = r * config.keywords;
    keyword_weights[r] = std::int64_t{d.target_offsets[r]} * config.keywords;
  }
}

EmphiBatch::Arrays EmphiBatch::arrays() const {
  Arrays arrays;
  const auto shared = dialogues.arrays();
  auto next = std::copy(shared.begin(), shared.end(), arrays.begin());
  for (const std::vector<std::int32_t>* list :
       {&word_ids, &context_offsets, &context_inputs, &last_rows, &first_rows, &key_offsets, &key_rows, &inputs,
        &targets, &step_offsets, &numbers, &keyword_offsets, &intent})
    *next++ = std::as_bytes(std::span(*list));
  *next = std::as_bytes(std::span(keyword_weights));
  return arrays;
}

}  // namespace ethreed
