#include "model/text/corpus_emotions.h"

#include "core/error.h"
#include "model/text/line_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace ethreed {

namespace {

constexpr int names_that_mean_the_32 = 20;

std::string place_of(const CorpusSplit& split, std::int64_t line) { return fmt::format("{}:{}", split.path, line); }

const std::string& name_of(const CorpusSplit& split, std::int32_t named) {
  return split.emotions[static_cast<std::size_t>(named)].name;
}

// The names of the training split by their keys, with where each is met first.
EmotionSet set_of_data(const CorpusSplit& train, std::string& source) {
  source = "EmpatheticDialogues";
  std::map<std::string, const NamedEmotion*> keys;
  for (const NamedEmotion& named : train.emotions) keys.emplace(emotion_key(named.name), &named);
  const EmotionSet known;
  const auto is_known = [&](const auto& entry) { return known.find(entry.first).has_value(); };
  const auto known_names = std::count_if(keys.begin(), keys.end(), is_known);
  if (known_names == static_cast<std::ptrdiff_t>(keys.size())) return known;
  if (known_names >= names_that_mean_the_32) return known;  // the others are refused by name
  source = train.name;
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const auto& [key, named] : keys) {
    check_emotion_name(key, place_of(train, named->first_line));
    names.push_back(key);
  }
  return {std::move(names), train.path};
}

// Classes of a split's names; −1 for names that are not in the set, where `unknown` counts them.
std::vector<std::int32_t> classes_of(const CorpusSplit& split, const EmotionSet& set, Note& forgiven, Note* unknown) {
  std::vector<std::int32_t> classes;
  std::int64_t first_line = 0;
  for (const NamedEmotion& named : split.emotions) {
    const std::optional<std::int32_t> id = set.find(named.name);
    if (!id && unknown != nullptr) {
      if (unknown->count == 0) unknown->first = fmt::format("{}:{}", split.file, named.first_line);
      unknown->count += named.count;
      classes.push_back(-1);
      continue;
    }
    ETHREED_CHECK(
        id,
        "{}: unknown emotion '{}' in the column of emotions; wanted one of {}; correct it, or name all emotions "
        "in a file, one a line, with --emotions FILE",
        place_of(split, named.first_line), excerpt(named.name),
        excerpt(fmt::format("{}", fmt::join(set.names(), ", "))));
    classes.push_back(*id);
    if (set.name(*id) == named.name) continue;
    forgiven.count += named.count;
    if (first_line == 0 || named.first_line < first_line) first_line = named.first_line;
  }
  if (first_line > 0 && forgiven.first.empty()) forgiven.first = fmt::format("{}:{}", split.file, first_line);
  return classes;
}

bool is_per_utterance(std::span<const CorpusSplit> splits, EmotionPer per) {
  if (per == EmotionPer::utterance) return true;
  std::int64_t dialogues = 0, differing = 0;
  const CorpusSplit* first_split = nullptr;
  const Dialogue* first = nullptr;
  for (std::size_t s = 0; s < splits.size(); ++s)
    for (const std::vector<Dialogue>* list : {&splits[s].dialogues, &splits[s].dropped})
      for (const Dialogue& dialogue : *list) {
        dialogues += dialogue.rows > 1;
        if (dialogue.other_emotion_line == 0) continue;
        ++differing;
        if (first != nullptr) continue;
        first = &dialogue;
        first_split = &splits[s];
      }
  if (differing == 0) return false;
  ETHREED_CHECK(per == EmotionPer::automatic && 2 * differing >= dialogues,
                "{}: the dialogue '{}' is {} here and {} before; wanted one emotion a dialogue (say --emotion-per "
                "utterance where every utterance has its own)",
                place_of(*first_split, first->other_emotion_line), excerpt(first->conversation_id),
                excerpt(name_of(*first_split, first->other_emotion)),
                excerpt(name_of(*first_split, first->named_emotion)));
  return true;
}

void set_emotions(Dialogue& dialogue, const std::vector<std::int32_t>& classes, bool per_utterance) {
  const auto class_of = [&](std::int32_t named) { return named < 0 ? -1 : classes[static_cast<std::size_t>(named)]; };
  dialogue.emotion = class_of(dialogue.named_emotion);
  if (!per_utterance) return;
  for (const std::int32_t named : dialogue.named_posts) dialogue.post_emotions.push_back(class_of(named));
  for (const std::int32_t named : dialogue.named_responses) dialogue.response_emotions.push_back(class_of(named));
  const auto first = std::find_if(dialogue.post_emotions.begin(), dialogue.post_emotions.end(),
                                  [](std::int32_t emotion) { return emotion >= 0; });
  if (first != dialogue.post_emotions.end()) dialogue.emotion = *first;
}

}  // namespace

CorpusEmotions resolve_emotions(std::span<CorpusSplit> splits, const EmotionOptions& options) {
  CorpusEmotions result;
  if (options.set) {
    result.set = EmotionSet::read(*options.set);
    result.source = options.set->filename().string();
  } else if (!options.names.empty()) {
    result.source = "run";
    result.set = EmotionSet(options.names, result.source);
  } else {
    result.set = set_of_data(splits.front(), result.source);
  }
  Note forgiven{.key = "forgiven_emotions"};
  std::vector<std::vector<std::int32_t>> classes;
  Note unknown{.key = "unknown_emotions"};
  const bool of_a_run = !options.set && !options.names.empty();
  for (const CorpusSplit& split : splits)
    classes.push_back(classes_of(split, result.set, forgiven, of_a_run ? &unknown : nullptr));
  result.per_utterance = is_per_utterance(splits, options.per);
  for (std::size_t s = 0; s < splits.size(); ++s)
    for (std::vector<Dialogue>* list : {&splits[s].dialogues, &splits[s].dropped})
      for (Dialogue& dialogue : *list) {
        set_emotions(dialogue, classes[s], result.per_utterance);
        result.any |= dialogue.emotion >= 0;
      }
  if (unknown.count > 0) {
    unknown.text = fmt::format("{} rows name an emotion that the run does not have, and have none now", unknown.count);
    result.notes.push_back(std::move(unknown));
  }
  if (forgiven.count > 0) {
    forgiven.text = fmt::format(
        "{} rows name an emotion in other case, with blanks or invisible characters, or with accents written apart",
        forgiven.count);
    result.notes.push_back(std::move(forgiven));
  }
  for (const CorpusSplit& split : splits) {
    std::int64_t without = 0;
    const Dialogue* first = nullptr;
    for (const Dialogue& dialogue : split.dialogues) {
      if (dialogue.emotion >= 0) continue;
      if (without++ == 0) first = &dialogue;
    }
    if (without > 0)
      result.notes.push_back({"dialogues_without_emotion", without, fmt::format("{}:{}", split.file, first->line),
                              fmt::format("{} dialogues of {} have no emotion", without, split.name)});
  }
  return result;
}

}  // namespace ethreed
