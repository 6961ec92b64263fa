#include "core/error.h"
#include "model/text/dataset.h"
#include "model/text/emotions.h"
#include "model/text/prepare.h"
#include "model/text/vocabulary.h"
#include "tests/model/corpus_text.h"
#include "tests/model/damaged_dataset.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>

#include <sys/resource.h>

using namespace ethreed;
using Catch::Contains;

namespace {

// Three training dialogues and one for validation, with words inside and outside the vocabulary.
void write_corpus(const TemporaryFolder& folder) {
  folder.file("train.csv", corpus_header +
                               "a,1,proud,s,1,I love my dog.,,\n"
                               "a,2,proud,s,0,I love zorbing.,,\n"
                               "b,1,sad,s,1,My dog dog died.,,\n"
                               "b,2,sad,s,0,Oh no. My dog.,,\n"
                               "b,3,sad,s,1,I know I love.,,\n"
                               "b,4,sad,s,0,I love love love love love love love.,,\n"
                               "c,1,sad,s,1,zorbing zorbing zorbing,,\n");  // dropped: counts for nothing
  folder.file("valid.csv", corpus_header +
                               "d,1,caring,s,1,I love quokkas.,,\n"
                               "d,2,caring,s,0,quokkas or unicorns?,,\n");
}

PrepareOptions options_of(const TemporaryFolder& folder) {
  PrepareOptions options;
  options.corpus_directory = folder.path();
  options.output_directory = folder / "out";
  options.max_length = 6;
  options.dimension = 5;
  return options;
}

}  // namespace

TEST_CASE("a prepared data set gives the dialogues back, word for word") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  REQUIRE(data.splits().size() == 2);
  const Split& train = data.split("train");
  REQUIRE(train.dialogues() == 2);
  CHECK(train.turns() == 3);
  CHECK(train.turns(0) == 1);
  CHECK(train.turns(1) == 2);
  CHECK(text_of(data, train.post(0, 0)) == "i love my dog . <eos>");
  CHECK(text_of(data, train.response(0, 0)) == "i love zorbing . <eos>");
  CHECK(text_of(data, train.post(1, 1)) == "i know i love . <eos>");
  CHECK(text_of(data, train.response(1, 1)) == "i love love love love <eos>");
  CHECK(train.emotion(1) == emotion_id("sad"));
  CHECK(train.listener_label(1, 1) == -1);
  CHECK(train.conversation_id(1) == "b");
  CHECK(text_of(data, data.split("valid").response(0, 0)) == "quokkas or unicorns ? <eos>");
}

TEST_CASE("the vocabulary comes from the complete turns of train alone, whole utterances counted") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  // love: 1 + 1 + 1 + 7 (also beyond the cut), "." in all six, i 4 + 1, dog 4, my 3; zorbing 1, for its three others
  // are in a dropped dialogue.
  CHECK(content_of(folder / "out/vocabulary.txt") == "<pad>\n<unk>\n<sos>\n<eos>\nlove\n.\ni\ndog\nmy\n");
  CHECK(summary.vocabulary_size == 9);
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.vocabulary_size() == 9);
  CHECK(data.find("dog") == 7);
  CHECK(data.find("zorbing").value() >= 9);
  CHECK_FALSE(data.find("absent"));
  CHECK(data.vectors().shape == Shape{9, 5});
  CHECK(data.vocabulary().size() == 9);
  WordTable words = data.word_table();
  CHECK(words.size() == data.words());
  CHECK(words.id("absent") == data.words());
}

TEST_CASE("the summary's numbers are those of the data set") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  const SplitSummary& train = summary.splits.at(0);
  CHECK(train.rows == 7);
  CHECK(train.dialogues == 2);
  CHECK(train.turns == 3);
  CHECK(train.dropped_dialogues == 1);
  CHECK(train.dropped_posts == 1);
  CHECK(train.truncated == 2);  // "oh no . my dog ." and the one with seven loves
  CHECK(train.tokens == 6 + 5 + 6 + 6 + 6 + 6);
  CHECK(train.target_tokens == 5 + 6 + 6);
  CHECK(train.unknown_tokens == 5);  // zorbing, died, oh, no, know
  CHECK(train.unknown_targets == 3);
  CHECK(train.unreachable_targets == 3);
  CHECK(train.emotions[*emotion_id("sad")] == 1);
  const SplitSummary& valid = summary.splits.at(1);
  CHECK(valid.unknown_targets == 4);      // quokkas or unicorns ?
  CHECK(valid.unreachable_targets == 3);  // quokkas can be copied
  const auto json = nlohmann::json::parse(content_of(folder / "out/summary.json"));
  CHECK(json["vocabulary_size"] == 9);
  CHECK(json["splits"][1]["unreachable_targets"] == 3);
  CHECK(json["fingerprint"] == Dataset::open(folder / "out").fingerprint());
  CHECK(content_of(folder / "out/summary.txt") == summary.text());
}

