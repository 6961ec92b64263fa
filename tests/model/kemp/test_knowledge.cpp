// KEMP's knowledge: what is read from the files that a user brings, and what is refused.

#include "model/kemp/knowledge.h"
#include "model/text/vocabulary.h"
#include "tests/model/tiny_dataset.h"

#include <zlib.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

// A data set with these words, the last `outside` of which are not in its vocabulary.
class WordsData {
 public:
  explicit WordsData(const std::vector<std::string>& words, int outside = 0) {
    DatasetContents contents;
    for (const std::string_view word : special_words) contents.words.id(word);
    for (const std::string& word : words) contents.words.id(word);
    const Dialogues dialogues{{{{4, 3}, {4, 3}, 1, -1}}};
    contents.splits = {split_contents("train", dialogues)};
    contents.vectors = Tensor<float>({contents.words.size() - outside, 2});
    contents.label_columns = {tiny_column};
    contents.min_frequency = 1;
    contents.max_length = 12;
    contents.has_listener_labels = true;
    contents.vectors_source = "random";
    data_.emplace(open_in_memory(contents, "words"));
  }
  const Dataset& operator*() const { return *data_; }
  std::size_t operator[](std::string_view word) const { return static_cast<std::size_t>(*data_->find(word)); }
  std::vector<std::string> words(const std::vector<std::int32_t>& ids) const {
    std::vector<std::string> out;
    for (const std::int32_t id : ids) out.emplace_back(data_->word(id));
    return out;
  }

 private:
  std::optional<Dataset> data_;
};

std::string assertion(const std::string& relation, const std::string& start, const std::string& end, double weight) {
  return fmt::format("/a/[]\t/r/{}\t{}\t{}\t{{\"dataset\": \"/d/x\", \"weight\": {}}}\n", relation, start, end, weight);
}

void pack(const std::filesystem::path& path, const std::string& text) {
  const gzFile file = ::gzopen(path.c_str(), "wb");
  REQUIRE(::gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  ::gzclose(file);
}

const std::vector<std::string> few_words{"dog", "joy", "love", "fear", "plain", "the", "like", "calm", "outside"};
const std::string few_lexicon =
    "dog\t0.8\t0.5\t0.5\njoy\t0.98\t0.8\t0.5\nlove\t0.95\t0.5\t0.5\nfear\t0.05\t0.9\t0.2\nplain\t0.5\t0.2\t0.5\n"
    "the\t0.9\t0.9\t0.9\nlike\t0.9\t0.6\t0.5\noutside\t0.9\t0.9\t0.9\nin front\t0.5\t0.5\t0.5\n";

}  // namespace

TEST_CASE("the intensity of a word is 0 at the lexicon's calmest and 1 at its most intense, and 0 outside it") {
  CHECK(emotion_intensity({.valence = 0.5 + 0.06467, .arousal = 0, .known = true}) == Approx(0).margin(1e-12));
  CHECK(emotion_intensity({.valence = 0, .arousal = 2 * std::sqrt(0.672138 * 0.672138 - 0.25), .known = true}) ==
        Approx(1));
  CHECK(emotion_intensity({.valence = 1, .arousal = 1, .known = true}) ==
        Approx((std::sqrt(0.5) - 0.06467) / 0.607468));
  CHECK(emotion_intensity({}) == 0);
}

TEST_CASE("concepts are ranked by their intensity and by how near they are to the word") {
  const Affect word{.valence = 0.9, .arousal = 0.2, .known = true}, near{.valence = 0.9, .arousal = 0.6, .known = true},
      far{.valence = 0.1, .arousal = 0.6, .known = true};
  REQUIRE(emotion_intensity(near) == Approx(emotion_intensity(far)));
  CHECK(concept_score(word, near) - concept_score(word, far) == Approx(0.4));
  CHECK(concept_score({}, near) == Approx(emotion_intensity(near) + 1 - 0.5));  // a word outside counts as (0.5, 0)
}

TEST_CASE("an affect lexicon is read from lines with tabs or blanks, with or without a header, packed, and from JSON") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  folder.file("plain.txt", few_lexicon);
  folder.file("header.txt", "Word\tValence\tArousal\tDominance\n" + few_lexicon);
  folder.file("blanks.txt", "dog 0.8 0.5 0.5\n\nfear  0.05 0.9 0.2\n");
  folder.file("lexicon.json", R"({"dog": [0.8, 0.5, 0.5], "fear": [0.05, 0.9, 0.2], "unseen": [0, 1, 1]})");
  pack(folder / "packed.txt.gz", few_lexicon);
  for (const char* name : {"plain.txt", "header.txt", "blanks.txt", "lexicon.json", "packed.txt.gz"}) {
    INFO(name);
    const AffectLexicon lexicon = read_affect_lexicon(folder / name, *data);
    REQUIRE(lexicon.size() == static_cast<std::size_t>((*data).vocabulary_size()));
    CHECK(lexicon[data["dog"]].valence == 0.8);
    CHECK(lexicon[data["dog"]].arousal == 0.5);
    CHECK(lexicon[data["fear"]].known);
    CHECK_FALSE(lexicon[data["calm"]].known);
  }
}

