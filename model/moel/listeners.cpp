#include "model/moel/listeners.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "model/blocks/random_streams.h"
#include "model/blocks/stacked_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ethreed {

bool oracle_step(const MoelConfig& config, std::uint64_t seed, std::int64_t step) {
  if (!config.oracle || step < 1) return false;
  const double probability =
      config.oracle_least + (1 - config.oracle_least) * std::exp(-static_cast<double>(step - 1) / config.oracle_decay);
  return random_stream(seed, Draw::oracle, static_cast<std::uint64_t>(step)).uniform(0) < probability;
}

namespace {

// The first `kept` of `order` become the places of the largest logits, ascending; NaN counts as the smallest.
template <class T> void largest_first(std::span<const T> logits, std::int32_t* order, int kept) {
  const int classes = count_of(logits);
  const auto value = [&](std::int32_t e) {
    const T logit = logits[static_cast<std::size_t>(e)];
    return std::isnan(logit) ? -std::numeric_limits<T>::infinity() : logit;
  };
  std::iota(order, order + classes, 0);
  std::partial_sort(order, order + kept, order + classes, [&](std::int32_t a, std::int32_t b) {
    return value(a) > value(b) || (value(a) == value(b) && a < b);
  });
  std::sort(order, order + kept);
}

}  // namespace

template <class T>
ListenerChoice choose_listeners(const Context& context, const MoelConfig& config, Variable<T> logits, Indices gold) {
  const int replies = logits.rows(), classes = config.emotion_classes, most = config.listeners_of_reply();
  const bool read =
      most < classes && (gold.empty() || std::any_of(gold.begin(), gold.end(), [](std::int32_t e) { return e < 0; }));
  const Variable<T> host = read ? on_host(context, logits) : Variable<T>{};
  std::int32_t* offsets = context.arena.allocate<std::int32_t>(std::int64_t{replies} + 1);
  std::int32_t* listeners = context.arena.allocate<std::int32_t>(std::int64_t{replies} * most);
  std::int32_t* gates = context.arena.allocate<std::int32_t>(std::int64_t{replies} * most);
  std::int32_t* order = context.arena.allocate<std::int32_t>(classes);
  std::iota(order, order + classes, 0);
  offsets[0] = 0;
  for (int r = 0; r < replies; ++r) {
    const std::int32_t emotion = gold.empty() ? -1 : gold[r];
    const int count = emotion >= 0 ? 1 : most, first = offsets[r];
    if (emotion < 0 && read) largest_first<T>(host.value().row_span(r), order, most);
    for (int i = 0; i < count; ++i) {
      listeners[first + i] = emotion >= 0 ? emotion : order[i];
      gates[first + i] = r * classes + listeners[first + i];
    }
    offsets[r + 1] = first + count;
  }
  return {.offsets = {offsets, replies + 1},
          .listeners = {listeners, offsets[replies]},
          .gates = {gates, offsets[replies]}};
}

ListenerChoice chosen_for(const Context& context, const ListenerChoice& choice, Indices replies) {
  std::int32_t* offsets = context.arena.allocate<std::int32_t>(std::int64_t{replies.size()} + 1);
  offsets[0] = 0;
  for (int i = 0; i < replies.size(); ++i)
    offsets[i + 1] = offsets[i] + choice.offsets[replies[i] + 1] - choice.offsets[replies[i]];
  const int entries = offsets[replies.size()];
  std::int32_t* listeners = context.arena.allocate<std::int32_t>(entries);
  std::int32_t* gates = context.arena.allocate<std::int32_t>(entries);
  for (int i = 0; i < replies.size(); ++i) {
    const int from = choice.offsets[replies[i]], count = offsets[i + 1] - offsets[i];
    std::copy_n(choice.listeners.data() + from, count, listeners + offsets[i]);
    std::copy_n(choice.gates.data() + from, count, gates + offsets[i]);
  }
  return {.offsets = {offsets, replies.size() + 1}, .listeners = {listeners, entries}, .gates = {gates, entries}};
}

