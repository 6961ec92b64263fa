#include "tools/sample_generator/names.h"

#include "core/error.h"
#include "core/philox.h"

#include <numeric>
#include <span>

namespace ethreed::sample {

namespace {

constexpr std::string_view person_starts[] = {
    "Ab",  "Ada",  "Ald", "Amar", "Ang", "Bel", "Ber", "Bran", "Bri", "Cal", "Cass", "Cor", "Dal", "Dar", "Del", "Dor",
    "Ed",  "El",   "Em",  "Er",   "Est", "Fay", "Fen", "Flor", "Gar", "Gis", "Gwen", "Hal", "Har", "Hel", "Il",  "Ing",
    "Is",  "Jar",  "Jes", "Jor",  "Kal", "Kat", "Kir", "Lan",  "Lar", "Leo", "Lor",  "Mag", "Mal", "Mar", "Mel", "Mir",
    "Nad", "Ner",  "Nor", "Od",   "Ol",  "Or",  "Pat", "Per",  "Ral", "Ram", "Ros",  "Sal", "Sam", "Ser", "Sol", "Tal",
    "Tam", "Thel", "Tor", "Ul",   "Val", "Ver", "Wen", "Wil",  "Xan", "Yas", "Yor",  "Zel", "Zor", "Phil"};
constexpr std::string_view person_ends[] = {
    "isol",  "abeth", "adine", "ando",  "anka",   "ariel", "astro", "avina", "bertha", "brina", "cilia",
    "demar", "dolin", "drina", "elina", "elmo",   "endra", "essa",  "ette",  "fried",  "gard",  "gonda",
    "iana",  "ibel",  "icent", "idora", "ilda",   "imund", "indra", "ito",   "itza",   "lando", "leigh",
    "linde", "lotta", "mina",  "mund",  "nella",  "olin",  "onso",  "orina", "quin",   "rick",  "ronda",
    "senka", "tavio", "thora", "ulina", "vander", "wena",  "win",   "wyn",   "yanka",  "zane"};
constexpr std::string_view place_starts[] = {
    "Alder", "Amber",  "Ash",    "Barrow", "Beck",   "Birken", "Black",  "Brack",  "Bram", "Brindle",
    "Brock", "Bux",    "Calver", "Chel",   "Clover", "Cold",   "Crag",   "Dapple", "Deep", "Dun",
    "Elder", "Elm",    "Fal",    "Fern",   "Fox",    "Gains",  "Glen",   "Golds",  "Grim", "Hather",
    "Hawk",  "Hazel",  "Heron",  "Holl",   "Ivy",    "Kel",    "King",   "Lang",   "Lark", "Linden",
    "Loch",  "Mallow", "Marsh",  "Mistle", "Nettle", "North",  "Oaken",  "Otter",  "Pem",  "Quill",
    "Raven", "Red",    "Rook",   "Rush",   "Salt",   "Sedge",  "Silver", "Stone",  "Tarn", "Thistle",
    "Tober", "Wether", "Whit",   "Willow", "Winter", "Wolver", "Yarrow", "Yew"};
constexpr std::string_view place_ends[] = {
    "barrow", "beach", "berg",   "borne",  "bourne", "bridge", "brook",   "burgh", "bury", "by",    "cliffe",
    "combe",  "croft", "dale",   "den",    "dorf",   "downe",  "fell",    "field", "ford", "gate",  "ham",
    "haven",  "hurst", "ington", "leigh",  "loch",   "mere",   "minster", "mont",  "mory", "mouth", "ness",
    "port",   "sea",   "stead",  "thorpe", "ton",    "vale",   "ville",   "wick",  "worth"};
constexpr std::string_view pet_starts[] = {
    "Bin",  "Bis", "Bon",  "Boo",  "Bum",  "Choc", "Chub", "Coo", "Dap",  "Dim", "Doo",  "Fid",  "Fig",   "Fizz",
    "Flop", "Flu", "Fris", "Gig",  "Gum",  "Hob",  "Jig",  "Kik", "Lol",  "Mif", "Mim",  "Moch", "Mop",   "Muf",
    "Nib",  "Nut", "Pep",  "Pic",  "Pip",  "Pom",  "Pud",  "Puf", "Quib", "Rum", "Scam", "Skit", "Snick", "Sock",
    "Spar", "Tib", "Tof",  "Truf", "Twin", "Waf",  "Whis", "Wig", "Zig",  "Zum", "Bram", "Cus",  "Dol",   "Hic"};
constexpr std::string_view pet_ends[] = {
    "abel",   "alina", "aroo",   "bert", "bles", "boo",  "by",     "carino",  "cat",   "cheeks", "dle",
    "doodle", "ella",  "erino",  "ers",  "etto", "fin",  "giro",   "ica",     "ikins", "imo",    "ino",
    "jou",    "kin",   "kins",   "let",  "lina", "lo",   "mallow", "meister", "nando", "noodle", "ollo",
    "oodle",  "oso",   "pernel", "puff", "sy",   "tail", "tino",   "toes",    "wick",  "zini"};
constexpr std::string_view org_starts[] = {
    "Ac",     "Aero",  "Alba", "Apex", "Arc",   "Auro",  "Bio",   "Blue",  "Bright", "Cedar", "Cob",
    "Cop",    "Cyber", "Dyna", "Ever", "Fair",  "Ferro", "Flex",  "Gen",   "Gold",   "Grand", "Green",
    "Harbor", "Hexa",  "Iron", "Jet",  "Kin",   "Kite",  "Lumi",  "Lux",   "Macro",  "Maple", "Mega",
    "Micro",  "Moon",  "Neo",  "Nova", "Omni",  "Orb",   "Penn",  "Pix",   "Polar",  "Prime", "Quan",
    "Rapid",  "River", "Sky",  "Sun",  "Terra", "Tri",   "Ultra", "Vento", "Vita",   "Zen"};
constexpr std::string_view org_ends[] = {"aria",  "axis",  "bank", "barn", "berry", "bolt",  "box",  "brix",  "cart",
                                         "chem",  "core",  "corp", "dex",  "dine",  "dyne",  "fab",  "fare",  "flow",
                                         "foods", "forge", "gear", "grid", "hub",   "lane",  "link", "loom",  "mart",
                                         "max",   "media", "mill", "nest", "onix",  "pact",  "plex", "quest", "soft",
                                         "stack", "tech",  "tron", "via",  "ware",  "works", "zone"};

struct NameKind {
  std::span<const std::string_view> starts;
  std::span<const std::string_view> ends;
  std::uint32_t stream;  // of random numbers, so that the kinds are ordered independently
  std::uint64_t count() const { return starts.size() * ends.size(); }
};

NameKind kind_of(std::string_view slot) {
  if (slot == "friend" || slot == "culprit" || slot == "late") return {person_starts, person_ends, 1};
  if (slot == "place") return {place_starts, place_ends, 2};
  if (slot == "pet") return {pet_starts, pet_ends, 3};
  if (slot == "org") return {org_starts, org_ends, 4};
  fail("made_up_name: no slot is called '{}'; the slots are listed in tools/sample_generator/templates.h", slot);
}

}  // namespace

std::uint64_t name_count(std::string_view slot) { return kind_of(slot).count(); }

std::string made_up_name(std::string_view slot, std::uint64_t seed, std::uint64_t counter) {
  const NameKind kind = kind_of(slot);
  const std::uint64_t count = kind.count();
  // counter -> (step · counter + offset) mod count visits every name once, because step and count have no common
  // factor. A step near the golden ratio of count makes neighbours look unrelated.
  const PhiloxStream random(seed, kind.stream);
  std::uint64_t step = count * 618 / 1000 + random.below(97, 0);
  while (std::gcd(step, count) != 1) ++step;
  const std::uint64_t index = (step * (counter % count) + random.below(count, 1)) % count;
  std::string name(kind.starts[index / kind.ends.size()]);
  return name.append(kind.ends[index % kind.ends.size()]);
}

}  // namespace ethreed::sample
