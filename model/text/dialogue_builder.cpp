#include "model/text/dialogue_builder.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/tokenizer.h"
#include "model/text/unicode.h"

#include <array>
#include <utility>

namespace ethreed {

std::string DialogueBuilder::place(const CorpusRow& row) const { return fmt::format("{}:{}", split_.path, row.line); }

void DialogueBuilder::add(const CorpusRow& row) {
  if (!open_.empty() && row.conversation == open_.back().dialogue.conversation_id)
    check_continues(row);
  else
    start(row);
  append(open_.back(), row);
}

void DialogueBuilder::start(const CorpusRow& row) {
  ETHREED_CHECK(conversations_.emplace(row.conversation).second,
                "{}: the dialogue '{}' was over and appears again; put the rows of a dialogue together", place(row),
                excerpt(row.conversation));
  ETHREED_CHECK(
      row.number.value_or(1) == 1,
      "{}: the dialogue '{}' starts with utterance_idx {}, wanted 1; the speaker's first utterance is missing",
      place(row), excerpt(row.conversation), *row.number);
  Open& open = open_.emplace_back();
  open.dialogue.conversation_id = row.conversation;
  open.dialogue.situation = row.situation;
  open.dialogue.line = row.line;
}

void DialogueBuilder::check_continues(const CorpusRow& row) const {
  const Dialogue& dialogue = open_.back().dialogue;
  ETHREED_CHECK(!row.number || *row.number == dialogue.rows + 1,
                "{}: utterance_idx {} follows {} in the dialogue '{}'; wanted {}: sort the rows, leave none out",
                place(row), *row.number, dialogue.rows, excerpt(row.conversation), dialogue.rows + 1);
}

void DialogueBuilder::append(Open& open, const CorpusRow& row) {
  Dialogue& dialogue = open.dialogue;
  const std::int32_t number = ++dialogue.rows;
  const std::int32_t speaker = row.speaker ? number_of_speaker(*row.speaker) : -1;
  if (number == 1) {
    open.first_speaker = speaker;
    if (speaker >= 0) ++openings_[static_cast<std::size_t>(speaker)];
  }
  open.situations_differ |= row.situation != dialogue.situation;
  if (row.emotion >= 0) {
    if (dialogue.named_emotion < 0) dialogue.named_emotion = row.emotion;
    const auto key_of = [&](std::int32_t emotion) {
      return split_.emotions[static_cast<std::size_t>(emotion)].first_of_key;
    };
    if (key_of(row.emotion) != key_of(dialogue.named_emotion) && dialogue.other_emotion_line == 0) {
      dialogue.other_emotion_line = row.line;
      dialogue.other_emotion = row.emotion;
    }
  }
  if (is_blank(row.utterance)) {
    ETHREED_CHECK(options_.empty != EmptyUtterances::refuse,
                  "{}: the utterance is empty; fill it, or choose with --empty what becomes of such turns", place(row));
    empty_.add(row.line);
  }
  const bool repeats = number > 1 && speaker >= 0 && open.utterances.back().speaker == speaker;
  if (repeats && options_.join_consecutive) {
    joined_.add(row.line);
    Utterance& last = open.utterances.back();
    if (!is_blank(row.utterance)) {
      if (!last.text.empty()) last.text += ' ';
      last.text += row.utterance;
    }
    if (row.emotion >= 0) last.emotion = row.emotion;
    last.last_row = number;
    return;
  }
  if (repeats) repeated_.add(row.line);
  open.utterances.push_back({.text = std::string(row.utterance),
                             .speaker = speaker,
                             .emotion = row.emotion,
                             .line = row.line,
                             .first_row = number,
                             .last_row = number});
}

std::int32_t DialogueBuilder::number_of_speaker(std::string_view name) {
  const auto [entry, added] = speakers_.emplace(std::string(name), static_cast<std::int32_t>(speaker_names_.size()));
  if (added) {
    speaker_names_.emplace_back(name);
    openings_.push_back(0);
  }
  return entry->second;
}

// Who the listener is, where the file says so: it has two parties, and one is called as the original calls listeners (0
// beside 1) or by a name, or else opens fewer dialogues than the other one.
std::optional<std::int32_t> DialogueBuilder::listener() const {
  if (speaker_names_.size() != 2) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> pairs{{{"1", "0"},
                                                                                {"speaker", "listener"},
                                                                                {"user", "system"},
                                                                                {"user", "assistant"},
                                                                                {"seeker", "supporter"},
                                                                                {"human", "bot"}}};
  for (const auto& [speaker, other] : pairs)
    for (const std::size_t i : {0U, 1U})
      if (lower_case(speaker_names_[i]) == other && lower_case(speaker_names_[1 - i]) == speaker)
        return static_cast<std::int32_t>(i);
  if (openings_[0] == openings_[1]) return std::nullopt;
  return openings_[0] < openings_[1] ? 0 : 1;
}

void DialogueBuilder::finish() {
  const std::optional<std::int32_t> other = listener();
  for (Open& open : open_) build(open, other);
  split_.repeated_speaker_rows = repeated_.count;
  note("empty_utterances", empty_,
       fmt::format("{} utterances are empty; {}", empty_.count,
                   options_.empty == EmptyUtterances::keep
                       ? "their turns were kept"
                       : fmt::format("{} turns without a post or a response were dropped", turns_dropped_.count)));
  note("joined_rows", joined_, fmt::format("{} rows were joined to the row before, of the same party", joined_.count));
  note("repeated_speaker_rows", repeated_,
       fmt::format("speaker_idx is that of the row before in {} rows; roles were taken from utterance_idx "
                   "(--join-consecutive joins such rows)",
                   repeated_.count));
  note("last_replies", last_replies_,
       fmt::format("{} last replies of their dialogues, and their posts, were left out (--replies but-last)",
                   last_replies_.count));
  note("listener_first", listener_first_,
       fmt::format("the listener ('{}') opens {} dialogues; {}",
                   other ? excerpt(speaker_names_[static_cast<std::size_t>(*other)]) : "", listener_first_.count,
                   options_.listener_first == ListenerFirst::drop
                       ? "these first rows were dropped"
                       : "these first rows were taken for posts (--listener-first drop drops them)"));
}

void DialogueBuilder::build(Open& open, std::optional<std::int32_t> listener) {
  if (listener && open.first_speaker == *listener) {
    listener_first_.add(open.dialogue.line);
    if (options_.listener_first == ListenerFirst::drop) drop_first(open);
  }
  build_turns(open);
  split_.differing_situations += open.situations_differ;
  (open.dialogue.turns.empty() ? split_.dropped : split_.dialogues).push_back(std::move(open.dialogue));
  open = {};
}

void DialogueBuilder::leave_out(Dialogue& dialogue, Utterance& utterance) {
  for (std::int32_t row = utterance.first_row; row <= utterance.last_row; ++row)
    dialogue.others.emplace(row, utterance.text);
}

void DialogueBuilder::drop_first(Open& open) {
  leave_out(open.dialogue, open.utterances.front());
  open.utterances.erase(open.utterances.begin());
}

bool DialogueBuilder::is_kept(const Utterance& post, const Utterance& response, bool is_last) {
  if (options_.replies == Replies::but_last && is_last) {
    last_replies_.add(response.line);
    return false;
  }
  if (options_.empty == EmptyUtterances::keep) return true;
  const bool good = !is_blank(post.text) && !is_blank(response.text);
  if (!good) turns_dropped_.add(post.line);
  return good;
}

void DialogueBuilder::build_turns(Open& open) {
  Dialogue& dialogue = open.dialogue;
  std::vector<std::int32_t> places(static_cast<std::size_t>(dialogue.rows), -1);
  const auto set_place = [&](const Utterance& utterance, std::size_t place) {
    for (std::int32_t row = utterance.first_row; row <= utterance.last_row; ++row)
      places[static_cast<std::size_t>(row - 1)] = static_cast<std::int32_t>(place);
  };
  std::vector<Utterance>& all = open.utterances;
  std::size_t i = 0;
  for (; i + 1 < all.size(); i += 2) {
    if (!is_kept(all[i], all[i + 1], i + 3 >= all.size())) {
      leave_out(dialogue, all[i]);
      leave_out(dialogue, all[i + 1]);
      continue;
    }
    set_place(all[i], 2 * dialogue.turns.size());
    set_place(all[i + 1], 2 * dialogue.turns.size() + 1);
    dialogue.named_posts.push_back(all[i].emotion);
    dialogue.named_responses.push_back(all[i + 1].emotion);
    dialogue.turns.push_back({std::move(all[i].text), std::move(all[i + 1].text)});
  }
  if (i < all.size()) {
    dialogue.trailing_post = std::move(all[i].text);
    ++split_.dropped_posts;
  }
  const std::size_t in_turns = 2 * dialogue.turns.size(), rows = places.size();
  bool in_order = dialogue.others.empty() && rows <= in_turns + 1;
  for (std::size_t row = 0; row < rows && in_order; ++row)
    in_order = row < in_turns ? places[row] == static_cast<std::int32_t>(row) : places[row] < 0;
  if (!in_order) dialogue.places = std::move(places);
}

void DialogueBuilder::note(std::string key, const Tally& tally, std::string text) {
  if (tally.count > 0)
    split_.notes.push_back(
        {std::move(key), tally.count, fmt::format("{}:{}", split_.file, tally.first_line), std::move(text)});
}

}  // namespace ethreed
