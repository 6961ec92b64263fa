#include "tools/sample_generator/dialogue.h"

#include "core/error.h"
#include "core/philox.h"
#include "tools/sample_generator/names.h"

#include <algorithm>
#include <span>
#include <utility>

namespace ethreed::sample {

namespace {

// Streams of random numbers below this belong to the names (names.cpp) and to the shuffles of the emotions.
constexpr std::uint64_t shuffle_stream = std::uint64_t{1} << 40;
constexpr std::uint64_t dialogue_stream = std::uint64_t{1} << 41;

/// Draws of one dialogue, one after the other.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t stream) : random_(seed, stream) {}
  std::size_t below(std::size_t n) { return random_.below(n, next_++); }
  bool happens(double probability) { return random_.uniform(next_++) < probability; }
  template <class Item> const Item& one_of(std::span<const Item> items) { return items[below(items.size())]; }

 private:
  PhiloxStream random_;
  std::uint64_t next_ = 0;
};

/// The slot of a text, without braces; empty where it has none.
std::string_view slot_of(std::string_view text) {
  const std::size_t open = text.find('{');
  if (open == std::string_view::npos) return {};
  const std::size_t close = text.find('}', open);
  ETHREED_CHECK(close != std::string_view::npos, "sample template: '{{' without '}}' in \"{}\"", text);
  return text.substr(open + 1, close - open - 1);
}

/// Every text may name one thing only, and a reply only what the post named: otherwise there is nothing to copy it
/// from.
void check_slots(const Situation& situation) {
  const auto named = [](std::string_view text) { return std::ranges::count(text, '{'); };
  const std::string_view slot = slot_of(situation.opening);
  ETHREED_CHECK(named(situation.opening) == 1, "sample template: wanted one slot in \"{}\"", situation.opening);
  ETHREED_CHECK(named(situation.prompt) == 0, "sample template: wanted no slot in \"{}\"", situation.prompt);
  ETHREED_CHECK(named(situation.second_post) <= 1, "sample template: wanted at most one slot in \"{}\"",
                situation.second_post);
  ETHREED_CHECK(named(situation.reply.text) == 0 || slot_of(situation.reply.text) == slot,
                "sample template: \"{}\" names something else than \"{}\"", situation.reply.text, situation.opening);
}

/// Takes one of each [a|b|c] and puts the name in for each {slot}.
std::string expand(std::string_view text, std::string_view name, Dice& dice) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') {
      result += name;
      i = text.find('}', i);
    } else if (text[i] == '[') {
      const std::size_t close = text.find(']', i);
      ETHREED_CHECK(close != std::string_view::npos, "sample template: '[' without ']' in \"{}\"", text);
      const std::string_view choices = text.substr(i + 1, close - i - 1);
      std::size_t skip = dice.below(static_cast<std::size_t>(std::ranges::count(choices, '|')) + 1);
      std::size_t begin = 0;
      while (skip-- > 0) begin = choices.find('|', begin) + 1;
      const std::string_view choice = choices.substr(begin, choices.find('|', begin) - begin);
      result += choice;
      i = close;
    } else {
      result += text[i];
    }
  }
  return result;
}

/// A dialogue under construction: appends what is drawn, in the order in which it is said.
class Conversation {
 public:
  Conversation(const Emotion& emotion, std::uint64_t seed, std::uint64_t number)
      : emotion_(emotion), dice_(seed, dialogue_stream + number), seed_(seed), number_(number) {}

  Dialogue make() {
    const Situation& situation = emotion_.situations[dice_.below(emotion_.situations.size())];
    const int length = dice_.happens(0.15) ? 1 : dice_.happens(0.18) ? 3 : 2;
    const bool unanswered = dice_.happens(0.06);  // the speaker has the last word

    first_turn(situation);
    if (length > 1) second_turn(situation);
    if (length > 2) last_turn();
    if (unanswered) say(dice_.one_of(farewells(emotion_.tone)), {});
    return {emotion_.name, std::string(situation.prompt), std::move(utterances_)};
  }

 private:
  void first_turn(const Situation& situation) {
    const std::string_view slot = slot_of(situation.opening);
    const std::string name = new_name(slot, 0);
    say(situation.opening, name);
    if (situation.only_own_reply || dice_.happens(0.45)) {
      answer(situation.reply, name);
    } else if (dice_.happens(0.9)) {
      answer(dice_.one_of(naming_replies(slot, emotion_.tone)), name);
    } else {
      answer(dice_.one_of(plain_replies(emotion_.tone)), {});
    }
  }

  void second_turn(const Situation& situation) {
    const std::string_view slot = slot_of(situation.second_post);
    const std::string name = slot.empty() ? std::string() : new_name(slot, 1);
    say(situation.second_post, name);
    if (!slot.empty() && dice_.happens(0.7)) {
      answer(dice_.one_of(second_naming_replies(slot)), name);
    } else if (dice_.happens(0.85)) {
      answer(dice_.one_of(std::span<const Reply>(emotion_.closings)), {});
    } else {
      answer(dice_.one_of(plain_replies(emotion_.tone)), {});
    }
  }

  void last_turn() {
    say(dice_.one_of(farewells(emotion_.tone)), {});
    answer(dice_.one_of(farewell_replies(emotion_.tone)), {});
  }

  /// A dialogue names at most one of a kind a turn, in its first two turns: two counters a dialogue suffice.
  std::string new_name(std::string_view slot, std::uint64_t turn) const {
    return made_up_name(slot, seed_, 2 * number_ + turn);
  }
  void say(std::string_view text, std::string_view name) { utterances_.push_back({expand(text, name, dice_), {}, {}}); }
  void answer(const Reply& reply, std::string_view name) {
    utterances_.push_back({expand(reply.text, name, dice_), reply.label, reply.intent});
  }

  const Emotion& emotion_;
  Dice dice_;
  std::uint64_t seed_;
  std::uint64_t number_;
  std::vector<Utterance> utterances_;
};

}  // namespace

Generator::Generator(std::uint64_t seed) : seed_(seed), emotions_{} {
  for (const auto family : {fear_family(), anger_family(), sorrow_family(), regret_family(), warmth_family(),
                            joy_family(), outlook_family()}) {
    for (const Emotion& emotion : family) {
      const auto id = emotion_id(emotion.name);
      ETHREED_CHECK(id.has_value(), "sample templates: '{}' is none of the {} emotions", emotion.name, emotion_count);
      emotions_[*id] = &emotion;
      for (const Situation& situation : emotion.situations) check_slots(situation);
    }
  }
  for (std::size_t id = 0; id < emotions_.size(); ++id) {
    ETHREED_CHECK(emotions_[id] != nullptr, "sample templates: nothing is written for '{}'", emotion_names[id]);
  }
}

Dialogue Generator::dialogue(std::uint64_t number) const {
  // Fisher and Yates, anew for each run of 32.
  std::array<const Emotion*, emotion_count> order = emotions_;
  Dice shuffle(seed_, shuffle_stream + number / emotion_count);
  for (std::size_t last = order.size() - 1; last > 0; --last) std::swap(order[last], order[shuffle.below(last + 1)]);
  return Conversation(*order[number % emotion_count], seed_, number).make();
}

}  // namespace ethreed::sample