TEST_CASE("what is no affect lexicon is refused with its place, where a lexicon comes from, and its terms") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  const auto refused = [&](const std::string& text, const std::string& why) {
    folder.file("lexicon.txt", text);
    INFO(text);
    CHECK_THROWS_WITH(read_affect_lexicon(folder / "lexicon.txt", *data),
                      Contains(why) && Contains("lexicon.txt") && Contains("nrc-vad") &&
                          Contains("non-commercial research") && !Contains("\n"));
  };
  refused("dog 0.8 0.5 0.5\nfear 0.1 0.9\n", "lexicon.txt:2: the line is 'fear 0.1 0.9'");
  refused("dog\t0.8\t0.5\t0.5\t0.5\n", "wanted a word and three numbers");
  refused("dog 0.8 0.5 0.5\nfear -0.2 0.9 0.1\n", "'fear' has -0.2, wanted numbers from 0 to 1");
  refused("dog 0.8 0.5 0.5\nfear 0.2 high 0.1\n", "'fear' has something that is no number");
  refused("dog nan 0.5 0.5\n", "wanted numbers from 0 to 1");
  refused("nobody 0.8 0.5 0.5\n", "no word of the data's vocabulary");
  refused("outside 0.8 0.5 0.5\n", "no word of the data's vocabulary");
  refused("", "no word of the data's vocabulary");
  refused(R"({"dog": [0.8, 0.5]})", "wanted a list of three numbers");
  refused(R"({"dog": [0.8, 0.5, "x"]})", "no number");
  refused(R"({"dog": [0.8, 0.5, 1.5]})", "1.5, wanted numbers from 0 to 1");
  refused(R"({"dog": [0.8, 0.5, 0.5)", "lexicon.txt");
  CHECK_THROWS_WITH(read_affect_lexicon(folder / "none.txt", *data), Contains("none.txt") && Contains("nrc-vad"));
}

TEST_CASE("a concept map gives words their concepts in its order: intense ones, no words of grammar") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  folder.file("lexicon.txt", few_lexicon);
  folder.file("map.txt",
              "dog love\ndog plain\ndog the\ndog outside\ndog\tjoy\ndog love\ndog fear\nthe joy\nlike joy\njoy joy\n"
              "outside joy\n\nfear calm\nlove unheard\n");
  const AffectLexicon lexicon = read_affect_lexicon(folder / "lexicon.txt", *data);
  const ConceptLists lists = read_concept_map(folder / "map.txt", *data, lexicon, 2);
  CHECK(data.words(lists[data["dog"]]) == std::vector<std::string>{"love", "joy"});
  for (const char* word : {"the", "like", "joy", "fear", "love"}) CHECK(lists[data[word]].empty());
  for (const char* bad : {"dog\n", "dog love joy\n"}) {
    folder.file("map.txt", bad);
    CHECK_THROWS_WITH(read_concept_map(folder / "map.txt", *data, lexicon, 2),
                      Contains("map.txt:1: the line is") && Contains("CC BY-SA 4.0") && !Contains("\n"));
  }
  folder.file("map.txt", "dog plain\n");
  CHECK_THROWS_WITH(read_concept_map(folder / "map.txt", *data, lexicon, 2),
                    Contains("no word of the vocabulary a concept") && Contains("CC BY-SA 4.0"));
}

