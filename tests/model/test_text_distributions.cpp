// Probabilities of a label column's classes: from the file of labels into a data set, and back.

#include "core/error.h"
#include "core/hash.h"
#include "model/text/dataset.h"
#include "model/text/prepare.h"
#include "tests/model/corpus_text.h"
#include "tests/model/damaged_dataset.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

using Values = std::vector<float>;

// What the program wrote for these files before it kept such probabilities.
constexpr std::string_view earlier_fingerprint = "5be38db04ce10f36";
constexpr std::string_view earlier_texts_fingerprint = "fbca5f6411d049bc";
constexpr std::uint64_t earlier_bytes = 0xe5d1951d8fe2ccba;

const std::string act_columns = "split,conv_id,utterance_idx,label,p_asks,p_sad,p_Zeal\n";

void write_corpus(const TemporaryFolder& folder) {
  folder.file("train.csv", corpus_header +
                               "a,1,proud,s,1,I love my dog.,,\n"
                               "a,2,proud,s,0,What dog?,,\n"
                               "a,3,proud,s,1,My dog.,,\n"
                               "a,4,proud,s,0,A dog?,,\n"
                               "b,1,sad,s,1,My dog died.,,\n"
                               "b,2,sad,s,0,Oh no.,,\n"
                               "b,3,sad,s,1,Bye.,,\n");
  folder.file("valid.csv", corpus_header +
                               "d,1,sad,s,1,I love a dog.,,\n"
                               "d,2,sad,s,0,Me too.,,\n");
  folder.file("acts.csv", act_columns +
                              "train,a,1,sad,0.2,0.7,0.1\n"
                              "train,a,2,asks,0.5,0.25,0.25\n"
                              "train,a,4,asks,0.5,0.204,0.3\n"
                              "train,b,3,sad,0,1,0\n"
                              "valid,d,2,sad,0,1,0\n"
                              "test,z,2,sad,0,1,0\n");
  folder.file("topics.csv", "label,conv_id,utterance_idx\npets,a,1\npets,d,2\n");
}

PrepareOptions options_of(const TemporaryFolder& folder, bool distributions = true) {
  PrepareOptions options{.corpus_directory = folder.path(), .output_directory = folder / "out"};
  options.label_columns = {{"act", folder / "acts.csv", distributions}, {"topic", folder / "topics.csv"}};
  options.min_frequency = 1;
  options.dimension = 2;
  return options;
}

Values row(const Dataset& data, const std::string& split, std::int64_t d, std::int64_t t, bool response) {
  const std::span<const float> p = data.split(split).labels("act")->distribution(d, t, response);
  return {p.begin(), p.end()};
}

}  // namespace

TEST_CASE("a label column keeps the probabilities of its file, divided by their sum, where an utterance has a label") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.has_label_distributions("act"));
  CHECK_FALSE(data.has_label_distributions("topic"));
  CHECK_FALSE(data.has_label_distributions("none"));
  // Every p_CLASS is a class, whether or not a label is of it.
  CHECK(data.label_column("act")->classes == std::vector<std::string>{"Zeal", "asks", "sad"});
  CHECK(data.split("train").labels("act")->label(0, 0, false) == 2);
  CHECK(row(data, "train", 0, 0, false) == Values{0.1F, 0.2F, 0.7F});
  CHECK(row(data, "train", 0, 0, true) == Values{0.25F, 0.5F, 0.25F});
  CHECK(row(data, "train", 0, 1, false).empty());  // no label
  const Values scaled = row(data, "train", 0, 1, true);
  REQUIRE(scaled.size() == 3);
  CHECK(scaled[0] == Approx(0.3 / 1.004).epsilon(1e-6));
  CHECK(scaled[1] == Approx(0.5 / 1.004).epsilon(1e-6));
  CHECK(scaled[2] == Approx(0.204 / 1.004).epsilon(1e-6));
  CHECK(row(data, "train", 1, 0, true).empty());
  CHECK(row(data, "valid", 0, 0, true) == Values{0, 0, 1});
  CHECK(data.split("train").labels("topic")->distribution(0, 0, false).empty());
  CHECK_THAT(summary.text(), Contains("4 labels 'act' have the probabilities of all 3 classes"));
  CHECK(content_of(folder / "out/dataset.safetensors").find("\"format_version\":\"5\"") != std::string::npos);
}

TEST_CASE("a data set without probabilities of label columns keeps its bytes and its fingerprints") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder, false));
  CHECK(summary.fingerprint == earlier_fingerprint);
  CHECK(summary.texts_fingerprint == earlier_texts_fingerprint);
  const std::string bytes = content_of(folder / "out/dataset.safetensors");
  CHECK(fnv1a(std::as_bytes(std::span(bytes))) == earlier_bytes);
  CHECK(std::none_of(summary.notes.begin(), summary.notes.end(),
                     [](const Note& note) { return note.key == "column_distributions"; }));
}

