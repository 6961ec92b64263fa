#include "tools/sample_generator/templates.h"

#include "core/error.h"

namespace ethreed::sample {

namespace {

constexpr Reply friend_pleasant[] = {
    {"joyful", "acknowledging", "[That is wonderful|How lovely|That is great news]! {friend} must be so happy."},
    {"caring", "acknowledging", "[Aww|Oh], {friend} is lucky to have you."},
    {"impressed", "acknowledging", "[Wow|That is sweet], {friend} sounds like a great person."},
    {"content", "acknowledging", "That is so nice to hear. Tell me more about {friend}."},
    {"joyful", "questioning", "I am so happy for you. What did {friend} say?"},
    {"hopeful", "neutral", "[That sounds great|How nice]. I would love to meet {friend} one day."},
};
constexpr Reply friend_painful[] = {
    {"caring", "questioning",
     "[I am so sorry to hear that|Oh no, I am sorry|That must be hard]. How is {friend} doing now?"},
    {"caring", "questioning", "[I am sorry|That sounds rough]. Have you talked to {friend} about it?"},
    {"trusting", "acknowledging", "[That sounds difficult|I am sorry]. It must be hard for {friend} too."},
    {"hopeful", "consoling", "I hope things get better soon for you and {friend}."},
    {"sad", "questioning", "[Oh no|That is sad]. What did {friend} say?"},
    {"caring", "questioning",
     "[I can see why you feel that way|I would feel the same]. Does {friend} know how you feel?"},
};
constexpr Reply culprit_painful[] = {
    {"angry", "agreeing", "[That is awful|That is not fair|How rude]. I would be upset with {culprit} too."},
    {"annoyed", "questioning", "[Oh no|That is terrible]. Did you tell {culprit} how you feel?"},
    {"surprised", "questioning", "[Wow|I can't believe it]. What did {culprit} say about it?"},
    {"annoyed", "questioning", "[That is so wrong|Ugh]. Has {culprit} done that before?"},
    {"hopeful", "sympathizing", "I am sorry. I hope {culprit} says sorry to you."},
};
constexpr Reply late_any[] = {
    {"sad", "questioning", "[I am so sorry for your loss|I am sorry to hear that]. What was {late} like?"},
    {"caring", "acknowledging", "I can tell that {late} meant the world to you."},
    {"sentimental", "consoling", "I am sure {late} loved you very much."},
    {"sentimental", "questioning", "What do you remember most about {late}?"},
    {"caring", "consoling", "I am sorry. {late} will always be with you in your heart."},
};
constexpr Reply pet_pleasant[] = {
    {"joyful", "acknowledging", "[Aww|How cute], {pet} sounds adorable."},
    {"caring", "acknowledging", "That is so sweet. Give {pet} a big hug from me."},
    {"excited", "neutral", "[I love that|Aww]. I would love to meet {pet}."},
    {"content", "questioning", "[How nice|That is lovely]. How old is {pet}?"},
};
constexpr Reply pet_painful[] = {
    {"sad", "questioning", "[Oh no|I am so sorry], poor {pet}. How old is {pet}?"},
    {"caring", "questioning", "[That must be hard|Oh dear]. How is {pet} doing now?"},
    {"hopeful", "sympathizing", "[I am sorry|Oh no]. I hope {pet} is okay."},
    {"caring", "questioning", "I would feel the same. Is {pet} with you now?"},
};
constexpr Reply place_pleasant[] = {
    {"hopeful", "wishing", "[How nice|That sounds great]. I hope {place} is everything you wish for."},
    {"content", "acknowledging", "{place} sounds lovely."},
    {"joyful", "questioning", "[That is great|How wonderful]! What do you like most about {place}?"},
    {"anticipating", "questioning", "I have never been to {place}. What is it like?"},
    {"excited", "neutral", "[Wow|That sounds amazing]! I would love to see {place} one day."},
    {"hopeful", "wishing", "[How exciting|That is nice]. I hope {place} treats you well."},
};
constexpr Reply place_painful[] = {
    {"hopeful", "consoling", "[I am so sorry|Oh no]. I hope {place} gets better for you soon."},
    {"caring", "questioning", "[That sounds hard|That sounds awful]. Is there anyone in {place} who can help you?"},
    {"apprehensive", "questioning", "[Oh no|Oh dear]. Is it always like that in {place}?"},
    {"caring", "questioning", "[I am sorry to hear that|That must be tough]. Do you know many people in {place}?"},
};
constexpr Reply org_pleasant[] = {
    {"impressed", "acknowledging", "[That is great|How nice]. I have heard good things about {org}."},
    {"joyful", "questioning", "[That is great news|How wonderful]! What do you like most about {org}?"},
    {"content", "questioning", "[Good for you|That is nice]. How did you find out about {org}?"},
    {"surprised", "neutral", "[Oh|Really]? I had never heard of {org} before."},
};
constexpr Reply org_painful[] = {
    {"annoyed", "questioning", "[That is awful|How frustrating]. Did you complain to {org}?"},
    {"caring", "questioning", "[I am so sorry|Oh no]. What did {org} say about it?"},
    {"annoyed", "acknowledging", "[That is not right|Ugh]. I have heard bad things about {org} before."},
    {"disappointed", "agreeing", "[I am sorry to hear that|That is too bad]. I would be done with {org} after that."},
};

constexpr Reply plain_pleasant[] = {
    {"joyful", "acknowledging", "[That is wonderful|That is so great]! You must be very happy."},
    {"content", "acknowledging", "That is so nice to hear. I am happy for you."},
    {"impressed", "encouraging", "[Wow|That is amazing]! You deserve it."},
    {"hopeful", "wishing", "That sounds lovely. I hope it stays that way."},
    {"excited", "questioning", "[Oh wow|Really]? I would love to hear more about it."},
};
constexpr Reply plain_painful[] = {
    {"caring", "sympathizing", "I am so sorry that you have to go through that."},
    {"caring", "questioning", "[That must be very hard|That sounds really tough]. Do you have someone to talk to?"},
    {"hopeful", "consoling", "I hope it gets better soon. [Things will look up|Hang in there]."},
    {"sad", "agreeing", "[Oh no|That is terrible]. I would feel the same way."},
    {"caring", "questioning", "Is there anything that I can do to help?"},
};

constexpr std::string_view farewell_pleasant[] = {
    "Thank you! It makes me smile every time I think about it.",
    "Thanks for listening. I had to tell somebody.",
    "Yes, I could not be happier right now.",
    "Thank you, that is very kind of you.",
};
constexpr std::string_view farewell_painful[] = {
    "Thank you for listening. I feel a little better now.",
    "Thanks. It helps to talk about it.",
    "I guess you are right. I will try to get some sleep.",
    "Maybe. I just need some time.",
};
constexpr Reply farewell_reply_pleasant[] = {
    {"joyful", "wishing", "You are welcome! Enjoy every minute of it."},
    {"content", "neutral", "I am glad that you told me."},
    {"hopeful", "wishing", "I wish you all the best."},
};
constexpr Reply farewell_reply_painful[] = {
    {"caring", "consoling", "You can talk to me any time."},
    {"hopeful", "wishing", "I am glad to hear that. Take care of yourself."},
    {"caring", "consoling", "Take all the time you need. You are not alone."},
};

// A name that comes up in the second post: a helper, a home town, somebody in the background.
constexpr Reply friend_second[] = {
    {"trusting", "acknowledging", "[I am glad|It is good] that you have {friend}."},
    {"caring", "questioning", "Please tell me more about {friend}."},
    {"content", "acknowledging", "{friend} sounds like a good person."},
    {"caring", "wishing", "[I see|Oh]. Say hello to {friend} from me."},
};
constexpr Reply place_second[] = {
    {"content", "questioning", "[I see|Oh]. What is {place} like?"},
    {"content", "questioning", "[I see|Oh]. How far away is {place}?"},
    {"impressed", "neutral", "I have heard a lot about {place}."},
};
constexpr Reply pet_second[] = {
    {"sad", "sympathizing", "[Oh no|I am so sorry], poor {pet}."},
    {"sad", "sympathizing", "That is heartbreaking. {pet} did not deserve that."},
};
constexpr Reply late_second[] = {
    {"caring", "consoling", "I am sure that {late} would want you to be happy."},
    {"sentimental", "questioning", "Please tell me more about {late}."},
};

struct NamingReplies {
  std::string_view slot;
  std::span<const Reply> pleasant;
  std::span<const Reply> painful;
};

// Nobody is a culprit in a pleasant story for long, and the dead are spoken of in one way.
constexpr NamingReplies first_table[] = {
    {"friend", friend_pleasant, friend_painful},
    {"culprit", culprit_painful, culprit_painful},
    {"late", late_any, late_any},
    {"pet", pet_pleasant, pet_painful},
    {"place", place_pleasant, place_painful},
    {"org", org_pleasant, org_painful},
};

constexpr NamingReplies second_table[] = {
    {"friend", friend_second, friend_second},
    {"late", late_second, late_second},
    {"pet", pet_second, pet_second},
    {"place", place_second, place_second},
};

std::span<const Reply> look_up(std::span<const NamingReplies> table, std::string_view slot, Tone tone) {
  for (const NamingReplies& entry : table) {
    if (entry.slot == slot) return tone == Tone::pleasant ? entry.pleasant : entry.painful;
  }
  fail("sample templates: no replies are written for a slot called '{}'", slot);
}

}  // namespace

std::span<const Reply> naming_replies(std::string_view slot, Tone tone) { return look_up(first_table, slot, tone); }

std::span<const Reply> second_naming_replies(std::string_view slot) {
  return look_up(second_table, slot, Tone::pleasant);
}

std::span<const Reply> plain_replies(Tone tone) {
  if (tone == Tone::pleasant) return plain_pleasant;
  return plain_painful;
}

std::span<const std::string_view> farewells(Tone tone) {
  if (tone == Tone::pleasant) return farewell_pleasant;
  return farewell_painful;
}

std::span<const Reply> farewell_replies(Tone tone) {
  if (tone == Tone::pleasant) return farewell_reply_pleasant;
  return farewell_reply_painful;
}

}  // namespace ethreed::sample
