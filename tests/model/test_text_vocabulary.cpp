#include "model/text/emotions.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "model/text/word_vectors.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace ethreed;
using Catch::Contains;

namespace {

WordTable table_of(std::initializer_list<std::string_view> words) {
  WordTable table;
  for (const std::string_view word : words) table.id(word);
  return table;
}

// A vocabulary with these words after the special ones.
WordTable vocabulary_of(std::initializer_list<std::string_view> words) {
  WordTable table = table_of({"<pad>", "<unk>", "<sos>", "<eos>"});
  for (const std::string_view word : words) table.id(word);
  return table;
}

}  // namespace

TEST_CASE("the vocabulary is the special words, then by falling count, ties in alphabetical order") {
  const WordTable words = table_of({"rare", "the", "zebra", "apple", "dog"});
  const std::vector<std::int64_t> counts{2, 9, 3, 3, 5};
  const WordTable vocabulary = vocabulary_from_counts(words, counts, 3);
  CHECK(vocabulary_text(vocabulary) == "<pad>\n<unk>\n<sos>\n<eos>\nthe\ndog\napple\nzebra\n");
  CHECK(vocabulary.find("<eos>") == eos_id);
  CHECK_FALSE(vocabulary.find("rare"));
  CHECK_THROWS_WITH(vocabulary_from_counts(words, counts, 10), Contains("lower --min-frequency"));
}

TEST_CASE("a vocabulary file gives the same ids back, with either line end") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"the", "'s", "café"});
  const WordTable loaded = load_vocabulary(folder.file("vocabulary.txt", vocabulary_text(vocabulary)));
  CHECK(vocabulary_text(loaded) == vocabulary_text(vocabulary));
  CHECK(load_vocabulary(folder.file("crlf.txt", "<pad>\r\n<unk>\r\n<sos>\r\n<eos>\r\nthe\r\n")).find("the") == 4);
}

TEST_CASE("a damaged vocabulary file is refused with its line") {
  const TemporaryFolder folder;
  const auto refuses = [&](std::string_view content, std::string_view reason) {
    CHECK_THROWS_WITH(load_vocabulary(folder.file("v.txt", content)), Contains(std::string(reason)));
  };
  refuses("<pad>\n<unk>\nthe\n", "v.txt:3: got 'the'");
  refuses("<pad>\n<unk>\n<sos>\n<eos>\nthe\nthe\n", "v.txt:6: the word 'the' is there twice");
  refuses("<pad>\n<unk>\n<sos>\n<eos>\n\nthe\n", "v.txt:5");
  refuses("<pad>\n<unk>\n<sos>\n<eos>\na b\n", "v.txt:5");
  refuses("<pad>\n<unk>\n<sos>\n<eos>\nthe\r\r\n", "v.txt:5");  // it would be read as "the" when written again
  refuses("<pad>\n<unk>\n<sos>\n<eos>\n", "has 4 lines");
}

TEST_CASE("encoding keeps words outside the vocabulary apart and cuts to the length, end mark included") {
  WordTable words = vocabulary_of({"i", "love", "."});
  CHECK(encode_utterance("I love Zorbing. Zorbing!", words, 40) == std::vector<std::int32_t>{4, 5, 7, 6, 7, 8, eos_id});
  CHECK(words.word(7) == "zorbing");
  CHECK(encode_utterance("I love Zorbing.", words, 3) == std::vector<std::int32_t>{4, 5, eos_id});
  CHECK(encode_utterance("", words, 40) == std::vector<std::int32_t>{eos_id});
  CHECK_THROWS_WITH(encode_utterance("i", words, 0), Contains("max_length is 0"));
}

TEST_CASE("a fixed table reads texts too: what it lacks is unknown, and it stays as it is") {
  const WordTable words = vocabulary_of({"i", "love", "."});
  CHECK(encode_known("I love Zorbing.", words, 40) == std::vector<std::int32_t>{4, 5, unk_id, 6, eos_id});
  CHECK(encode_known("I love Zorbing.", words, 4) == std::vector<std::int32_t>{4, 5, unk_id, eos_id});
  CHECK(encode_known("", words, 1) == std::vector<std::int32_t>{eos_id});
  CHECK(words.size() == 7);
  CHECK_THROWS_WITH(encode_known("i", words, 0), Contains("encode_known: max_length is 0"));
}

TEST_CASE("tokens give the ids of their text") {
  WordTable words = vocabulary_of({"i", "love"}), same = words;
  const std::string text = "I love, love unicorns!";
  CHECK(encode_tokens(tokenize(text), words, 6) == encode_utterance(text, same, 6));
  CHECK(words.size() == same.size());
}

TEST_CASE("decoding stops at the end mark, leaves out marks and refuses ids that are no words") {
  const WordTable words = vocabulary_of({"i", "love", "."});
  CHECK(decode_utterance(std::vector<std::int32_t>{sos_id, 4, 5, 6, eos_id, 4}, words) == "i love.");
  CHECK(decode_utterance(std::vector<std::int32_t>{unk_id}, words) == "<unk>");
  CHECK_THROWS_WITH(decode_utterance(std::vector<std::int32_t>{7}, words), Contains("id 7 is outside"));
}

TEST_CASE("words of a table stay where they are when it grows or is copied") {
  WordTable words = table_of({"first"});
  const std::string_view first = words.word(0);
  for (int i = 0; i < 5000; ++i) words.id(std::to_string(i));
  CHECK(first.data() == words.word(0).data());
  WordTable copy = words;
  copy.id("only in the copy");
  CHECK(copy.find("4999") == 5000);
  CHECK_FALSE(words.find("only in the copy"));
}