TEST_CASE("probabilities of a label column change the fingerprint of the texts, and that of who learns them alone") {
  const TemporaryFolder folder;
  write_corpus(folder);
  struct Fingerprints {
    std::string dialogues, texts, labels, distributions;
  };
  const auto fingerprints = [&] {
    prepare(options_of(folder));
    const Dataset data = Dataset::open(folder / "out");
    return Fingerprints{data.fingerprint(), data.texts_fingerprint(),
                        data.training_fingerprint({.label_column = "act"}),
                        data.training_fingerprint({.label_column = "act", .label_distributions = true})};
  };
  const Fingerprints before = fingerprints();
  CHECK(before.dialogues == earlier_fingerprint);
  CHECK(before.texts != earlier_texts_fingerprint);
  CHECK(before.labels != before.distributions);
  std::string acts = content_of(folder / "acts.csv");
  acts.replace(acts.find("0.5,0.25,0.25"), 13, "0.6,0.15,0.25");
  folder.file("acts.csv", acts);
  const Fingerprints after = fingerprints();
  CHECK(after.dialogues == before.dialogues);
  CHECK(after.texts != before.texts);
  CHECK(after.labels == before.labels);
  CHECK(after.distributions != before.distributions);
}

TEST_CASE("files of label columns whose probabilities are none are refused with file and line") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  const auto refuses = [&](const std::string& content, const std::string& reason) {
    INFO(content);
    options.label_columns = {{"x", folder.file("x.csv", content), true}};
    CHECK_THROWS_WITH(prepare(options), Contains(reason) && !Contains("\n"));
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
  };
  const std::string two = "conv_id,utterance_idx,label,p_asks,p_sad\n";
  refuses("conv_id,utterance_idx,label,probability\na,1,sad,0.7\n",
          "x.csv: has no columns p_CLASS, which the probabilities of its classes come from; write them with: ethreed "
          "label --distribution");
  refuses(two + "a,1,sad,0.3,0.7\na,2,Zeal,0.3,0.7\n", "x.csv:3: the label 'Zeal' has no column p_Zeal");
  refuses(two + "a,1,sad,0.3,0.6\n", "x.csv:2: the probabilities sum to 0.9, wanted 1");  // of a class that is left out
  refuses(two + "a,1,sad,0.3,0.7\na,2,sad,nan,0.7\n", "x.csv:3: p_asks is 'nan', wanted a probability from 0 to 1");
  refuses(two + "a,1,sad,-0.1,1.1\n", "x.csv:2: p_asks is '-0.1', wanted a probability");
  refuses(two + "a,1,sad,,1\n", "x.csv:2: p_asks is '', wanted a probability");
  refuses("conv_id,utterance_idx,label,p_sad, p_sad\na,1,sad,0.5,0.5\n", "two columns are called 'p_sad'");
  refuses(two + "a,1,,0.5,0.5\n", "x.csv:2: the label is empty");
}

TEST_CASE("probabilities for a run have its classes in its order, and 0 where the file has no such class") {
  const TemporaryFolder folder;
  write_corpus(folder);
  DataLikeness like{.vocabulary = {"<pad>", "<unk>", "<sos>", "<eos>", "dog"},
                    .labels = {{"act", {"Zeal", "agrees", "asks", "sad", "zero"}}},
                    .max_length = 40,
                    .max_situation_length = 100,
                    .dimension = 2};
  like.emotions = EmotionSet().names();
  PrepareOptions options = options_of(folder);
  options.like = like;
  prepare(options);
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.label_column("act")->classes == like.labels[0].classes);
  CHECK(data.split("train").labels("act")->label(0, 0, false) == 3);
  CHECK(row(data, "train", 0, 0, false) == Values{0.1F, 0, 0.2F, 0.7F, 0});
  CHECK(row(data, "train", 0, 1, false).empty());
  options.like->labels[0].classes = {"Zeal", "sad"};
  CHECK_THROWS_WITH(prepare(options), Contains("acts.csv: the label 'asks' is none of the 2 classes that the run has"));
}

TEST_CASE("damage to the probabilities of label columns is found when a data set is opened") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder));
  const DamagedDataset damaged(folder);
  const auto put = [&](std::size_t place, float value, std::string_view reason) {
    damaged.put("train.label_distribution.act", place * sizeof(float), value, reason);
  };
  put(0, 0.5F, "split train: a distribution 'act' is none, or stands where no label is");
  put(0, -0.1F, "a distribution 'act' is none");
  put(0, std::nanf(""), "a distribution 'act' is none");
  put(3 * 2, 1.0F, "stands where no label is");
  put(0, 0.10001F, "was changed after it was prepared");
  damaged.edit("\"train.label_distribution.act\"", "\"train.label_distribution.akt\"",
               "the labels 'train.label_distribution.akt' have no classes");
  damaged.edit("Zeal\\nasks\\nsad", "A\\nZ\\nasks\\nsad",
               "the distributions 'act' do not fit the utterances and the classes");
}

TEST_CASE("a writer refuses probabilities of fewer columns than there are") {
  const TemporaryFolder folder;
  DatasetContents contents;
  contents.label_columns = {{"act", {"asks"}}, {"topic", {"pets"}}};
  contents.splits.push_back({.name = "train", .labels = {{}, {}}, .label_distributions = std::vector<Values>(1)});
  AtomicFile file(folder / "dataset.safetensors");
  CHECK_THROWS_WITH(write_dataset(file, contents),
                    Contains("split train has distributions of 1 columns, the data set has 2 columns"));
}
