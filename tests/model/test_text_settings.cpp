// Data sets in the setting of the published releases: their tokens, and a vocabulary of all splits.

#include "core/error.h"
#include "core/safetensors.h"
#include "model/text/dataset.h"
#include "model/text/prepare.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "tests/model/corpus_text.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace ethreed;
using Catch::Contains;

namespace {

void write_corpus(const TemporaryFolder& folder) {
  folder.file("train.csv", corpus_header +
                               "a,1,sad,'Tis my wug,1,I cannot see *it*.,,\n"
                               "a,2,sad,'Tis my wug,0,Wouldn't it come?,,\n"
                               "a,3,sad,'Tis my wug,1,It ran..,,\n"
                               "a,4,sad,'Tis my wug,0,Oh dear,,\n"
                               "b,1,sad,It ran off,1,I see a mip.,,\n"
                               "b,2,sad,It ran off,0,So sad,,\n"
                               "b,3,sad,It ran off,1,never answered,,\n");
  folder.file("valid.csv", corpus_header +
                               "c,1,sad,It rained,1,A blor,,\n"
                               "c,2,sad,It rained,0,A snork,,\n");
}

void write_test_split(const TemporaryFolder& folder) {
  folder.file("test.csv", corpus_header + "d,1,sad,It hailed,1,Pling,,\nd,2,sad,It hailed,0,Plong mip,,\n");
}

PrepareOptions options_of(const TemporaryFolder& folder, TokenRules tokens, VocabularyOf vocabulary) {
  PrepareOptions options;
  options.corpus_directory = folder.path();
  options.output_directory = folder / "out";
  options.tokens = tokens;
  options.vocabulary = vocabulary;
  options.max_length = 10'000;
  options.max_situation_length = 10'000;
  options.dimension = 5;
  return options;
}

}  // namespace

TEST_CASE("a data set has the tokens that were asked for, and says which") {
  const TemporaryFolder folder;
  write_corpus(folder);
  std::set<std::string> fingerprints, texts;
  for (const auto& [tokens, post] : {std::pair(TokenRules::own, "i cannot see * it * . <eos>"),
                                     {TokenRules::published_older, "i can not see *it* . <eos>"},
                                     {TokenRules::published_newer, "i can not see * it * . <eos>"}}) {
    INFO(name_of(tokens));
    PrepareOptions options = options_of(folder, tokens, VocabularyOf::train);
    options.min_frequency = 1;
    const PrepareSummary summary = prepare(options);
    const Dataset data = Dataset::open(folder / "out");
    CHECK(data.tokens() == tokens);
    CHECK(data.word_table().rules() == tokens);
    CHECK(data.vocabulary().rules() == tokens);
    CHECK(text_of(data, data.split("train").post(0, 0)) == post);
    fingerprints.insert(data.fingerprint());
    texts.insert(data.texts_fingerprint());
    CHECK(nlohmann::json::parse(content_of(folder / "out/summary.json"))["tokens"] == name_of(tokens));
    CHECK((summary.text().find("tokens: published") != std::string::npos) == (tokens != TokenRules::own));
    PrepareSummary in_memory;
    CHECK(prepare_in_memory(options, in_memory).tokens() == tokens);
  }
  CHECK(fingerprints.size() == 3);
  CHECK(texts.size() == 3);
}

TEST_CASE("the tokens of situations are those of the dialogues") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder, TokenRules::published_older, VocabularyOf::full));
  const Dataset data = Dataset::open(folder / "out");
  CHECK(text_of(data, data.split("train").situation(0)) == "'t is my wug <eos>");
}

TEST_CASE("the name of the tokens is part of the fingerprint, even where they are the same") {
  const TemporaryFolder folder;
  folder.file("train.csv", corpus_header + "a,1,sad,so,1,blor mip,,\na,2,sad,so,0,wug,,\n");
  PrepareOptions options = options_of(folder, TokenRules::own, VocabularyOf::train);
  options.min_frequency = 1;
  const PrepareSummary own = prepare(options);
  options.tokens = TokenRules::published_older;
  const PrepareSummary older = prepare(options);
  CHECK(own.vocabulary_size == older.vocabulary_size);
  CHECK(own.fingerprint != older.fingerprint);
  CHECK(own.texts_fingerprint != older.texts_fingerprint);
}