TEST_CASE("without listener labels the summary says loudly what is off, with them it does not") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  CHECK_THAT(prepare(options).text(), Contains("*** NO LISTENER LABELS") && Contains("KL term"));
  CHECK_FALSE(Dataset::open(folder / "out").has_listener_labels());
  options.labels = folder.file("labels.csv", "conv_id,utterance_idx,label\nb,4,caring\nd,2,neutral\n");
  options.other_labels = OtherLabels::ignore;
  const PrepareSummary summary = prepare(options);
  CHECK_THAT(summary.text(), !Contains("NO LISTENER LABELS"));
  CHECK(summary.splits.at(0).labelled_turns == 1);
  CHECK(summary.other_labels == 1);
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.has_listener_labels());
  CHECK(data.split("train").listener_label(1, 1) == emotion_id("caring"));
  CHECK(data.split("train").listener_label(0, 0) == -1);
}

TEST_CASE("vectors of a file reach the data set with their coverage") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  options.vectors = folder.file("glove.txt", "dog 1 2\nlove 3 4\nunseen 5 6\n");
  const PrepareSummary summary = prepare(options);
  CHECK(summary.dimension == 2);
  CHECK(summary.covered_words == 2);
  CHECK(summary.covered_tokens == Approx(11.0 / 29.0));  // after the cut: 7 love and 4 dog of 29 words
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.vectors().row(data.find("dog").value())[1] == 2.0F);
}

TEST_CASE("the same input gives the same bytes, another option another fingerprint") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  const PrepareSummary first = prepare(options);
  options.output_directory = folder / "again";
  CHECK(prepare(options).fingerprint == first.fingerprint);
  for (const char* name : {"dataset.safetensors", "vocabulary.txt", "summary.txt", "summary.json"})
    CHECK(content_of(folder / "out" / name) == content_of(folder / "again" / name));
  options.max_length = 7;
  CHECK(prepare(options).fingerprint != first.fingerprint);
}

TEST_CASE("preparing refuses options out of range and corpora that are not whole, and makes no folder then") {
  const TemporaryFolder folder;
  const auto refuses = [&](const PrepareOptions& options, std::string_view reason) {
    CHECK_THROWS_WITH(prepare(options), Contains(std::string(reason)));
    CHECK_FALSE(std::filesystem::exists(options.output_directory / "dataset.safetensors"));
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
  };
  PrepareOptions options = options_of(folder);
  refuses(options, "there is no train.csv");
  write_corpus(folder);
  options.max_length = 1;
  refuses(options, "max_length is 1");
  options = options_of(folder);
  options.min_frequency = 0;
  refuses(options, "min_frequency is 0");
  options.min_frequency = 1000;
  refuses(options, "lower --min-frequency");
  options = options_of(folder);
  options.dimension = 0;
  refuses(options, "dimension is 0");
  options = options_of(folder);
  options.vectors = folder / "absent.txt";
  refuses(options, "absent.txt: cannot be opened");
  options = options_of(folder);
  options.output_directory = folder / "no/such/parent";
  refuses(options, "the folder cannot be made");
  options.output_directory = folder / "train.csv";
  refuses(options, "is not a folder");
  options = options_of(folder);
  options.corpus_directory = folder / "absent";
  refuses(options, "absent: is not a folder");
  folder.file("test.csv", corpus_header + "a,1,sad,s,1,Hi,,\na,2,sad,s,0,Yes,,\n");
  refuses(options_of(folder), "the dialogue 'a' is in train.csv and in test.csv");
}

