// What a data set holds besides the dialogues: situations and label columns. And that files of format 1, which had
// neither, are read as before.

#include "core/error.h"
#include "core/hash.h"
#include "model/text/dataset.h"
#include "model/text/prepare.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "tests/model/corpus_text.h"
#include "tests/model/damaged_dataset.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

using namespace ethreed;
using Catch::Contains;

namespace {

// What the program printed for this corpus, these vectors and labels before it kept situations.
constexpr std::string_view earlier_fingerprint = "03611aeba1fadd66";
constexpr std::string_view earlier_vocabulary = "<pad>\n<unk>\n<sos>\n<eos>\nlove\n.\ni\ndog\nmy\n";

void write_corpus(const TemporaryFolder& folder) {
  folder.file("train.csv", corpus_header +
                               "a,1,proud,My dog won a prize_comma_ again!,1,I love my dog.,,\n"
                               "a,2,proud,My dog won a prize_comma_ again!,0,I love zorbing.,,\n"
                               "b,1,sad,dog dog dog dog dog dog,1,My dog dog died.,,\n"
                               "b,2,sad,dog dog dog dog dog dog,0,Oh no. My dog.,,\n"
                               "b,3,sad,not this,1,I know I love.,,\n"
                               "b,4,sad,dog dog dog dog dog dog,0,I love love love love love love love.,,\n"
                               "b,5,sad,dog dog dog dog dog dog,1,Bye.,,\n"
                               "c,1,sad,My ferret left.,1,zorbing zorbing zorbing,,\n");
  folder.file("valid.csv", corpus_header +
                               "d,1,caring,,1,I love quokkas.,,\n"
                               "d,2,caring,,0,quokkas or unicorns?,,\n"
                               "e,1,caring,A prize for quokkas,1,I love.,,\n"
                               "e,2,caring,A prize for quokkas,0,Oh,,\n");
  folder.file("vectors.txt", "<unk> 1 2\n<sos> 3 4\n<eos> 5 6\nlove 1 2\n. 3 4\ni 5 6\ndog 7 8\nmy 9 1\n");
  folder.file("labels.csv", "conv_id,utterance_idx,label\nb,4,caring\nd,2,neutral\n");
  folder.file("acts.csv",
              "split,role,conv_id,utterance_idx,label\n"
              "train,s,a,1,neutral\ntrain,l,a,2,asking\ntrain,s,b,1,sad\ntrain,l,b,4,Zeal\ntrain,s,b,5,sad\n"
              "train,s,c,1,sad\nvalid,l,d,2,asking\ntest,l,absent,2,unseen\n");
  folder.file("topics.csv", "label,conv_id,utterance_idx\npets,a,1\npets,e,2\n");
}

PrepareOptions options_of(const TemporaryFolder& folder, bool with_labels = true) {
  PrepareOptions options;
  options.corpus_directory = folder.path();
  options.output_directory = folder / "out";
  options.vectors = folder / "vectors.txt";
  options.labels = folder / "labels.csv";
  options.other_labels = OtherLabels::ignore;
  options.max_length = 6;
  options.max_situation_length = 7;
  if (with_labels) options.label_columns = {{"topic", folder / "topics.csv"}, {"act", folder / "acts.csv"}};
  return options;
}

// The file as the program wrote it before: words of the dialogues alone, no situations, no label columns.
void write_first_format(const std::filesystem::path& from, const std::filesystem::path& to) {
  const SafetensorsFile file(from);
  const std::size_t words = std::stoul(file.metadata("dialogue_words"));
  const auto offsets = file.tensor<std::int64_t>("words.offsets").span().first(words + 1);
  SafetensorsWriter writer;
  writer.add("words.offsets", offsets);
  writer.add("words.bytes", file.tensor<std::uint8_t>("words.bytes").span().first(offsets.back()));
  for (const std::string& name : file.names()) {
    if (name.starts_with("words.") || name.find("situation") != std::string::npos ||
        name.find(".label.") != std::string::npos)
      continue;
    const std::string& dtype = file.info(name).dtype;
    if (dtype == "I32") writer.add(name, file.tensor<std::int32_t>(name));
    if (dtype == "I64") writer.add(name, file.tensor<std::int64_t>(name));
    if (dtype == "U8") writer.add(name, file.tensor<std::uint8_t>(name));
    if (dtype == "F32") writer.add(name, file.tensor<float>(name));
  }
  for (const char* key :
       {"format", "tokenizer_version", "fingerprint", "min_frequency", "max_length", "listener_labels", "vectors"})
    writer.add_metadata(key, file.metadata(key));
  writer.add_metadata("format_version", "1");
  writer.write(to);
}

}  // namespace