TEST_CASE("a data set of tokens that are not known is refused with the names of those that are") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder, TokenRules::published_older, VocabularyOf::full));
  const SafetensorsFile file(folder / "out/dataset.safetensors");
  std::string bytes = content_of(folder / "out/dataset.safetensors");
  const std::string name = "published-older 1";
  bytes.replace(bytes.find(name), name.size(), "published-oldest ");
  std::filesystem::create_directory(folder / "changed");
  folder.file("changed/dataset.safetensors", bytes);
  CHECK_THROWS_WITH(Dataset::open(folder / "changed"),
                    Contains("version published-oldest  of the tokenizer") && Contains("1, published-older 1, "));
}

TEST_CASE("a full vocabulary has every word of every split and its situations, in the releases' order") {
  const TemporaryFolder folder;
  write_corpus(folder);
  write_test_split(folder);
  const PrepareSummary summary = prepare(options_of(folder, TokenRules::published_older, VocabularyOf::full));
  // Train: what is before a response, the responses, the situations; then valid and test. What nobody answered is in
  // no split.
  const std::string wanted =
      "<pad> <unk> <sos> <eos> i can not see *it* . would n't it come ? ran.. a mip oh dear so sad "
      "'t is my wug ran off blor snork rained pling plong hailed ";
  std::string lines = wanted;
  std::replace(lines.begin(), lines.end(), ' ', '\n');
  CHECK(content_of(folder / "out/vocabulary.txt") == lines);
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.words() == data.vocabulary_size());
  CHECK(data.dialogue_words() == data.vocabulary_size());
  CHECK(data.min_frequency() == 1);
  for (const SplitSummary& split : summary.splits) {
    INFO(split.name);
    CHECK(split.unknown_tokens == 0);
    CHECK(split.unknown_situation_tokens == 0);
  }
  CHECK(nlohmann::json::parse(content_of(folder / "out/summary.json"))["vocabulary"] == "full");
}

TEST_CASE("a full vocabulary is said loudly, with the splits whose words are known and those that are absent") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareOptions options = options_of(folder, TokenRules::published_newer, VocabularyOf::full);
  const std::string without_test = prepare(options).text();
  CHECK_THAT(without_test, Contains("*** THE VOCABULARY HAS THE WORDS OF valid ***") &&
                               Contains("perplexities do not compare") && Contains("There is no test split"));
  write_test_split(folder);
  const std::string with_test = prepare(options).text();
  CHECK_THAT(with_test, Contains("OF valid AND test ***") && !Contains("There is no"));
  CHECK_THAT(prepare(options_of(folder, TokenRules::own, VocabularyOf::full)).text(),
             Contains("every word of every split") && !Contains("tokens: "));
}

TEST_CASE("no utterance is cut at the longest length, and a corpus without a word has no full vocabulary") {
  const TemporaryFolder folder;
  std::string long_text;
  for (int i = 0; i < 1'500; ++i) long_text += "blor ";
  folder.file("train.csv", corpus_header + "a,1,sad,so,1," + long_text + ",,\na,2,sad,so,0,mip,,\n");
  const PrepareSummary summary = prepare(options_of(folder, TokenRules::published_older, VocabularyOf::full));
  CHECK(summary.splits.at(0).truncated == 0);
  CHECK(Dataset::open(folder / "out").split("train").post(0, 0).size() == 1'501);
  folder.file("train.csv", corpus_header + "a,1,sad,,1,\",,\na,2,sad,,0,\"\",,\n");
  CHECK_THROWS_WITH(prepare(options_of(folder, TokenRules::published_older, VocabularyOf::full)),
                    Contains("no text of the corpus has a word"));
}