TEST_CASE("ConceptNet's assertions give both words each other, by weight, language and their last relation") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  folder.file("lexicon.txt", few_lexicon);
  const AffectLexicon lexicon = read_affect_lexicon(folder / "lexicon.txt", *data);
  const auto lists_of = [&](const std::string& text, int most = 3) {
    pack(folder / "assertions.csv.gz", text);
    return read_conceptnet(folder / "assertions.csv.gz", *data, lexicon, most);
  };
  const std::string kept = assertion("RelatedTo", "/c/en/calm", "/c/en/joy", 1);
  const auto of_dog = [&](const std::string& text) { return data.words(lists_of(text + kept)[data["dog"]]); };
  const std::vector<std::string> none, love{"love"};
  CHECK(of_dog(assertion("RelatedTo", "/c/en/dog/n/wn/animal", "/c/en/love", 1)) == love);
  CHECK(of_dog(assertion("RelatedTo", "/c/en/love", "/c/en/dog", 2.5)) == love);  // the other way round, too
  CHECK(of_dog(assertion("RelatedTo", "/c/en/dog", "/c/en/love", 0.99)) == none);
  CHECK(of_dog(assertion("RelatedTo", "/c/en/dog", "/c/fr/love", 1)) == none);
  CHECK(of_dog(assertion("RelatedTo", "/c/fr/dog", "/c/en/love", 1)) == none);
  for (const char* relation : {"Antonym", "Synonym", "dbpedia/genre", "MadeOf", "AtLocation"})
    CHECK(of_dog(assertion(relation, "/c/en/dog", "/c/en/love", 1)) == none);
  const std::string good = assertion("Causes", "/c/en/dog", "/c/en/love", 1),
                    bad = assertion("Antonym", "/c/en/love", "/c/en/dog", 1);
  CHECK(of_dog(good + bad) == none);  // the last relation counts
  CHECK(of_dog(bad + good) == love);
  for (const char* word : {"plain", "the", "outside", "dog", "dog_food"})
    CHECK(of_dog(assertion("RelatedTo", "/c/en/dog", fmt::format("/c/en/{}", word), 1)) == none);
  // Ranked by score, whatever the order and the weight.
  const std::string all =
      assertion("RelatedTo", "/c/en/dog", "/c/en/fear", 9) + good + assertion("RelatedTo", "/c/en/dog", "/c/en/joy", 1);
  CHECK(of_dog(all) == std::vector<std::string>{"joy", "love", "fear"});
  CHECK(data.words(lists_of(all, 1)[data["dog"]]) == std::vector<std::string>{"joy"});
  // A word that is nobody's concept has concepts all the same, and words of grammar have none.
  const ConceptLists lists = lists_of(all + kept + assertion("RelatedTo", "/c/en/the", "/c/en/joy", 1));
  CHECK(data.words(lists[data["calm"]]) == std::vector<std::string>{"joy"});
  CHECK(lists[data["the"]].empty());
  CHECK(lists[data["joy"]].empty());  // neither dog nor calm is intense
}

TEST_CASE("what is no file of assertions is refused with its place, where ConceptNet comes from, and its licence") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  folder.file("lexicon.txt", few_lexicon);
  const AffectLexicon lexicon = read_affect_lexicon(folder / "lexicon.txt", *data);
  const auto refused = [&](const std::string& text, const std::string& why) {
    folder.file("assertions.csv", text);
    INFO(text);
    CHECK_THROWS_WITH(read_conceptnet(folder / "assertions.csv", *data, lexicon, 3),
                      Contains(why) && Contains("assertions.csv") && Contains("CC BY-SA 4.0") &&
                          Contains("conceptnet5") && !Contains("\n"));
  };
  refused("dog love\n", "assertions.csv:1: the line is 'dog love', wanted five columns");
  refused("/a/\t/r/X\t/c/en/dog\t/c/en/love\t{\"weight\": 1}\tmore\n", "wanted five columns");
  refused("/a/\t/r/X\t/c/en/dog\t/c/en/love\t{\"wei\": 1}\n", "no number 'weight'");
  refused("/a/\t/r/X\t/c/en/dog\t/c/en/love\t{\"weight\": \n", "assertions.csv:1");
  refused("/a/\tX\t/c/en/dog\t/c/en/love\t{\"weight\": 1}\n", "the relation is 'X'");
  refused("", "no word of the vocabulary a concept");
  CHECK_THROWS_WITH(read_conceptnet(folder / "none.csv", *data, lexicon, 3),
                    Contains("none.csv") && Contains("CC BY-SA 4.0"));
}

TEST_CASE("what a checkpoint keeps of a word is its intensity, its concepts and theirs") {
  const TemporaryFolder folder;
  const WordsData data(few_words, 1);
  KempConfig config;
  config.knowledge = Knowledge::concept_map;
  config.concepts_per_word = 2;
  config.lexicon = folder.file("lexicon.txt", few_lexicon).string();
  config.concepts = folder.file("map.txt", "dog love\nfear joy\n").string();
  const std::vector<float> table = knowledge_table(config, *data);
  REQUIRE(table.size() == static_cast<std::size_t>((*data).vocabulary_size()) * 5);
  const auto row = [&](std::string_view word) {
    const auto begin = table.begin() + static_cast<std::ptrdiff_t>(data[word] * 5);
    return std::vector<float>(begin, begin + 5);
  };
  const auto intensity = [](double v, double a) {
    return static_cast<float>(emotion_intensity({.valence = v, .arousal = a, .known = true}));
  };
  CHECK(row("dog") ==
        std::vector<float>{intensity(0.8, 0.5), static_cast<float>(data["love"]), intensity(0.95, 0.5), -1, 0});
  CHECK(row("calm") == std::vector<float>{0, -1, 0, -1, 0});
}
