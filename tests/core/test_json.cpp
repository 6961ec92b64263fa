// JSON of anybody: refused where the library's parser says nothing.

#include "core/json.h"

#include "core/error.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

Json parse(const std::string& text, const JsonLimits& limits = {}) {
  return parse_json<Json>(text, "file", "mend it", limits);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("JSON is read as the library reads it") {
  const std::string text = R"({"a": [1, -2.5, "x", null, true, {"a": {"a": []}}], "b": {"a": 1}, "": 2})";
  CHECK(parse(text) == Json::parse(text));
  CHECK(parse_json<nlohmann::ordered_json>(text, "file", "mend it").dump() ==
        nlohmann::ordered_json::parse(text).dump());
  CHECK(parse("3") == 3);
}

TEST_CASE("a key that stands twice in one object is refused at any depth, in two objects it is not") {
  for (const char* text : {R"({"a":1,"a":1})", R"({"b":{"a":1,"c":{"a":2},"a":3}})", R"([{"a":1},{"a":1,"a":2}])",
                           R"({"a":{},"b":[],"a":[]})", R"({"a":1,"\u0061":1})"})
    CHECK_THROWS_WITH(parse(text), Contains("file: the key 'a' appears twice in one object; mend it"));
  CHECK_NOTHROW(parse(R"([{"a":1},{"a":{"a":1}}])"));
}

TEST_CASE("depth and width are bounded, whatever the text") {
  CHECK_NOTHROW(parse(nested(64)));
  CHECK_THROWS_WITH(parse(nested(65)), Contains("file: objects and arrays lie more than 64 deep"));
  CHECK_THROWS_WITH(parse(nested(1'000'000)), Contains("more than 64 deep"));
  CHECK_THROWS_WITH(parse(std::string(1'000'000, '[')), Contains("more than 64 deep"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THROWS_WITH(parse(objects), Contains("more than 64 deep"));
  CHECK_NOTHROW(parse("[1,2,3]", {.array = 3}));
  CHECK_THROWS_WITH(parse("[1,2,[3],{}]", {.array = 3}), Contains("more than 3 values"));
}

TEST_CASE("what is no JSON is refused in one line that stays short") {
  for (const std::string& text : {std::string(), std::string("{"), std::string("[1,]"), std::string("\xff"),
                                  std::string("1e999"), std::string("{} {}"), "\"" + std::string(1'000'000, 'x'),
                                  "{\"a\": " + std::string(1'000'000, 'y') + "}", std::string("NaN")}) {
    try {
      parse(text);
      FAIL("was taken: " << text.substr(0, 20));
    } catch (const Error& error) {
      CHECK_THAT(error.what(), Catch::StartsWith("file: not valid JSON: ") && Catch::EndsWith("; mend it"));
      CHECK(std::string(error.what()).size() < 400);
    }
  }
}

TEST_CASE("values are shown by what they are, and cut between characters") {
  CHECK(shown(Json::parse(nested(50))) == "an array");
  CHECK(shown(Json::parse("{\"a\":1}")) == "an object");
  CHECK(shown(Json(1.5)) == "1.5");
  CHECK(shown(Json()) == "null");
  CHECK(shown(Json("a\nb")) == "'a b'");
  CHECK(cut_text(std::string(80, 'x')) == std::string(80, 'x'));
  CHECK(cut_text(std::string(81, 'x')) == std::string(80, 'x') + "…");
  CHECK(cut_text(std::string(79, 'x') + "é" + "y") == std::string(79, 'x') + "…");
}