TEST_CASE("a disk that fills up while preparing leaves the old data set whole, or no folder where there was none") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  const std::string fingerprint = prepare(options).fingerprint;
  options.dimension = 2000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 16384;
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_WITH(prepare(options), Contains("dataset.safetensors: writing it failed"));
  options.output_directory = folder / "new";
  CHECK_THROWS_AS(prepare(options), Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(Dataset::open(folder / "out").fingerprint() == fingerprint);
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "out"), std::filesystem::directory_iterator()) == 4);
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_CASE("a data set that is absent, of another version or lacks a split is refused with what to do") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(Dataset::open(folder.path()), Contains("no prepared data set here") && Contains("ethreed prepare"));
  write_corpus(folder);
  prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  CHECK_FALSE(data.has_split("test"));
  CHECK_THROWS_WITH(data.split("test"), Contains("no split 'test'") && Contains("test.csv"));
  CHECK_THROWS_WITH(data.word(data.words()), Contains("outside the table"));
  std::string bytes = content_of(folder / "out/dataset.safetensors");
  const std::string version = "\"format_version\":\"2\"";
  bytes.replace(bytes.find(version), version.size(), "\"format_version\":\"9\"");
  folder.file("out/dataset.safetensors", bytes);
  CHECK_THROWS_WITH(Dataset::open(folder / "out"),
                    Contains("format version 9") && Contains("prepare the corpus again"));
}

TEST_CASE("damage inside a data set is found when it is opened") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder));
  const DamagedDataset damaged(folder);
  damaged.put("train.tokens", 0, std::int32_t{1000}, "token is outside the word table");
  damaged.put("train.tokens", 0, std::int32_t{-1}, "token is outside the word table");
  damaged.put("train.tokens", 0, eos_id, "only end mark");
  damaged.put("train.tokens", 0, pad_id, "holds a pad");
  damaged.put("train.utterance_offsets", 8, std::int64_t{0}, "utterance is empty");
  damaged.put("train.utterance_offsets", 8, std::int64_t{1} << 60, "offsets of the utterances");
  damaged.put("train.dialogue_offsets", 8, std::int64_t{0}, "dialogue has no turn");
  damaged.put("train.dialogue_offsets", 0, std::int64_t{-1}, "offsets of the dialogues");
  damaged.put("train.conversation_offsets", 0, std::int64_t{-1}, "conversation ids");
  damaged.put("train.emotion", 0, std::int32_t{32}, "emotion is not one of the 32");
  damaged.put("train.listener_label", 0, std::int32_t{-2}, "listener label is not one of the 32");
  damaged.put("words.offsets", 0, std::int64_t{5}, "word table");
  damaged.put("words.bytes", 0, std::uint8_t{'x'}, "not the special word");
  damaged.put("vectors", 0, std::int32_t{0x7fc00000}, "not finite");
}

TEST_CASE("emotions of another set and of every post come back from the data set, the 32 leave its format as it was") {
  const TemporaryFolder folder;
  folder.file("train.jsonl", R"({"conv_id": "a", "utterance": "I love it", "emotion": "zen"}
{"conv_id": "a", "utterance": "I love it", "emotion": "neutral"}
{"conv_id": "a", "utterance": "I love it", "emotion": ""}
{"conv_id": "a", "utterance": "I love it", "emotion": "zen"}
)");
  const PrepareSummary summary = prepare(options_of(folder));
  CHECK(summary.emotions == std::vector<std::string>{"neutral", "zen"});
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.emotions().names() == std::vector<std::string>{"neutral", "zen"});
  const Split& train = data.split("train");
  CHECK(train.emotion(0) == 1);
  CHECK(train.post_emotion(0, 0) == 1);
  CHECK(train.post_emotion(0, 1) == -1);
  CHECK(train.listener_label(0, 0) == 0);
  CHECK(train.listener_label(0, 1) == 1);
  CHECK(content_of(folder / "out/dataset.safetensors").find("\"format_version\":\"3\"") != std::string::npos);
  std::filesystem::remove(folder / "train.jsonl");
  write_corpus(folder);
  prepare(options_of(folder));
  CHECK(content_of(folder / "out/dataset.safetensors").find("\"format_version\":\"2\"") != std::string::npos);
  const Dataset usual = Dataset::open(folder / "out");
  CHECK(usual.emotions().is_default());
  CHECK(usual.split("train").post_emotion(1, 1) == usual.split("train").emotion(1));
}
