// The command study: sheets for raters and what they say when they come back.

#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <functional>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

using Fields = std::vector<std::string>;  // of a row of a sheet

// Reply files of two systems to the same 12 posts, of six dialogues.
std::string replies_of(const std::string& system) {
  std::string text;
  for (int i = 0; i < 12; ++i)
    text += Json{{"conversation", fmt::format("c{}", i / 2)},
                 {"turn", i % 2 + 1},
                 {"context", {fmt::format("i lost my {} keys </script> \"today\"", i)}},
                 {"gold", fmt::format("human words {}", i)},
                 {"reply", fmt::format("{} words {}", system == "alpha" ? "first" : "second", i)}}
                .dump() +
            "\n";
  return text;
}

class StudyFolder {
 public:
  StudyFolder() : project_(4, 2) {
    project_.file("alpha.jsonl", replies_of("alpha"));
    project_.file("beta.jsonl", replies_of("beta"));
    project_.must({"study", "make", "alpha.jsonl", "beta.jsonl", "--out", "s", "--contexts", "5"});
  }
  const TinyProject& project() const { return project_; }

  // Fills the sheet of a rater as `fill` says, and gives its name.
  std::string filled(int rater, const std::function<void(Fields&)>& fill) const {
    std::string text;
    for (Fields& row : rows(rater)) {
      fill(row);
      text += joined(row);
    }
    const std::string name = fmt::format("filled-{}.csv", rater);
    project_.file(name, text);
    return name;
  }
  std::vector<Fields> rows(int rater) const {
    std::vector<Fields> all;
    for (const std::string& line : lines_of(project_.content(fmt::format("s/sheets/rater-{}.csv", rater)))) {
      Fields& row = all.emplace_back();
      std::string rest = line.substr(1, line.rfind('"') - 1);
      for (std::size_t end = 0; (end = rest.find("\",\"")) != std::string::npos; rest = rest.substr(end + 3))
        row.push_back(rest.substr(0, end));
      row.push_back(rest);
    }
    return all;
  }
  static std::string joined(const Fields& row) { return fmt::format("\"{}\"\r\n", fmt::join(row, "\",\"")); }

  Outcome score(const std::vector<std::string>& sheets, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments{"study", "score", "s/key.json"};
    arguments.insert(arguments.end(), sheets.begin(), sheets.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return project_.ethreed(arguments);
  }
  void refused(const std::string& sheet, const std::vector<std::string>& parts) const {
    check_refusal(project_, {"study", "score", "s/key.json", sheet}, parts);
  }

 private:
  TinyProject project_;
};

const StudyFolder& study() {
  static const StudyFolder folder;
  return folder;
}

// Alpha is rated 5, 4, 4 and preferred, beta 2, 2, 3; `row` is a row of the sheet.
void agree(Fields& row) {
  const auto is_alpha = [](const std::string& reply) { return reply.starts_with("first"); };
  if (row[3] == "rating") {
    const bool alpha = is_alpha(row[5]);
    row[7] = alpha ? "5" : "2";
    row[8] = alpha ? "4" : "2";
    row[9] = alpha ? "4" : "3";
  } else if (row[3] == "choice") {
    row[10] = is_alpha(row[5]) ? "A" : "B";
  }
}

}  // namespace

TEST_CASE("a study hides who wrote what: sheets name no system, and each rater has an order of their own") {
  const TinyProject& project = study().project();
  const Json key = project.json("s/key.json");
  CHECK(key.at("systems") == Json({"alpha", "beta"}));
  CHECK(key.at("contexts").size() == 5);
  CHECK(key.at("ratings").size() == 10);
  CHECK(key.at("choices").size() == 5);
  std::vector<std::vector<std::string>> orders;
  for (int rater = 1; rater <= 3; ++rater) {
    for (const char* ending : {"csv", "html"}) {
      const std::string sheet = project.content(fmt::format("s/sheets/rater-{}.{}", rater, ending));
      CHECK_THAT(sheet, !Contains("alpha") && !Contains("beta") && !Contains("jsonl"));
    }
    std::vector<std::string>& order = orders.emplace_back();
    for (const Fields& row : study().rows(rater)) order.push_back(row[2]);
    CHECK(order.size() == 1 + 10 + 5);
  }
  CHECK(orders[0] != orders[1]);
  std::vector<int> as_a(2, 0);
  for (const Json& choice : key.at("choices")) ++as_a[choice.at("a").get<std::size_t>()];
  CHECK(std::min(as_a[0], as_a[1]) == 2);  // both sides, as evenly as five allow
}

