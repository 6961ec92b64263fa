// Files of word vectors as they are met: odd words, packed, lying about themselves.

#include "model/text/word_vectors.h"
#include "tests/temporary_folder.h"

#include <zip.h>
#include <zlib.h>
#include <catch2/catch.hpp>

#include <cmath>

using namespace ethreed;
using Catch::Contains;

namespace {

WordTable vocabulary_of(const std::vector<std::string>& words) {
  WordTable table;
  for (const char* special : {"<pad>", "<unk>", "<sos>", "<eos>"}) table.id(special);
  for (const std::string& word : words) table.id(word);
  return table;
}

WordVectors read(const std::string& content) {
  const TemporaryFolder folder;
  return read_word_vectors(folder.file("v.txt", content), vocabulary_of({"dog", "the"}));
}

std::vector<float> row(const WordVectors& vectors, std::int64_t id) {
  const std::int64_t d = vectors.rows.columns();
  return {vectors.rows.data() + d * id, vectors.rows.data() + d * (id + 1)};
}

void write_gzip(const std::filesystem::path& path, const std::string& content) {
  const gzFile file = ::gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  CHECK(::gzwrite(file, content.data(), static_cast<unsigned>(content.size())) == static_cast<int>(content.size()));
  CHECK(::gzclose(file) == Z_OK);
}

void write_zip(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string>>& files) {
  int error = 0;
  zip_t* archive = ::zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  REQUIRE(archive != nullptr);
  for (const auto& [name, content] : files)
    REQUIRE(::zip_file_add(archive, name.c_str(), ::zip_source_buffer(archive, content.data(), content.size(), 0),
                           ZIP_FL_ENC_UTF_8) >= 0);
  REQUIRE(::zip_close(archive) == 0);
}

}  // namespace

TEST_CASE("vectors: words with blanks and lines without a word are passed over and counted") {
  const WordVectors vectors = read("the 1 2\n. . . 3 4\ndog 5 6\nat name@domain.com 7 8\n\t 9 9\n\xC2\xA0 9 9\n");
  CHECK(row(vectors, 4) == std::vector<float>{5, 6});
  CHECK(row(vectors, 5) == std::vector<float>{1, 2});
  CHECK(vectors.lines == 6);
  CHECK(vectors.with_blanks.count == 2);
  CHECK(vectors.with_blanks.first_line == 2);
  CHECK(vectors.without_word.count == 2);
  CHECK(vectors.without_word.first_line == 5);
}

TEST_CASE("vectors: the width is that of most lines, wherever the odd ones stand") {
  CHECK(read(". . . 3 4\ndog 5 6\n").rows.columns() == 2);
  CHECK(read("\t 3 4\ndog 5 6\n").rows.columns() == 2);
  CHECK(read("1990 3 4\n7 5 6\n").rows.columns() == 2);
  CHECK(read("dog 5 6\n").rows.columns() == 2);
  CHECK_THROWS_WITH(read("dog 5 nan 6\n"), Contains("v.txt:1: component 2 is 'nan'"));
  CHECK_THROWS_WITH(read("dog 5 x 6\nthe 1 y 3\n"), Contains("v.txt:1: component 2 is 'x'"));
  CHECK(row(read("1 3 4\ndog 5 6\n"), 4) == std::vector<float>{5, 6});
  CHECK(read("3 2\n. . 3 4\ndog 5 6\nWindows 95 1 2\n").with_blanks.count == 2);
  CHECK_THROWS_WITH(read("dog 5 6\nthe 1 2 3\n"), Contains("v.txt:2: got 4 fields"));
  CHECK_THROWS_WITH(read("dog 5 6\nthe 1\n"), Contains("v.txt:2: got 2 fields"));
  CHECK_THROWS_WITH(read("dog 5 6\n7 1\n"), Contains("v.txt:2: got 2 fields"));
}

TEST_CASE("vectors: numbers too small for float are 0, a plus sign is read, others are refused") {
  CHECK(row(read("dog 1e-50 +0.5 -1e-400 +1e-3\n"), 4) == std::vector<float>{0, 0.5F, 0, 1e-3F});
  for (const char* wrong : {"1e50", "1e400", "-1e400", "inf", "nan", "+-1", "++1", "0x1", "1,5", "1e", ""})
    CHECK_THROWS_WITH(read("the 1 2\ndog 1 " + std::string(wrong) + "\n"), Contains("v.txt:2:"));
}