TEST_CASE("a prepared data set gives the situations back, cut to a length of their own") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  const Split& train = data.split("train");
  const Split& valid = data.split("valid");
  REQUIRE(train.has_situations());
  CHECK(data.max_situation_length() == 7);
  CHECK(text_of(data, train.situation(0)) == "my dog won a prize , <eos>");  // "again !" is cut
  CHECK(text_of(data, train.situation(1)) == "dog dog dog dog dog dog <eos>");
  CHECK(text_of(data, valid.situation(0)) == "<eos>");
  CHECK(text_of(data, valid.situation(1)) == "a prize for quokkas <eos>");
  CHECK(summary.splits[0].truncated_situations == 1);
  CHECK(summary.splits[0].differing_situations == 1);
  CHECK(summary.splits[0].situation_tokens == 14);
  CHECK(summary.splits[0].unknown_situation_tokens == 4);  // won a prize ,
  CHECK(summary.splits[1].empty_situations == 1);
  const auto json = nlohmann::json::parse(content_of(folder / "out/summary.json"));
  CHECK(json["splits"][0]["truncated_situations"] == 1);
  CHECK(json["splits"][0]["differing_situations"] == 1);
  CHECK(json["texts_fingerprint"] == data.texts_fingerprint());
  CHECK_THAT(summary.text(), Contains("prompt differs between the rows of 1 dialogues"));
}

TEST_CASE("words of situations alone come after all words of dialogues and reach neither vocabulary nor vectors") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  CHECK(content_of(folder / "out/vocabulary.txt") == earlier_vocabulary);  // "dog" is no more frequent than it was
  CHECK(data.vocabulary_size() == 9);
  CHECK(data.dialogue_words() == 18);
  CHECK(data.words() == 18 + 5);
  CHECK(summary.dialogue_words == 18);
  CHECK(summary.words == 23);
  std::int32_t next = data.dialogue_words();
  for (const char* word : {"won", "a", "prize", ",", "for"}) CHECK(data.find(word) == next++);  // as they are met
  CHECK_FALSE(data.find("again"));                                                              // beyond the cut
  CHECK_FALSE(data.find("ferret"));                                                             // of a dropped dialogue
  CHECK(data.find("quokkas").value() < data.dialogue_words());
}

TEST_CASE("label columns give every utterance its class or -1, classes are the file's labels in order of bytes") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const PrepareSummary summary = prepare(options_of(folder));
  const Dataset data = Dataset::open(folder / "out");
  const std::vector<LabelColumn> columns{{"act", {"Zeal", "asking", "neutral", "sad", "unseen"}}, {"topic", {"pets"}}};
  CHECK(data.label_columns() == columns);
  REQUIRE(data.label_column("act"));
  CHECK(*data.label_column("act") == columns[0]);
  CHECK_FALSE(data.label_column("acts"));
  const Split& train = data.split("train");
  const Split& valid = data.split("valid");
  CHECK_FALSE(train.labels("acts"));
  const UtteranceLabels* act = train.labels("act");
  REQUIRE(act);
  CHECK(act->label(0, 0, false) == 2);
  CHECK(act->label(0, 0, true) == 1);
  CHECK(act->label(1, 0, false) == 3);
  CHECK(act->label(1, 0, true) == -1);
  CHECK(act->label(1, 1, false) == -1);
  CHECK(act->label(1, 1, true) == 0);
  CHECK(valid.labels("act")->label(0, 0, false) == -1);
  CHECK(valid.labels("act")->label(0, 0, true) == 1);
  CHECK(train.labels("topic")->label(0, 0, false) == 0);
  CHECK(valid.labels("topic")->label(1, 0, true) == 0);
  CHECK(valid.labels("topic")->label(1, 0, false) == -1);
  CHECK(train.listener_label(1, 1) >= 0);  // --labels is another matter

  CHECK(summary.splits[0].labelled_utterances(0) == 4);
  CHECK(summary.splits[0].label_counts[0] == std::vector<std::int64_t>{1, 1, 1, 1, 0});
  CHECK(summary.splits[1].labelled_utterances(0) == 1);
  CHECK(summary.splits[1].labelled_utterances(1) == 1);
  CHECK(summary.label_columns.at(0).dropped_posts == 2);
  CHECK(summary.label_columns.at(0).other_splits == 1);
  CHECK_THAT(summary.text(), Contains("labels 'act': acts.csv, 5 classes; train: 4 of 6 utterances (66.7 %); valid: 1 "
                                      "of 4 utterances (25.0 %); passed over: 2 of unanswered posts, 1 of splits"));
  const auto json = nlohmann::json::parse(content_of(folder / "out/summary.json"));
  CHECK(json["label_columns"][0]["splits"]["train"]["labelled_utterances"] == 4);
  CHECK(json["label_columns"][0]["splits"]["valid"]["classes"]["asking"] == 1);
}