TEST_CASE("the 32 emotions are numbered in alphabetical order and no other word is one") {
  for (std::int32_t k = 0; k < emotion_count; ++k) CHECK(emotion_id(emotion_names[k]) == k);
  CHECK(std::set(emotion_names.begin(), emotion_names.end()).size() == 32);
  CHECK(emotion_id("afraid") == 0);
  CHECK(emotion_id("trusting") == 31);
  for (const std::string_view word : {"", "Afraid", "neutral", "zzz", "afrai"}) CHECK_FALSE(emotion_id(word));
}

TEST_CASE("vectors of the file go to their words, the first where there are two, the pad row is zeros") {
  const TemporaryFolder folder;
  const auto path = folder.file("v.txt", "the 1 2 -3e-1\ndog 4 5 6 \nother 7 8 9\ndog 0 0 0\n<pad> 1 1 1\n");
  const WordVectors vectors = read_word_vectors(path, vocabulary_of({"dog", "the", "cat"}));
  CHECK(vectors.rows.shape() == Shape{7, 3});
  CHECK(vectors.covered == 2);
  CHECK(vectors.lines == 5);
  const auto row = [&](std::int64_t id) {
    return std::vector<float>(vectors.rows.data() + 3 * id, vectors.rows.data() + 3 * id + 3);
  };
  CHECK(row(pad_id) == std::vector<float>{0, 0, 0});
  CHECK(row(4) == std::vector<float>{4, 5, 6});
  CHECK(row(5) == std::vector<float>{1, 2, -0.3F});
  CHECK(row(6) != std::vector<float>{0, 0, 0});
  CHECK(vectors.from_file == std::vector<bool>{false, false, false, false, true, true, false});
}

TEST_CASE("words without a vector are normal with the deviation of the whole file") {
  const TemporaryFolder folder;
  std::string text;  // components ±3 in the file: mean 0, deviation 3
  for (int word = 0; word < 4; ++word) {
    text += "w" + std::to_string(word);
    for (int i = 0; i < 1000; ++i) text += i % 2 ? " 3" : " -3";
    text += '\n';
  }
  WordTable vocabulary = vocabulary_of({});
  for (int i = 0; i < 50; ++i) vocabulary.id("new" + std::to_string(i));
  const WordVectors vectors = read_word_vectors(folder.file("v.txt", text), vocabulary);
  CHECK(vectors.deviation == Approx(3.0));
  double sum = 0, squares = 0;
  const std::int64_t count = 53 * 1000;
  for (std::int64_t i = 1000; i < 54 * 1000; ++i) {
    sum += vectors.rows[i];
    squares += vectors.rows[i] * vectors.rows[i];
  }
  CHECK(sum / count == Approx(0.0).margin(0.07));
  CHECK(std::sqrt(squares / count) == Approx(3.0).epsilon(0.02));
  const WordVectors again = read_word_vectors(folder / "v.txt", vocabulary);
  CHECK(std::equal(again.rows.span().begin(), again.rows.span().end(), vectors.rows.span().begin()));
}

TEST_CASE("word2vec's first line is understood and a cut-off file noticed") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"dog"});
  const WordVectors vectors = read_word_vectors(folder.file("v.txt", "2 3\r\ndog 1 2 3\r\ncat 4 5 6\r\n"), vocabulary);
  CHECK(vectors.rows.columns() == 3);
  CHECK(vectors.rows[12 + 2] == 3.0F);
  CHECK_THROWS_WITH(read_word_vectors(folder.file("v.txt", "2 3\ndog 1 2 3\n"), vocabulary),
                    Contains("promises 2 vectors, the file has 1"));
}

TEST_CASE("a damaged file of vectors is refused with its line") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"dog"});
  const auto refuses = [&](std::string_view content, std::string_view reason) {
    CHECK_THROWS_WITH(read_word_vectors(folder.file("v.txt", content), vocabulary), Contains(std::string(reason)));
  };
  refuses("dog 1 2\ncat 1 2 3\n", "v.txt:2: got 4 fields, wanted a word and 2 numbers");
  refuses("dog 1 x\n", "v.txt:1: component 2 is 'x'");
  refuses("dog 1 nan\n", "v.txt:1: component 2 is 'nan'");
  refuses("dog\n", "v.txt:1: got 1 fields");
  refuses("", "holds no vectors");
  CHECK_THROWS_WITH(read_word_vectors(folder / "absent", vocabulary), Contains("absent: cannot be opened"));
}

TEST_CASE("without a file all rows but the pad row are random with the documented deviation") {
  WordTable vocabulary = vocabulary_of({});
  for (int i = 0; i < 96; ++i) vocabulary.id(std::to_string(i));
  const WordVectors vectors = random_word_vectors(vocabulary, 300);
  double squares = 0;
  for (std::int64_t i = 300; i < 100 * 300; ++i) squares += vectors.rows[i] * vectors.rows[i];
  CHECK(std::sqrt(squares / (99 * 300)) == Approx(random_vector_deviation).epsilon(0.03));
  CHECK(std::all_of(vectors.rows.data(), vectors.rows.data() + 300, [](float x) { return x == 0.0F; }));
  CHECK(vectors.covered == 0);
  CHECK_THROWS_WITH(random_word_vectors(vocabulary, 0), Contains("dimension is 0"));
}