TEST_CASE("vectors: a first line or a line that promises too much is refused by one line") {
  for (const char* width :
       {"9000000000000000000", "4611686018427387904", "3000000000", "10001", "0", "99999999999999999999999999"}) {
    INFO(width);
    CHECK_THROWS_WITH(read("8 " + std::string(width) + "\ndog 1 2\n"),
                      Contains("v.txt:1: the first line promises 8 vectors of " + std::string(width)));
  }
  CHECK_THROWS_WITH(read("9000000000000000000 2\ndog 1 2\n"), Contains("promises 9000000000000000000 vectors"));
  std::string wide = "the";
  for (int i = 0; i < 10'001; ++i) wide += " 0.1";
  CHECK_THROWS_WITH(read(wide), Contains("v.txt:1: the line has 10001 numbers, wanted 1 to 10000"));
  for (int i = 0; i < 290'000; ++i) wide += " 0.1";
  CHECK_THROWS_WITH(read(wide), Contains("v.txt:1: the line has 300001 numbers, wanted 1 to 10000"));
}

TEST_CASE("vectors: packed files are read as they are, whatever they are called") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"dog", "the"});
  std::string text = "the 1 2\ndog 5 6\n";
  for (int i = 0; i < 100'000; ++i) text += "w" + std::to_string(i) + " 0.25 -0.5\n";
  write_gzip(folder / "v", text);
  const WordVectors packed = read_word_vectors(folder / "v", vocabulary);
  CHECK(row(packed, 4) == std::vector<float>{5, 6});
  CHECK(packed.lines == 100'002);
  CHECK(packed.deviation == read(text).deviation);
  const std::string whole = content_of(folder / "v");
  CHECK_THROWS_WITH(read_word_vectors(folder.file("cut.gz", whole.substr(0, whole.size() / 2)), vocabulary),
                    Contains("cut.gz: cannot be unpacked"));
  std::string damaged = whole;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  CHECK_THROWS_WITH(read_word_vectors(folder.file("damaged.gz", damaged), vocabulary), Contains("damaged.gz:"));
}

TEST_CASE("vectors: of a zip archive the first text is read and named") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"dog", "the"});
  write_zip(folder / "v.zip",
            {{"__MACOSX/._a.txt", "x"}, {"LICENSE", "no vectors"}, {"a.txt", "dog 5 6\n"}, {"b.txt", "dog 7 8\n"}});
  const WordVectors vectors = read_word_vectors(folder / "v.zip", vocabulary);
  CHECK(row(vectors, 4) == std::vector<float>{5, 6});
  CHECK(vectors.member == "a.txt");
  CHECK(vectors.other_members == 1);
  write_zip(folder / "bad.zip", {{"a.txt", "dog 5 6\ndog 5\n"}});
  CHECK_THROWS_WITH(read_word_vectors(folder / "bad.zip", vocabulary), Contains("bad.zip:a.txt:2: got 2 fields"));
  const std::string whole = content_of(folder / "v.zip");
  CHECK_THROWS_WITH(read_word_vectors(folder.file("cut.zip", whole.substr(0, whole.size() - 30)), vocabulary),
                    Contains("cut.zip: is no whole zip archive"));
}

TEST_CASE("vectors: binary files are refused by one line") {
  CHECK_THROWS_WITH(read("2 2\ndog " + std::string("\0\0\x80\x3f\0\0\0\x40", 8) + "\n"), Contains("v.txt: is binary"));
  CHECK_THROWS_WITH(read(std::string("\xBA\x16\x4F\x2F\x0C\0\0\0", 8)), Contains("v.txt: is binary"));
}

TEST_CASE("vectors: of a word that is there twice the first vector counts, and the others are counted") {
  const WordVectors vectors = read("the 1 2\ndog 5 6\nother 0 0\nother 1 1\ndog 7 8\nthe 3 4\n");
  CHECK(row(vectors, 4) == std::vector<float>{5, 6});
  CHECK(row(vectors, 5) == std::vector<float>{1, 2});
  CHECK(vectors.repeated.count == 2);
  CHECK(vectors.repeated.first_line == 5);
  CHECK(vectors.lines == 6);
  CHECK(read("the 1 2\ndog 5 6\n").repeated.count == 0);
}

TEST_CASE("vectors: numbers so large that a drawn vector would be infinite are refused by one line") {
  CHECK_THROWS_WITH(read("dog 3e38 3e38 3e38 3e38\nnone -3e38 -3e38 3e38 -3e38\n"),
                    Contains("v.txt: the numbers' standard deviation is 2.9") && Contains("infinite"));
  const WordVectors large = read("dog 1e37 -1e37\n");
  for (std::int64_t i = 0; i < large.rows.rows() * large.rows.columns(); ++i) CHECK(std::isfinite(large.rows[i]));
}

TEST_CASE("vectors: members of gzip one after another are all read, and what is none is refused") {
  const TemporaryFolder folder;
  const WordTable vocabulary = vocabulary_of({"dog", "the"});
  const auto packed = [&](const std::string& text) {
    write_gzip(folder / "part", text);
    return content_of(folder / "part");
  };
  const auto read_packed = [&](const std::string& bytes) {
    return read_word_vectors(folder.file("v.gz", bytes), vocabulary);
  };
  const std::string first = packed("the 1 2\ndo"), second = packed("g 5 6\n"), nothing = packed("");
  CHECK(row(read_packed(first + second), 4) == std::vector<float>{5, 6});
  CHECK(row(read_packed(nothing + first + nothing + second + nothing), 4) == std::vector<float>{5, 6});
  CHECK(row(read_packed(first + second + std::string(512, '\0')), 4) == std::vector<float>{5, 6});
  const std::string whole = packed("the 1 2\ndog 5 6\n");
  for (std::size_t byte : {0U, 1U, 2U}) {  // of the second member's header
    std::string damaged = whole;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x04);
    CHECK_THROWS_WITH(read_packed(whole + damaged), Contains("v.gz: cannot be unpacked"));
  }
  CHECK_THROWS_WITH(read_packed(whole + "junk"), Contains("its last 4 bytes are no gzip"));
  CHECK_THROWS_WITH(read_packed(whole + "\x1F"), Contains("its last 1 bytes are no gzip"));
  CHECK_THROWS_WITH(read_packed(whole + std::string(8, '\0') + "x"), Contains("its last 9 bytes are no gzip"));
  for (std::size_t bytes = 2; bytes < whole.size(); ++bytes)
    CHECK_THROWS_WITH(read_packed(whole + whole.substr(0, bytes)), Contains("cannot be unpacked (it ends too early)"));
  std::string wrong_sum = whole;
  wrong_sum[whole.size() - 6] = static_cast<char>(wrong_sum[whole.size() - 6] ^ 1);
  CHECK_THROWS_WITH(read_packed(whole + wrong_sum), Contains("cannot be unpacked"));
}