namespace {

// The replies that one listener has, and their rows, which lie one behind the other among those of all listeners.
struct Group {
  int listener = 0;
  int first_target = 0, first_source = 0;
  Indices target_offsets, source_offsets;  // [replies + 1], from its first row on
};

struct Grouping {
  Span<const Group> groups;  // in the order of their listeners
  Indices targets, sources;  // of every group's rows, the row of x and of H
  Indices first_of_entry;    // [entries of the choice] where its rows of x begin in `targets`
};

// While planning (DeviceRuntime::plan) nobody knows who will hear whom: every logit reads as 0, and every reply has the
// first listeners. Any other choice has as many rows, but arrays are rounded up for every listener that has one. So
// while planning every listener has this many replies beside its own, the first of them of one row, the others empty:
// no rounding can add more.
constexpr int spare_rows = 16;     // 64 bytes, the alignment of an arena, in rows of a float
constexpr int spare_replies = 64;  // 256 bytes, the alignment of staged arrays, in offsets

Grouping group_by_listener(const Context& context, int listeners, const ListenerChoice& choice, Indices target_offsets,
                           Indices source_offsets) {
  const bool planning = context.runtime != nullptr && context.runtime->planning();
  const auto count = [](Indices offsets, int reply) { return offsets[reply + 1] - offsets[reply]; };
  std::int64_t target_rows = planning ? listeners * spare_rows : 0, source_rows = target_rows;
  for (int r = 0; r < choice.replies(); ++r) {
    target_rows += std::int64_t{count(choice.offsets, r)} * count(target_offsets, r);
    source_rows += std::int64_t{count(choice.offsets, r)} * count(source_offsets, r);
  }
  std::int32_t* targets = context.arena.allocate<std::int32_t>(target_rows);
  std::int32_t* sources = context.arena.allocate<std::int32_t>(source_rows);
  std::int32_t* first_of_entry = context.arena.allocate<std::int32_t>(choice.entries());
  Group* groups = context.arena.allocate<Group>(listeners);
  int used = 0, target = 0, source = 0;
  for (int e = 0; e < listeners; ++e) {
    const auto own = static_cast<int>(std::count(choice.listeners.begin(), choice.listeners.end(), e));
    if (own == 0 && !planning) continue;
    const int replies = own + (planning ? spare_replies : 0);
    std::int32_t* their_targets = context.arena.allocate<std::int32_t>(replies + 1);
    std::int32_t* their_sources = context.arena.allocate<std::int32_t>(replies + 1);
    const int first_target = target, first_source = source;
    int next = 0;
    const auto begin_reply = [&] {
      their_targets[next] = target - first_target;
      their_sources[next++] = source - first_source;
    };
    for (int r = 0; r < choice.replies(); ++r)
      for (int entry = choice.offsets[r]; entry < choice.offsets[r + 1]; ++entry) {
        if (choice.listeners[entry] != e) continue;
        begin_reply();
        first_of_entry[entry] = target;
        for (int i = target_offsets[r]; i < target_offsets[r + 1]; ++i) targets[target++] = i;
        for (int i = source_offsets[r]; i < source_offsets[r + 1]; ++i) sources[source++] = i;
      }
    for (int i = own; i < replies; ++i) {
      begin_reply();
      if (i < own + spare_rows) targets[target++] = sources[source++] = 0;
    }
    begin_reply();
    groups[used++] = {e, first_target, first_source, {their_targets, replies + 1}, {their_sources, replies + 1}};
  }
  return {.groups = {groups, used},
          .targets = {targets, target},
          .sources = {sources, source},
          .first_of_entry = {first_of_entry, choice.entries()}};
}

// Every row of x: its rows among those of the groups, and the places of the logits that weigh them.
struct Mixture {
  Indices offsets, rows, gates;
  bool weighed = false;  // does any row have two listeners
};

Mixture mixture_of(const Context& context, const ListenerChoice& choice, const Grouping& grouping,
                   Indices target_offsets) {
  std::int32_t* offsets = context.arena.allocate<std::int32_t>(std::int64_t{target_offsets.back()} + 1);
  std::int32_t* rows = context.arena.allocate<std::int32_t>(grouping.targets.size());
  std::int32_t* gates = context.arena.allocate<std::int32_t>(grouping.targets.size());
  int next = 0;
  for (int r = 0; r < choice.replies(); ++r)
    for (int i = target_offsets[r]; i < target_offsets[r + 1]; ++i) {
      offsets[i] = next;
      for (int entry = choice.offsets[r]; entry < choice.offsets[r + 1]; ++entry, ++next) {
        rows[next] = grouping.first_of_entry[entry] + (i - target_offsets[r]);
        gates[next] = choice.gates[entry];
      }
    }
  offsets[target_offsets.back()] = next;
  return {.offsets = {offsets, target_offsets.back() + 1},
          .rows = {rows, next},
          .gates = {gates, next},
          .weighed = choice.entries() > choice.replies()};
}

// One upload for all listeners. They must stay where they are until the step's end: a search of replies takes its arena
// back after every word.
void stage_arrays(const Context& context, const Grouping& grouping, const Mixture& mixture) {
  using Bytes = std::span<const std::byte>;
  constexpr int shared = 5;
  auto* arrays = context.arena.allocate<Bytes>(shared + 2 * std::int64_t{grouping.groups.size()});
  Bytes* next = arrays;
  const auto add = [&](Indices list) { *next++ = std::as_bytes(std::span<const std::int32_t>(list)); };
  for (const Indices list : {grouping.targets, grouping.sources, mixture.offsets, mixture.rows, mixture.gates})
    add(list);
  for (const Group& group : grouping.groups) {
    add(group.target_offsets);
    add(group.source_offsets);
  }
  context.stage({arrays, next});
}

}  // namespace