TEST_CASE("situations and label columns leave the fingerprint of the dialogues as it was") {
  const TemporaryFolder folder;
  write_corpus(folder);
  CHECK(prepare(options_of(folder)).fingerprint == earlier_fingerprint);
  const Dataset data = Dataset::open(folder / "out");
  CHECK(data.fingerprint() == earlier_fingerprint);

  // The formula, over the file.
  const SafetensorsFile file(folder / "out/dataset.safetensors");
  const auto offsets = file.tensor<std::int64_t>("words.offsets").span().first(18 + 1);
  const auto bytes = file.tensor<std::uint8_t>("words.bytes").span().first(offsets.back());
  const std::array<std::int64_t, 3> numbers{3, 6, 1};
  Fingerprint hash;
  hash.add("1").add(tokenizer_version).add(std::span<const std::int64_t>(numbers));
  hash.add(bytes).add(offsets).add(file.tensor<float>("vectors").span());
  for (const std::string split : {"train", "valid"}) {
    hash.add(split).add(file.tensor<std::int32_t>(split + ".tokens").span());
    hash.add(file.tensor<std::int64_t>(split + ".utterance_offsets").span());
    hash.add(file.tensor<std::int64_t>(split + ".dialogue_offsets").span());
    hash.add(file.tensor<std::int32_t>(split + ".emotion").span());
    hash.add(file.tensor<std::int32_t>(split + ".listener_label").span());
    hash.add(file.tensor<std::uint8_t>(split + ".conversation_bytes").span());
    hash.add(file.tensor<std::int64_t>(split + ".conversation_offsets").span());
  }
  CHECK(hash.text() == earlier_fingerprint);
}

TEST_CASE("the fingerprint of the texts changes with situations and label columns, not with the options' order") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder);
  const std::string texts = prepare(options).texts_fingerprint;
  CHECK(texts.size() == 16);
  const std::string bytes = content_of(folder / "out/dataset.safetensors");
  std::swap(options.label_columns[0], options.label_columns[1]);
  CHECK(prepare(options).texts_fingerprint == texts);
  CHECK(content_of(folder / "out/dataset.safetensors") == bytes);

  const auto changes = [&](const PrepareOptions& changed) {
    const PrepareSummary summary = prepare(changed);
    CHECK(summary.fingerprint == earlier_fingerprint);
    CHECK(summary.texts_fingerprint != texts);
  };
  options.max_situation_length = 8;
  changes(options);
  options = options_of(folder);
  options.label_columns[0].name = "subject";
  changes(options);
  options.label_columns.pop_back();
  changes(options);
  options = options_of(folder);
  folder.file("topics.csv", "label,conv_id,utterance_idx\npets,a,1\npets,e,1\n");  // another utterance
  changes(options);
  folder.file("topics.csv", "label,conv_id,utterance_idx\nanimals,a,1\nanimals,e,2\n");  // another name of the class
  changes(options);
  write_corpus(folder);
  std::string train = content_of(folder / "train.csv");
  for (std::size_t at; (at = train.find("won a")) != std::string::npos;) train.replace(at, 5, "won the");
  folder.file("train.csv", train);
  changes(options);
}

