#pragma once
// The hand-written text from which the sample corpus is put together.
//
// Two marks are allowed in a text:
//   [one|two|three]  one of the alternatives is taken (not nested)
//   {slot}           a made-up name; slot says what bears it, and with that which replies make sense:
//                    friend  a person who is alive and dear, or at least no enemy
//                    culprit a person who did the speaker some wrong
//                    late    a person who has died
//                    pet, place, org (a company, shop, school, team or band)

#include <array>
#include <span>
#include <string_view>

namespace ethreed::sample {

/// What a listener says, the emotion (one of the 32) that saying it expresses, and what it is said for: one of the
/// intents of replies of Welivita and Pu (COLING 2020), `neutral`, or nothing where it is a cry of emotion alone.
struct Reply {
  std::string_view label;
  std::string_view intent;
  std::string_view text;
};

/// One situation of an emotion. The prompt names nobody; the opening has exactly one slot; the reply uses that slot or
/// none; the second post has one slot at most, and that is then a new name. Where the general replies to a name
/// (naming_replies) would sound odd, the situation is marked own_reply_only.
struct Situation {
  std::string_view prompt;
  std::string_view opening;
  Reply reply;
  std::string_view second_post;
  bool only_own_reply = false;
};
inline constexpr bool own_reply_only = true;

enum class Tone { pleasant, painful };

/// All that is written for one emotion.
struct Emotion {
  std::string_view name;
  Tone tone;
  std::array<Situation, 6> situations;
  std::array<Reply, 2> closings;  // answers to the second post, true of every situation, without slots
};

/// Every emotion once, family by family.
std::span<const Emotion> fear_family();     // templates_fear.cpp: afraid, terrified, anxious, apprehensive
std::span<const Emotion> anger_family();    // templates_anger.cpp: angry, furious, annoyed, disgusted, jealous
std::span<const Emotion> sorrow_family();   // templates_sorrow.cpp: sad, devastated, lonely, disappointed
std::span<const Emotion> regret_family();   // templates_sorrow.cpp: ashamed, embarrassed, guilty
std::span<const Emotion> warmth_family();   // templates_warmth.cpp: caring, faithful, trusting, grateful,
                                            //                       sentimental, nostalgic
std::span<const Emotion> joy_family();      // templates_joy.cpp: joyful, excited, proud, impressed, surprised, content
std::span<const Emotion> outlook_family();  // templates_outlook.cpp: hopeful, confident, prepared, anticipating

/// Listener replies that fit whatever bears the name of `slot` in the opening of a pleasant or a painful story.
/// Throws Error for a slot for which none are written.
std::span<const Reply> naming_replies(std::string_view slot, Tone tone);

/// The same for a name that comes up in the second post. No culprit and no org does.
std::span<const Reply> second_naming_replies(std::string_view slot);

/// Replies that name nothing: acknowledgement, consolation, questions.
std::span<const Reply> plain_replies(Tone tone);

/// What a speaker says last, and what the listener says to that.
std::span<const std::string_view> farewells(Tone tone);
std::span<const Reply> farewell_replies(Tone tone);

}  // namespace ethreed::sample