TEST_CASE("the page of a sheet asks no network, and no text of a reply can end its script") {
  const std::string page = study().project().content("s/sheets/rater-1.html");
  CHECK_THAT(page, !Contains("http://") && !Contains("https://") && !Contains("src=") && !Contains("keys </script>"));
  CHECK_THAT(page, Contains("keys \\u003c/script>") && Contains("localStorage") && Contains("new Blob"));
}

TEST_CASE("the same seed draws the same study, another seed another one") {
  const TinyProject& project = study().project();
  const auto make = [&](const char* out, const char* seed) {
    project.must({"study", "make", "alpha.jsonl", "beta.jsonl", "--out", out, "--contexts", "5", "--seed", seed});
    return snapshot_of(project / out);
  };
  const Snapshot first = snapshot_of(project / "s");
  CHECK(make("again", "1") == first);
  CHECK(make("other", "2") != first);
  check_refusal(project, {"study", "make", "alpha.jsonl", "beta.jsonl", "--out", "s"},
                {"s/key.json", "is there already"});
}

TEST_CASE("filled sheets give means, wins, ties and losses by system, and kappa 1 where all agree") {
  std::vector<std::string> sheets;
  for (int rater = 1; rater <= 3; ++rater)
    sheets.push_back(study().filled(rater, [&](Fields& row) {
      agree(row);
      if (row[3] == "choice" && row[4].find("keys") != std::string::npos && row[2] == "c0001") row[10] = "tie";
    }));
  const Outcome outcome = study().score(sheets, {"--json", "out.json"});
  REQUIRE(outcome.exit_code == 0);
  const Json out = study().project().json("out.json");
  const std::vector<double> wanted{5, 4, 4, 2, 2, 3};
  for (std::size_t i = 0; i < 6; ++i) {
    const Json& rating = out.at("ratings").at(i);
    CHECK(rating.at("system") == (i < 3 ? "alpha" : "beta"));
    CHECK(rating.at("mean").at("value") == wanted[i]);
    CHECK(rating.at("mean").at("low") == wanted[i]);
    CHECK(rating.at("count") == 15);
    CHECK(rating.at("deviation") == 0);
  }
  const Json& pair = out.at("choices").at(0);
  CHECK(pair.at("win") == 12);
  CHECK(pair.at("tie") == 3);
  CHECK(pair.at("loss") == 0);
  CHECK(pair.at("lead").at("value").get<double>() == Approx(0.8));
  REQUIRE(out.at("agreement").size() == 4);
  for (const Json& agreement : out.at("agreement"))
    CHECK(agreement.at("fleiss_kappa").at("value").get<double>() == Approx(1));
  CHECK_THAT(outcome.out, Contains("alpha") && Contains("empathy") && Contains("Fleiss' κ") && Contains("win"));
}

TEST_CASE("raters who disagree at random have a low kappa with an interval around it") {
  std::vector<std::string> sheets;
  int number = 0;
  for (int rater = 1; rater <= 3; ++rater)
    sheets.push_back(study().filled(rater, [&](Fields& row) {
      agree(row);
      if (row[3] == "rating") row[7] = std::to_string(1 + ++number * 7 % 5);
    }));
  REQUIRE(study().score(sheets, {"--json", "out.json"}).exit_code == 0);
  const Json kappa = study().project().json("out.json").at("agreement").at(0).at("fleiss_kappa");
  CHECK(kappa.at("value").get<double>() < 0.4);
  CHECK(kappa.at("low").get<double>() < kappa.at("value").get<double>());
  CHECK(kappa.at("high").get<double>() > kappa.at("value").get<double>());
}