TEST_CASE("a data set of format 1 opens with the same dialogues and neither situations nor label columns") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder));
  std::filesystem::create_directory(folder / "old");
  write_first_format(folder / "out/dataset.safetensors", folder / "old/dataset.safetensors");
  const Dataset data = Dataset::open(folder / "out"), old = Dataset::open(folder / "old");
  CHECK(old.fingerprint() == earlier_fingerprint);
  CHECK(old.texts_fingerprint().empty());
  CHECK(old.words() == 18);
  CHECK(old.dialogue_words() == 18);
  CHECK(old.vocabulary_size() == 9);
  CHECK(old.label_columns().empty());
  for (const char* name : {"train", "valid"}) {
    const Split& a = data.split(name);
    const Split& b = old.split(name);
    CHECK_FALSE(b.has_situations());
    CHECK_FALSE(b.labels("act"));
    REQUIRE(a.dialogues() == b.dialogues());
    for (std::int64_t d = 0; d < a.dialogues(); ++d) {
      REQUIRE(a.turns(d) == b.turns(d));
      for (std::int64_t t = 0; t < a.turns(d); ++t) {
        CHECK(std::ranges::equal(a.post(d, t), b.post(d, t)));
        CHECK(std::ranges::equal(a.response(d, t), b.response(d, t)));
        CHECK(a.listener_label(d, t) == b.listener_label(d, t));
      }
    }
  }
}

TEST_CASE("damage to situations and label columns is found when a data set is opened") {
  const TemporaryFolder folder;
  write_corpus(folder);
  prepare(options_of(folder));
  const DamagedDataset damaged(folder);
  damaged.put("train.situation_tokens", 0, std::int32_t{23}, "situation's token is outside the word table");
  damaged.put("train.situation_tokens", 0, std::int32_t{-1}, "situation's token is outside the word table");
  damaged.put("train.situation_tokens", 0, eos_id, "a situation does not end with its only end mark");
  damaged.put("train.situation_tokens", 0, sos_id, "a situation holds a pad or a start mark");
  damaged.put("train.situation_tokens", 4 * 6, pad_id, "a situation does not end with");
  damaged.put("train.situation_offsets", 8, std::int64_t{0}, "a situation is empty or longer than its limit");
  damaged.put("train.situation_offsets", 8, std::int64_t{8}, "a situation is empty or longer than its limit");
  damaged.put("train.situation_offsets", 8, std::int64_t{1} << 60, "offsets of the situations do not fit");
  damaged.put("train.situation_offsets", 0, std::int64_t{-1}, "offsets of the situations do not fit");
  damaged.put("train.situation_offsets", 16, std::int64_t{13}, "offsets of the situations do not fit");
  damaged.put("train.tokens", 0, std::int32_t{18}, "token is outside the word table");  // a situation's word
  damaged.put("valid.label.act", 0, std::int32_t{5}, "split valid: a label 'act' is not one of its 5 classes");
  damaged.put("train.label.topic", 0, std::int32_t{-2}, "a label 'topic' is not one of its 1 classes");
  damaged.edit("\"valid.label.topic\"", "\"valid.label.tonic\"", "valid.label.topic");
  damaged.edit("\"train.situation_offsets\"", "\"train.situation_Offsets\"",
               "situations lack their tokens or their offsets");
  damaged.edit("\"train.situation_tokens\"", "\"train.situation_Tokens\"",
               "situations lack their tokens or their offsets");
  damaged.edit("\"label.topic.classes\"", "\"label.topic.klasses\"", "labels 'train.label.topic' have no classes");
  damaged.edit("Zeal\\nasking", "asking\\nZeal", "label column 'act' has no name, or classes that are empty");
  damaged.edit("asking\\nneutral\\nsad", "asking\\nasking\\nunit",
               "label column 'act' has no name, or classes that are empty");
  damaged.edit("Zeal\\nasking", "\\nXasking\\nZ", "label column 'act' has no name, or classes that are empty");
  damaged.edit("\"dialogue_words\":\"18\"", "\"dialogue_words\":\"24\"",
               "dialogue_words is 24, wanted 9 (the vocabulary) to 23");
  damaged.edit("\"dialogue_words\":\"18\"", "\"dialogue_words\":\"08\"", "dialogue_words is 8");
  damaged.edit("\"dialogue_words\":\"18\"", "\"dialogue_words\":\"xx\"", "dialogue_words is 'xx', wanted a number");
  damaged.edit("\"dialogue_words\":\"18\"", "\"dialogue_words\":\"17\"", "token is outside the word table");
  damaged.edit("\"max_situation_length\":\"7\"", "\"max_situation_length\":\"0\"", "max_situation_length is '0'");
  damaged.edit("\"max_situation_length\":\"7\"", "\"max_situation_length\":\"6\"", "a situation is empty or longer");
  damaged.edit("\"texts_fingerprint\"", "\"texts_Fingerprint\"", "texts_fingerprint");
}