template <class T>
Variable<T> hear(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                 const ListenerChoice& choice, Variable<T> logits, Indices target_offsets, Variable<T> x,
                 Indices source_offsets, Variable<T> source) {
  const Range range(tape, "listeners");
  const Context& context = tape.context();
  const Grouping grouping = group_by_listener(context, config.emotion_classes, choice, target_offsets, source_offsets);
  const Mixture mixture = mixture_of(context, choice, grouping, target_offsets);
  if (tape.recording()) stage_arrays(context, grouping, mixture);
  const Variable<T> targets = gather_rows<T>(tape, {{x, grouping.targets}});
  const Variable<T> sources = gather_rows<T>(tape, {{source, grouping.sources}});
  Variable<T>* heard = context.arena.template allocate<Variable<T>>(grouping.groups.size());
  for (int g = 0; g < grouping.groups.size(); ++g) {
    const Group& group = grouping.groups[g];
    heard[g] = transformer_decoder_layer(
                   tape, config.transformer, p.listeners[static_cast<std::size_t>(group.listener)],
                   group.target_offsets, tape.rows(targets, group.first_target, group.target_offsets.back()),
                   group.source_offsets, tape.rows(sources, group.first_source, group.source_offsets.back()))
                   .states;
  }
  const Variable<T> all = stack_rows<T>(tape, {heard, grouping.groups.size()});
  const Variable<T> weights =
      mixture.weighed ? gather_rows<T>(tape, {{as_column(tape, logits), mixture.gates}}) : Variable<T>{};
  const Variable<T> mixed = attention_pooling<T>(tape, mixture.offsets, weights, all, mixture.rows).y;
  return add(
      tape, mixed,
      transformer_decoder_layer(tape, config.transformer, p.shared_listener, target_offsets, x, source_offsets, source)
          .states);
}

#define ETHREED_INSTANTIATE(T)                                                                                      \
  template ListenerChoice choose_listeners(const Context&, const MoelConfig&, Variable<T>, Indices);                \
  template Variable<T> hear(Tape<T>&, const MoelConfig&, const MoelParameters<Variable<T>>&, const ListenerChoice&, \
                            Variable<T>, Indices, Variable<T>, Indices, Variable<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