TEST_CASE("a sheet that a spreadsheet saved with semicolons, in another order, is read as well") {
  std::vector<Fields> rows = study().rows(1);
  std::reverse(rows.begin() + 1, rows.end());
  std::string text;
  for (Fields& row : rows) {
    agree(row);
    text += fmt::format("\"{}\"\n", fmt::join(row, "\";\""));
  }
  study().project().file("semicolons.csv", "\xEF\xBB\xBF" + text);
  const Outcome outcome = study().score({"semicolons.csv"});
  CHECK(outcome.err == "");
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.out, Contains("(one rater)"));
}

TEST_CASE("an answer that is none, or open, is refused with file and row, unless open ones are allowed") {
  const auto with = [](std::size_t column, const char* value, const char* part = "rating") {
    return [=, done = false](Fields& row) mutable {
      agree(row);
      if (!done && row[3] == part) {
        row[column] = value;
        done = true;
      }
    };
  };
  study().refused(study().filled(1, with(7, "6")),
                  {"filled-1.csv:", "the empathy of item r", "'6'", "wanted 1, 2, 3, 4 or 5"});
  study().refused(study().filled(1, with(8, "3.5")), {"filled-1.csv:", "relevance", "'3.5'"});
  study().refused(study().filled(1, with(10, "C", "choice")), {"filled-1.csv:", "'C'", "wanted A, B or tie"});
  study().refused(study().filled(1, with(10, "A")), {"filled-1.csv:", "'A' under choice", "columns were mixed up"});
  const std::string open = study().filled(1, with(9, ""));
  study().refused(open, {"filled-1.csv:2", "has no fluency", "--allow-open"});
  const Outcome outcome = study().score({open}, {"--allow-open"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Contains("1 answers are open"));
}

TEST_CASE("an answer of one context makes an interval of that answer, and no answer makes none") {
  const auto choice = [](Fields& row) { return row[3] == "choice"; };
  // Some context's reply of alpha has the only rating of empathy.
  std::string kept;
  const std::string sheet = study().filled(1, [&](Fields& row) {
    agree(row);
    if (choice(row)) row[10].clear();
    if (row[3] != "rating") return;
    if (kept.empty() && row[5].starts_with("first"))
      kept = row[2];
    else
      row[7].clear();
  });
  REQUIRE(study().score({sheet, "--allow-open"}, {"--json", "open.json"}).exit_code == 0);
  const Json out = study().project().json("open.json");
  CHECK(out["ratings"][0]["mean"] == Json({{"value", 5.0}, {"low", 5.0}, {"high", 5.0}}));
  CHECK(out["ratings"][0]["count"] == 1);
  CHECK(out["choices"][0]["lead"] == Json({{"value", nullptr}, {"low", nullptr}, {"high", nullptr}}));
  CHECK_THAT(study().score({sheet, "--allow-open"}).out, !Contains("+0.0 %"));
}

TEST_CASE("figures of a study are not written over its key or a sheet") {
  const StudyFolder& s = study();
  const std::string sheet = s.filled(1, agree), key = s.project().content("s/key.json"),
                    filled = s.project().content(sheet);
  for (const std::string& out : {std::string("s/key.json"), sheet})
    check_refusal(s.project(), {"study", "score", "s/key.json", sheet, "--json", out}, {out, "read by this command"});
  CHECK(s.project().content("s/key.json") == key);
  CHECK(s.project().content(sheet) == filled);
}

TEST_CASE("sheets that are mixed up, cut or of another study are refused with the row") {
  const StudyFolder& s = study();
  const auto saved = [&](std::vector<Fields> rows) {
    std::string text;
    for (Fields& row : rows) {
      agree(row);
      text += StudyFolder::joined(row);
    }
    s.project().file("damaged.csv", text);
    return std::string("damaged.csv");
  };
  std::vector<Fields> rows = s.rows(1);
  rows.pop_back();
  s.refused(saved(rows), {"damaged.csv", "lacks item", "all 15 items"});
  rows = s.rows(1);
  rows.push_back(rows[1]);
  s.refused(saved(rows), {"damaged.csv:17", "is there twice, at line 2"});
  rows = s.rows(1);
  std::swap(rows[1][5], rows[4][5]);  // one column sorted without the others
  s.refused(saved(rows), {"damaged.csv:2", "rows or columns were mixed up"});
  rows = s.rows(1);
  rows[3] = s.rows(2)[3];
  s.refused(saved(rows), {"damaged.csv:4", "rater 2's", "sheets were mixed up"});
  rows = s.rows(1);
  rows[2][0] = "0123456789abcdef";
  s.refused(saved(rows), {"damaged.csv:3", "of study '0123456789abcdef'"});
  rows = s.rows(1);
  rows[2][2] = "r9999";
  s.refused(saved(rows), {"damaged.csv:3", "item 'r9999' is none of this study"});
  const std::string once = s.filled(1, agree);
  s.project().file("twice.csv", s.project().content(once));
  check_refusal(s.project(), {"study", "score", "s/key.json", once, "twice.csv"}, {"twice.csv", "of rater 1", once});
}

TEST_CASE("a key that was changed, and a file that is none, are refused") {
  const StudyFolder& s = study();
  std::string key = s.project().content("s/key.json");
  const std::string sheet = s.filled(1, agree);
  key.replace(key.find("\"beta\""), 6, "\"best\"");
  s.project().file("changed.json", key);
  check_refusal(s.project(), {"study", "score", "changed.json", sheet}, {"changed.json", "was changed"});
  key = s.project().content("s/key.json");
  key.replace(key.find("\"version\": 1"), 12, "\"version\": 2");
  s.project().file("newer.json", key);
  check_refusal(s.project(), {"study", "score", "newer.json", sheet}, {"newer.json", "version is 2", "reads 1"});
  s.project().file("none.json", "{}");
  check_refusal(s.project(), {"study", "score", "none.json", sheet}, {"none.json", "is no key of a study"});
}

TEST_CASE("study make takes gold replies and names, and refuses what cannot be compared") {
  const TinyProject& project = study().project();
  project.must({"study", "make", "ours=alpha.jsonl", "beta.jsonl", "--out", "three", "--contexts", "3", "--gold",
                "--pairs", "all"});
  const Json key = project.json("three/key.json");
  CHECK(key.at("systems") == Json({"ours", "beta", "gold"}));
  CHECK(key.at("choices").size() == 9);
  project.file("lines.txt", "hello\n");
  const auto refused = [&](std::vector<std::string> files, const std::vector<std::string>& parts) {
    std::vector<std::string> arguments{"study", "make", "--out", "no"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    check_refusal(project, arguments, parts);
  };
  refused({"lines.txt", "--contexts", "1"}, {"lines.txt:1", "no context"});
  refused({"alpha.jsonl", "alpha.jsonl", "--contexts", "1"}, {"same name", "NAME=FILE"});
  refused({"=alpha.jsonl", "--contexts", "1"}, {"=alpha.jsonl", "no name", "NAME=FILE"});
  refused({"alpha.jsonl", "--contexts", "13"}, {"alpha.jsonl", "has 12 rows", "13 contexts"});
  std::string other = replies_of("beta");
  for (std::size_t place; (place = other.find("lost")) != std::string::npos;) other.replace(place, 4, "found");
  project.file("other.jsonl", other);
  refused({"alpha.jsonl", "other.jsonl", "--contexts", "1"}, {"other.jsonl:", "found", "same posts"});
  // Systems with other tokens print the same posts with other blanks and without quotes.
  std::string same = replies_of("beta");
  for (std::size_t place; (place = same.find("\\\"today\\\"")) != std::string::npos;) same.replace(place, 9, "to day");
  project.file("same.jsonl", same);
  project.must({"study", "make", "alpha.jsonl", "same.jsonl", "--out", "same", "--contexts", "1"});
}