TEST_CASE("label columns that are damaged or not of this corpus are refused with file and line") {
  const TemporaryFolder folder;
  write_corpus(folder);
  PrepareOptions options = options_of(folder, false);
  const auto refuses = [&](std::string_view content, std::string_view reason) {
    INFO(content);
    options.label_columns = {{"x", folder.file("x.csv", content)}};
    CHECK_THROWS_WITH(prepare(options), Contains(std::string(reason)));
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
  };
  const std::string columns = "conv_id,utterance_idx,label\n";
  refuses("", "x.csv: the file is empty");
  refuses(columns, "x.csv: holds no label, only a header");
  refuses("conv_id,label\n", "x.csv:1: no column 'utterance_idx'");
  refuses(columns + "a,2\n", "x.csv:2: got 2 columns, wanted 3 as in the header");
  refuses(columns + "a,two,sad\n", "x.csv:2: utterance_idx is 'two'");
  refuses(columns + "zzz,2,sad\n", "x.csv:2: the corpus has no utterance 2 of 'zzz'");
  refuses(columns + "a,3,sad\n", "x.csv:2: the corpus has no utterance 3 of 'a'");
  refuses("split," + columns + "valid,a,1,sad\n", "x.csv:2: the corpus's split valid has no utterance 1 of 'a'");
  refuses("split," + columns + "other,a,1,sad\n", "x.csv:2: the column split is 'other'");
  refuses(columns + "a,1,sad\na,2,sad\na,1,glad\n", "x.csv:4: utterance 1 of 'a' has a label already, in line 2");
  refuses(columns + "b,5,sad\nb,5,sad\n", "x.csv:3: utterance 5 of 'b' has a label already, in line 2");  // unanswered
  refuses(columns + "c,1,sad\nc,1,sad\n", "x.csv:3: utterance 1 of 'c' has a label already, in line 2");  // dropped
  refuses(columns + "a,1,\n", "x.csv:2: the label is empty");
  refuses(columns + "a,1,s\tad\n", "x.csv:2: the label 's ad' holds control characters");
  const auto refuses_names = [&](std::vector<LabelColumnFile> files, std::string_view reason) {
    options.label_columns = std::move(files);
    CHECK_THROWS_WITH(prepare(options), Contains(std::string(reason)));
  };
  refuses_names({{"x", folder / "acts.csv"}, {"x", folder / "topics.csv"}}, "two label columns are called 'x'");
  refuses_names({{"a.b", folder / "acts.csv"}}, "a label column is called 'a.b', wanted 1 to 64 letters");
  refuses_names({{std::string(65, 'x'), folder / "acts.csv"}}, "wanted 1 to 64 letters");
  options = options_of(folder);
  options.max_situation_length = 1;
  CHECK_THROWS_WITH(prepare(options), Contains("max_situation_length is 1, wanted 2 to 10000"));
}

TEST_CASE("quotation marks astray in a file of labels are noted with their first line") {
  const TemporaryFolder folder;
  write_corpus(folder);
  const auto note_of = [&](const PrepareOptions& options) {
    const PrepareSummary summary = prepare(options);
    const auto found = std::find_if(summary.notes.begin(), summary.notes.end(),
                                    [](const Note& note) { return note.key == "label_file_lines_apart"; });
    REQUIRE(found != summary.notes.end());
    CHECK(found->count == 1);
    return found->line();
  };
  const std::string_view astray = "conv_id,utterance_idx,label\na,2,sad\nb,2,\"sad\nb,4,sad\"\n";
  PrepareOptions options = options_of(folder, false);
  options.label_columns = {{"x", folder.file("x.csv", astray)}};
  CHECK_THAT(note_of(options), Contains("; first x.csv:3"));
  options = options_of(folder);
  options.labels = folder.file("y.csv", astray);
  CHECK_THAT(note_of(options), Contains("; first y.csv:3"));
}

TEST_CASE("a writer refuses a split without the labels of a column") {
  const TemporaryFolder folder;
  DatasetContents contents;
  contents.label_columns = {{"act", {"asking"}}};
  contents.splits.push_back({.name = "train"});
  AtomicFile file(folder / "dataset.safetensors");
  CHECK_THROWS_WITH(write_dataset(file, contents), Contains("split train has labels of 0 columns"));
}
