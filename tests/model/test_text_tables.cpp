#include "core/error.h"
#include "model/text/table_reader.h"
#include "tests/temporary_folder.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <ctime>

using namespace ethreed;
using Catch::Contains;

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(TableReader& table) {
  Rows rows;
  while (table.next()) {
    std::vector<std::string>& row = rows.emplace_back();
    for (std::size_t c = 0; c < table.columns().size(); ++c) row.emplace_back(table.field(c));
  }
  return rows;
}

Rows rows_of(const std::string& content, const TableOptions& options = {}) {
  const TemporaryFolder folder;
  TableReader table(folder.file("table.csv", content), options);
  return rows_of(table);
}

struct Reading {
  Rows rows;
  TableNotes notes;
};
Reading reading_of(const std::string& content, const TableOptions& options = {}) {
  const TemporaryFolder folder;
  TableReader table(folder.file("table.csv", content), options);
  Reading reading{.rows = rows_of(table)};
  reading.notes = table.notes();
  return reading;
}

// Of the processor, whatever else runs.
double seconds_of(const std::string& content) {
  const std::clock_t start = std::clock();
  try {
    rows_of(content);
  } catch (const Error&) {
  }
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("tables: quoted fields hold delimiters, line ends and doubled quotation marks") {
  CHECK(rows_of("a,b\n\"x, y\",\"he said \"\"hi\"\"\"\n1,\"two\nlines\"\n") ==
        Rows{{"x, y", "he said \"hi\""}, {"1", "two\nlines"}});
  CHECK(rows_of("a,b\r\n\"x, y\",\"\"\r\n\"\"\"\",z") == Rows{{"x, y", ""}, {"\"", "z"}});
  CHECK(rows_of("\"a\",\"b\"\n\"Hi.\",\"no\"\n") == Rows{{"Hi.", "no"}});
}

TEST_CASE("tables: a row's line is where it begins, also after fields with line ends") {
  const TemporaryFolder folder;
  TableReader table(folder.file("t.csv", "a,b\n1,\"x\n\ny\"\n\n2,z\n"));
  REQUIRE(table.next());
  CHECK(table.line() == 2);
  REQUIRE(table.next());
  CHECK(table.line() == 6);
  CHECK(table.place() == (folder / "t.csv").string() + ":6");
  CHECK_FALSE(table.next());
  CHECK(table.notes().blank.count == 1);
  CHECK(table.notes().blank.first_line == 5);
}

TEST_CASE("tables: in a file that is not quoted, quotation marks are text wherever they stand") {
  const Reading reading = reading_of("a,b\n1,\"Hi\" she said\n2,\"Oh.\"\n3,He said \"no\"\n4,\"I wonder\n5,why\"\n");
  CHECK_FALSE(reading.notes.quoted);
  CHECK(reading.rows ==
        Rows{{"1", "\"Hi\" she said"}, {"2", "\"Oh.\""}, {"3", "He said \"no\""}, {"4", "\"I wonder"}, {"5", "why\""}});
}

TEST_CASE("tables: a quoted file may have unquoted fields with quotation marks, which are text") {
  const Reading reading = reading_of("a,b\n1,\"a, b\"\n2,6\" tall\n3,\"x\" y\n");
  CHECK(reading.notes.quoted);
  CHECK(reading.rows == Rows{{"1", "a, b"}, {"2", "6\" tall"}, {"3", "\"x\" y"}});
  CHECK(reading.notes.malformed.count == 1);
  CHECK(reading.notes.malformed.first_line == 4);
}

TEST_CASE("tables: the delimiter is seen from the header or given") {
  CHECK(rows_of("a\tb\n1, 2\t3\n") == Rows{{"1, 2", "3"}});
  CHECK(rows_of("a;b\n1, 2;\"x;y\"\n") == Rows{{"1, 2", "x;y"}});
  CHECK(rows_of("a|b\n1, 2|3\n", {.delimiter = '|'}) == Rows{{"1, 2", "3"}});
  CHECK(rows_of("sep=|\r\na|b\r\n1, 2|3\r\n") == Rows{{"1, 2", "3"}});
  CHECK(rows_of("a\nno comma\n") == Rows{{"no comma"}});
  CHECK(parse_delimiter("tab") == '\t');
  CHECK(parse_delimiter("|") == '|');
  for (const char* wrong : {"", "ab", "x", "\"", " "})
    CHECK_THROWS_WITH(parse_delimiter(wrong), Contains("wanted comma, tab, semicolon"));
}

TEST_CASE("tables: columns are found by name, exactly or but for case and blanks") {
  const TemporaryFolder folder;
  const TableReader table(folder.file("t.csv", ",Label , conv_id,label\n0,x,y,z\n"));
  CHECK(table.find("conv_id") == 2U);
  CHECK(table.find("label") == 3U);
  CHECK(table.find("CONV_ID ") == 2U);
  CHECK_THROWS_WITH(table.find("LABEL"), Contains("two columns are called 'LABEL'"));
  CHECK_FALSE(table.find("utterance"));
  CHECK_THROWS_WITH(table.column("utterance"), Contains("t.csv:1: no column 'utterance' in the header"));
  const TableReader twice(folder.file("t.csv", "a,a\n0,1\n"));
  CHECK_THROWS_WITH(twice.find("a"), Contains("t.csv: two columns are called 'a'"));
}

TEST_CASE("tables: a row of another width is refused with its line, never cut") {
  CHECK_THROWS_WITH(rows_of("a,b\n1,2\n1,2,3\n"),
                    Contains("table.csv:3: got 3 columns, wanted 2") && Contains("_comma_"));
  CHECK_THROWS_WITH(rows_of("a,b\n1\n"), Contains("table.csv:2: got 1 columns, wanted 2"));
  CHECK_THROWS_WITH(rows_of("a,b\n\"1\",\"x, y\"\n\"1\",x, y\n"), Contains("table.csv:3: got 3 columns"));
  const SpareField spare = [](std::string_view header, std::span<const RawField> fields) {
    return header == "a,b\n" && fields.back().text.empty();
  };
  const Reading reading = reading_of("a,b\n1,2\n1,2,\n", {.spare = spare});
  CHECK(reading.rows == Rows{{"1", "2"}, {"1", "2"}});
  CHECK(reading.notes.spare.first_line == 3);
  CHECK_THROWS_WITH(rows_of("a,b\n1,2,3\n", {.spare = spare}), Contains("got 3 columns"));
}

TEST_CASE("tables: Latin-1, broken UTF-8 and NULs are read and counted with the first line") {
  const Reading latin = reading_of("a,b\n1,x\n2,caf\xE9 \x93hi\x94\n3,d\xE9j\xE0\n");
  CHECK(latin.rows == Rows{{"1", "x"}, {"2", "café “hi”"}, {"3", "déjà"}});
  CHECK(latin.notes.latin.count == 2);
  CHECK(latin.notes.latin.first_line == 3);
  CHECK(latin.notes.broken.count == 0);
  const Reading broken = reading_of("a,b\n1,é è ü\n2,caf\xC3\n");
  CHECK(broken.rows == Rows{{"1", "é è ü"}, {"2", "caf\xEF\xBF\xBD"}});
  CHECK(broken.notes.broken.count == 1);
  CHECK(broken.notes.broken.first_line == 3);
  const Reading nul = reading_of(std::string("a,b\n1,x\n2,y\0z\n", 14));
  CHECK(nul.rows[1][1] == std::string("y\0z", 3));
  CHECK(nul.notes.nul.first_line == 3);
}

TEST_CASE("tables: byte order marks, CRLF, lone CR and absent last line ends are read") {
  CHECK(rows_of("\xEF\xBB\xBF"
                "a,b\r\n1,2\r\n\r\n3,4") == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(rows_of("a,b\r1,\"2\r3\"\r") == Rows{{"1", "2\r3"}});
  CHECK(rows_of("\n\na,b\n1,2\n") == Rows{{"1", "2"}});
}

TEST_CASE("tables: rows without any text are passed over and counted, those at the end are not") {
  const Reading reading = reading_of("a,b\n1,2\n\n , \n,\n3,4\n\n,\n");
  CHECK(reading.rows == Rows{{"1", "2"}, {"3", "4"}});
  CHECK(reading.notes.blank.count == 3);
  CHECK(reading.notes.blank.first_line == 3);
}

TEST_CASE("tables: JSON Lines and lists of objects have their keys as columns") {
  const TemporaryFolder folder;
  const auto check = [&](const std::string& content) {
    TableReader table(folder.file("t.jsonl", content));
    const std::size_t text = table.column("text"), id = table.column("id");
    REQUIRE(table.next());
    CHECK(table.field(text) == "a, \"b\"\nc é");
    CHECK(table.field(id) == "7");
    CHECK(table.field(table.column("history")) == "[\"x\",1]");
    CHECK(table.is_nested(table.column("history")));
    REQUIRE(table.next());
    CHECK(table.field(text).empty());
    CHECK_FALSE(table.has(text));
    CHECK_FALSE(table.has(table.column("history")));
    CHECK(table.field(id) == "true");
    CHECK(table.line() == 3);
    CHECK_FALSE(table.next());
  };
  check(
      "{\"text\": \"a, \\\"b\\\"\\nc \\u00e9\", \"id\": 7, \"history\": [\"x\", 1]}\n\n{\"id\": true, \"text\": "
      "null}\n");
  check("[{\"text\": \"a, \\\"b\\\"\\nc é\",\n\"id\": 7, \"history\": [\"x\", 1]},\n{\"id\": true}]");
}

TEST_CASE("tables: broken JSON is refused with its line") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& content, const std::string& reason) {
    INFO(content.substr(0, 100));
    const auto read = [&] {
      TableReader table(folder.file("t.jsonl", content));
      rows_of(table);
    };
    CHECK_THROWS_WITH(read(), Contains(reason));
  };
  const std::string good = "{\"a\": 1}\n";
  refuses("", "the file is empty");
  refuses(good + "{\"a\": 1\n" + good, "t.jsonl:2: the JSON object does not end in its line");
  refuses(good + "{\"a\": 1} {\"a\": 2}\n", "t.jsonl:2: got ' {\"a\": 2}' after the JSON object");
  refuses(good + "{\"a\": 1, \"a\": 2}\n", "t.jsonl:2: the key 'a' is there twice");
  refuses(good + "{a: 1}\n", "t.jsonl:2: this is no JSON object");
  refuses(good + "[1]\n", "t.jsonl:2: got '1]', wanted a JSON object");
  refuses(good + "17\n", "t.jsonl:2: got '17', wanted a JSON object");
  refuses("[" + good, "the list of objects is not closed");
  refuses("[" + good + "]" + good, "t.jsonl:2: got '{\"a\": 1}', wanted");
  refuses("{\"a\": " + repeated("[", 100'000) + "\n", "nested deeper than 64");
  refuses("{\"a\": " + repeated("{\"a\":", 100'000) + "1" + repeated("}", 100'001) + "\n", "nested deeper than 64");
  refuses("{\"a\": \"\\ud800\"}\n", "t.jsonl:1: this is no JSON object");
}

TEST_CASE("tables: a file of lines is a table of one column") {
  const Reading reading = reading_of("I won, finally\n\n\"Hi\"\r\n{\"x\n", {.format = TableFormat::lines});
  CHECK(reading.rows == Rows{{"I won, finally"}, {"\"Hi\""}, {"{\"x"}});
  CHECK(reading.notes.blank.first_line == 2);
}

TEST_CASE("tables: what is no text is refused by one line") {
  CHECK_THROWS_WITH(rows_of("\x1F\x8B\x08zzz"), Contains("table.csv: the file is compressed by gzip"));
  CHECK_THROWS_WITH(rows_of("PK\x03\x04zzz"), Contains("zip archive"));
  CHECK_THROWS_WITH(rows_of("\xFF\xFE" + std::string("a\0,\0b\0\n\0", 8)), Contains("UTF-16"));
  CHECK_THROWS_WITH(rows_of(std::string("a\0,\0b\0\n\0", 8)), Contains("mostly NUL bytes"));
  CHECK_THROWS_WITH(rows_of(""), Contains("the file is empty"));
  CHECK_THROWS_WITH(rows_of("\n \n"), Contains("the file is empty"));
  CHECK_THROWS_WITH(rows_of(repeated("a,", 20'000) + "\n"), Contains("the header has 20001 columns"));
}

TEST_CASE("tables: quotation marks that never close take time in proportion to the file") {
  for (const std::string& line : {std::string("x,\"y\n"), std::string("x\",\"y\n"), std::string("x,\"\"\"\n"),
                                  std::string("\"\"\"\"\"x,\"\n"), std::string("\",\"\n"), std::string("\"")}) {
    INFO(line);
    CHECK(seconds_of("a,b\n" + repeated(line, 320'000)) < 10.0);  // a tenth of a second; quadratic: many minutes
  }
}

TEST_CASE("tables: numbers of JSON are the text that is written, so that different ids stay different") {
  const TemporaryFolder folder;
  for (const char* written : {"100000000000000000001", "100000000000000000002", "12345678901234567890123", "1.10",
                              "3.10", "-0", "-0.0", "0", "1e2", "1E+2", "-17", "18446744073709551615",
                              "9007199254740993", "-9223372036854775808", "0.1000000000000000055511151231257827"}) {
    TableReader table(folder.file("t.jsonl", "{\"id\": " + std::string(written) + ", \"list\": [1, {\"x\": " + written +
                                                 "}, -0, true, null, \"a\\\"\"], \"none\": null}\n"));
    REQUIRE(table.next());
    CHECK(table.field(table.column("id")) == written);
    CHECK_FALSE(table.is_nested(table.column("id")));
    CHECK(table.field(table.column("list")) == "[1,{\"x\":" + std::string(written) + "},-0,true,null,\"a\\\"\"]");
    CHECK_FALSE(table.has(table.column("none")));
  }
}

TEST_CASE("tables: a list or an object is the JSON that it was, but for blanks") {
  const TemporaryFolder folder;
  for (const char* json :
       {"[]", "{}", "[[],{}]", "{\"b\":{\"a\":1,\"c\":[null,null]},\"a\":\"\\n\"}", "[[1,2],[3,[4]],5]"}) {
    TableReader table(folder.file("t.jsonl", "{\"before\": null, \"x\": " + std::string(json) + ", \"after\": 1}\n"));
    REQUIRE(table.next());
    CHECK(table.field(table.column("x")) == json);
    CHECK(table.is_nested(table.column("x")));
    CHECK(table.field(table.column("after")) == "1");
  }
}

TEST_CASE("tables: a key that stands twice is refused at any depth, one in two objects is not") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& object) {
    TableReader table(folder.file("t.jsonl", "{\"a\": 1}\n" + object + "\n"));
    return rows_of(table);
  };
  CHECK_THROWS_WITH(read(R"({"history": [{"text": "a", "text": "b"}]})"),
                    Contains("t.jsonl:2: the key 'text' is there twice"));
  CHECK_THROWS_WITH(read(R"({"x": {"y": [[{"k": {}, "l": 1, "k": {}}]]}})"), Contains("t.jsonl:2: the key 'k'"));
  CHECK(read(R"({"history": [{"text": "a"}, {"text": "b"}], "text": {"text": {"text": 1}}})").size() == 2);
}

TEST_CASE("tables: where every line has the header's width, a quotation mark that closes lines later joins none") {
  const Reading two = reading_of("id,text\n1,hello\n2,\"be strong they said\n3,and never give up\"\n4,bye\n");
  CHECK(two.rows == Rows{{"1", "hello"}, {"2", "\"be strong they said"}, {"3", "and never give up\""}, {"4", "bye"}});
  CHECK_FALSE(two.notes.quoted);
  CHECK(two.notes.apart.count == 1);
  CHECK(two.notes.apart.first_line == 3);
  CHECK(two.notes.joined.count == 0);
  CHECK(reading_of("id,text\n2,\"be strong\n3,never give up\"\n").rows.size() == 2);  // in every row, yet no evidence
  CHECK(reading_of("\nid,text\n2,\"be\n\n3,strong\"\n").notes.apart.first_line == 3);
  CHECK(reading_of("text\nhello\n\"be strong\nand never give up\"\nbye\n").rows.size() == 4);
  CHECK(reading_of("id\ttext\n2\t\"a\n3\tb\n4\tc\"\n").rows.size() == 3);
  const Reading plain = reading_of("id,text\n1,he said \"hi\" to me\n2,\"be strong\n3,never give up\"\n");
  CHECK(plain.rows.size() == 3);
  CHECK(plain.notes.apart.count == 0);  // no question: no quoted file has the marks of row 1
}

TEST_CASE("tables: quoting that other fields prove joins lines, and lines that would be rows are counted") {
  const auto joins = [](const std::string& content, std::int64_t line) {
    INFO(content);
    const Reading reading = reading_of(content);
    CHECK(reading.notes.quoted);
    CHECK(reading.notes.apart.count == 0);
    CHECK(reading.notes.joined.count == (line > 0));
    CHECK(reading.notes.joined.first_line == line);
    CHECK(std::count_if(reading.rows.begin(), reading.rows.end(), [](const std::vector<std::string>& row) {
            return row.back() == "be strong\n3,never give up";
          }) == 1);
  };
  const std::string lines = "2,\"be strong\n3,never give up\"\n";
  joins("\"id\",\"text\"\n" + lines, 2);                                          // the header
  joins("id,text\n1,\"hello, you\"\n" + lines, 3);                                // a delimiter
  joins("id,text\n1,\"he said \"\"hi\"\"\"\n" + lines, 3);                        // doubled marks
  joins("id,text\n\"1\",a\n\"4\",b\n" + lines, 4);                                // most first fields
  joins("id,text\n1,\"a\"\n4,\"b\"\n" + lines, 4);                                // most rows
  CHECK(reading_of("id,text\n1,\"two\nlines\"\n2,x\n").notes.joined.count == 0);  // "lines" alone is no row
}
