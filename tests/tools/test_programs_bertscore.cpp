// BERTScore by score, evaluate, report and experiment: a tiny encoder with its tokenizer, and real weights where they
// are.

#include "tests/model/encoders/tiny_encoder.h"
#include "tests/model/tiny_tokenizers.h"
#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

constexpr const char* vocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nblor\n##bin\n##b\n##i\nmip\n,\n!\n'\nso\nble\n##x\nx\nmipzu\nno\n.\n";

// A folder with the encoder `tiny` and files of replies. A test writes nothing but what is its own.
const TinyProject& project() {
  static const TinyProject project(4, 2);
  static const bool once = [] {
    const TinyEncoder m = tiny_bert();
    write_encoder<float>(project / "tiny", config_of(m), list_of(sines_of(m)));
    project.file("tiny/vocab.txt", vocabulary);
    project.file("a.txt", "blorbin, mip!\nno\n\nso so mip\n");
    project.file("gold.txt", "mip blor.\nno\nx\n\n");
    project.file("b.txt", "mip blor.\nno\nx\n\n");
    project.file("nonsense.txt", "x x x\nx x x\nx x x\nx x x\n");
    return true;
  }();
  (void)once;
  return project;
}

Json scored(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "score");
  arguments.insert(arguments.end(), {"--json", "out.json"});
  project().must(arguments);
  return project().json("out.json");
}

const Json& figure(const Json& scores, const std::string& name) {
  for (const Json& one : scores.at("figures"))
    if (one.at("name") == name) return one;
  FAIL("no figure " << name);
  return scores;
}
double value(const Json& scores, const std::string& name, std::size_t column = 0) {
  return figure(scores, name).at("values").at(column).get<double>();
}

void refused(std::vector<std::string> arguments, const std::vector<std::string>& parts) {
  arguments.insert(arguments.begin(), {"score", "a.txt", "--references", "gold.txt"});
  check_refusal(project(), arguments, parts);
}

// P, R and F of two rows of ids by the textbook, at the last layer.
std::array<double, 3> textbook_score(const std::vector<int>& candidate, const std::vector<int>& reference) {
  const TinyEncoder m = tiny_bert();
  reference::Parameters p = sines_of(m);
  for (auto& [name, parameter] : p)
    for (double& x : parameter.values) x = static_cast<double>(static_cast<float>(x));
  const auto unit_rows = [&](const std::vector<int>& ids) {
    reference::Rows rows = reference::encoder_state(m, p, ids, std::vector<int>(ids.size()), m.layers);
    for (reference::Vector& row : rows) {
      const double length = std::sqrt(reference::dot(row, row));
      for (double& x : row) x /= length;
    }
    return rows;
  };
  const reference::Rows x = unit_rows(candidate), y = unit_rows(reference);
  const auto side = [](const reference::Rows& a, const reference::Rows& b) {
    double sum = 0;
    for (std::size_t i = 1; i + 1 < a.size(); ++i) {
      double best = -1;
      for (const reference::Vector& other : b) best = std::max(best, reference::dot(a[i], other));
      sum += best;
    }
    return sum / static_cast<double>(a.size() - 2);
  };
  const double precision = side(x, y), recall = side(y, x);
  return {precision, recall, 2 * precision * recall / (precision + recall)};
}

}  // namespace

TEST_CASE("score has BERTScore by a folder's encoder, under its name and layer, as the textbook has it") {
  const Json scores = scored({"a.txt", "b.txt", "--references", "gold.txt", "--bertscore", "tiny/"});
  // blorbin, mip! / mip blor. — no / no — nothing / x — so so mip / nothing
  const auto first = textbook_score({2, 5, 6, 10, 9, 11, 3}, {2, 9, 5, 19, 3});
  CHECK(value(scores, "bertscore_p[tiny:2]") == Approx((first[0] + 1) / 4).epsilon(1e-6));
  CHECK(value(scores, "bertscore_r[tiny:2]") == Approx((first[1] + 1) / 4).epsilon(1e-6));
  CHECK(value(scores, "bertscore_f[tiny:2]") == Approx((first[2] + 1) / 4).epsilon(1e-6));
  CHECK(value(scores, "bertscore_empty") == 2);
  CHECK(value(scores, "bertscore_f[tiny:2]", 1) == Approx(3.0 / 4).epsilon(1e-6));  // the references themselves
  const std::string text = project().must({"score", "a.txt", "--references", "gold.txt", "--bertscore", "tiny"});
  CHECK_THAT(text, Contains("1 replies and 1 references without a token") &&
                       Contains("BERTScore by tiny (bert, layer 2 of 2), replies and references as tokens, no idf"));
}

TEST_CASE("BERTScore takes the layer, the name, idf and a baseline that it is told") {
  const std::vector<std::string> common{"a.txt", "--references", "gold.txt", "--bertscore", "tiny"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), common.begin(), common.end());
    return scored(more);
  };
  const double raw = value(with({"--bertscore-layer", "0", "--bertscore-name", "toy"}), "bertscore_f[toy:0]");
  CHECK(raw != value(with({}), "bertscore_f[tiny:2]"));
  CHECK(value(with({"--bertscore-idf"}), "bertscore_f[tiny:2:idf]") != value(with({}), "bertscore_f[tiny:2]"));
  const Json own = with({"--bertscore-baseline", "0.1,0.2,0.3", "--bertscore-layer", "0"});
  CHECK(value(own, "bertscore_f[tiny:0]") == Approx(raw));
  CHECK(value(own, "bertscore_f_rescaled[tiny:0]") == Approx((raw - .3) / .7));
  CHECK(value(own, "bertscore_p_rescaled[tiny:0]") == Approx((value(own, "bertscore_p[tiny:0]") - .1) / .9));
  CHECK_THAT(own.at("remarks").dump(), Contains("rescaled by own baseline 0.1,0.2,0.3"));
}

TEST_CASE("BERTScore compares tokens put together again, or texts as they are") {
  project().file("shouted.txt", "  BLORBIN ,mip!\nno\nx\nI can't mip\n");
  project().file("said.txt", "blorbin, mip!\nno\nx\ni can not mip\n");
  const auto f = [&](const char* form) {
    return value(scored({"shouted.txt", "--references", "said.txt", "--bertscore", "tiny", "--bertscore-text", form}),
                 "bertscore_f[tiny:2]");
  };
  CHECK(f("same") == Approx(1).epsilon(1e-6));  // the project's tokenizer makes both alike
  CHECK(f("raw") == Approx(1).epsilon(1e-6));   // the references are like that already
  CHECK(f("verbatim") < 1 - 1e-4);              // can't
}

TEST_CASE("of several references the largest P, R and F count") {
  const std::string name = "bertscore_f[tiny:2]";
  const auto f = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"a.txt", "--bertscore", "tiny"});
    return value(scored(more), name);
  };
  const double one = f({"--references", "gold.txt"}), other = f({"--references", "nonsense.txt"});
  const double both = f({"--references", "gold.txt", "--bertscore-references", "nonsense.txt"});
  CHECK(both >= std::max(one, other));
  CHECK(f({"--bertscore-references", "gold.txt"}) == Approx(one));  // without others
  CHECK(f({"--references", "gold.txt", "--bertscore-references", "nonsense.txt", "--bertscore-references", "a.txt"}) ==
        Approx(3.0 / 4).epsilon(1e-6));
}

TEST_CASE("evaluate, report and an experiment give replies the BERTScore that score gives them") {
  const TinyProject own;
  own.prepare_and_train();
  const TinyEncoder m = tiny_bert();
  write_encoder<float>(own / "encoders/tiny", config_of(m), list_of(sines_of(m)));
  own.file("encoders/tiny/vocab.txt",
           "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\noh\nwhat\ndid\ndo\nto\nmake\nyou\nfeel\n?\ni\nam\nglad\n"
           "that\nthe\npark\n");
  fs::create_directory(own / "plans");
  const std::vector<std::string> names{"bertscore_p[tiny:2]", "bertscore_r[tiny:2]", "bertscore_f[tiny:2]"};
  const auto json_of = [&](const std::vector<std::string>& arguments) { return Json::parse(own.must(arguments)); };

  own.must({"generate", "run", "--format", "jsonl", "--out", "replies.jsonl"});
  own.must({"score", "replies.jsonl", "--bertscore", "encoders/tiny", "--json", "score.json"});
  const Json score = own.json("score.json");
  const Json figures =
      json_of({"evaluate", "run", "--json", "--per-dialogue", "d.jsonl", "--bertscore", "encoders/tiny"});
  for (const std::string& name : names) CHECK(figures.at(name).get<double>() == Approx(value(score, name)));
  CHECK(figures.at("bertscore_empty").get<double>() == value(score, "bertscore_empty"));
  CHECK(figures.at(names[2]).get<double>() < 1);
  const std::vector<std::string> lines = lines_of(own.content("d.jsonl"));
  for (const std::string& name : names) {
    double sum = 0, count = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const Json share = Json::parse(lines[i]).at(name);
      sum += share[0].get<double>();
      count += share[1].get<double>();
    }
    CHECK(figures.at(name).get<double>() == Approx(sum / count));
  }
  CHECK_THAT(own.must({"evaluate", "run", "--bertscore", "encoders/tiny", "--bertscore-name", "toy"}),
             Contains("bertscore_f[toy:2]") && Contains("BERTScore by toy (bert, layer 2 of 2)"));
  CHECK_FALSE(json_of({"evaluate", "run", "--json"}).contains(names[2]));

  own.must({"report", "run", "--out", "page.html", "--dialogues", "1", "--bertscore", "encoders/tiny"});
  CHECK_THAT(own.content("page.html"), Contains("\"" + names[2] + "\":" + figures.at(names[2]).dump()) &&
                                           Contains("\"" + names[2] + "\":1"));  // more of it is better

  // A classifier writes no replies; a plan may name the encoder, too, as seen from there.
  Json plan{{"data", "../data"},
            {"seeds", {1}},
            {"variants",
             {{{"name", "ours"}, {"model", "ethreed"}, {"epochs", 1}, {"config", own.json("small.json")}},
              {{"name", "linear"}, {"model", "linear_classifier"}, {"epochs", 1}}}},
            {"columns", {{{"heading", "PPL"}, {"figures", {"perplexity_macro"}}}}}};
  own.file("plans/plan.json", plan.dump());
  own.must({"experiment", "plans/plan.json", "--out", "out", "--bertscore", "encoders/tiny", "--threads", "2"});
  const Json result = own.json("out/results/ours-1.json");
  const Json again = json_of({"evaluate", "out/runs/ours-1", "--json", "--bertscore", "encoders/tiny"});
  for (const std::string& name : names) CHECK(result.at("figures").at(name) == again.at(name));
  CHECK_FALSE(own.json("out/results/linear-1.json").at("figures").contains(names[2]));
  CHECK_THAT(lines_of(own.content("out/tables.md"))[4], Contains("| PPL |") && Contains("| " + names[2] + " |"));
  for (const auto& [name, content] : snapshot_of(own / "out"))  // results travel
    if (name.starts_with("results/") || name.starts_with("tables"))
      CHECK(content.find("encoders/") == std::string::npos);
  check_refusal(own, {"experiment", "plans/plan.json", "--out", "out"}, {"evaluate.bertscore is \"tiny\" there"});
  plan["evaluate"]["bertscore"] = "../encoders/tiny";
  own.file("plans/plan.json", plan.dump());
  CHECK_THAT(own.must({"experiment", "plans/plan.json", "--out", "out", "--threads", "2"}), Contains("2 of 2 runs"));
  plan["evaluate"]["bertscore"] = "tiny";
  own.file("plans/plan.json", plan.dump());
  check_refusal(own, {"experiment", "plans/plan.json", "--out", "new"}, {"bertscore", "no such folder"});
  check_refusal(own, {"evaluate", "run", "--bertscore-layer", "1"}, {"--bertscore"});
}

TEST_CASE("BERTScore by a tokenizer without special tokens takes an empty text for what it is") {
  const TinyEncoder m = tiny_roberta();
  write_encoder<float>(project() / "bare", config_of(m), list_of(sines_of(m)));
  Json tokenizer = word_piece_json();
  tokenizer["post_processor"] = nullptr;
  project().file("bare/tokenizer.json", tokenizer.dump());
  const Json scores = scored({"b.txt", "--references", "gold.txt", "--bertscore", "bare"});
  CHECK(value(scores, "bertscore_f[bare:2]") == Approx(3.0 / 4).epsilon(1e-6));
  CHECK(value(scores, "bertscore_empty") == 2);
}

TEST_CASE("BERTScore has intervals between files, and is absent without references") {
  const Json scores = scored({"b.txt", "a.txt", "--references", "gold.txt", "--bertscore", "tiny", "--compare"});
  bool found = false;
  for (const Json& difference : scores.at("differences")) found |= difference.at("figure") == "bertscore_f[tiny:2]";
  CHECK(found);
  const Json none = scored({"a.txt", "--bertscore", "tiny"});
  CHECK(figure(none, "bertscore_f[tiny:2]").at("absent").at(0) == "no references");
  CHECK(figure(none, "bertscore_empty").at("values").at(0).is_null());
}

TEST_CASE("BERTScore refuses folders, layers and baselines that do not fit, in one line") {
  refused({"--bertscore", "nowhere"}, {"nowhere: is no folder"});
  refused({"--bertscore", "corpus"}, {"corpus: has no config.json"});
  refused({"--bertscore", "tiny", "--bertscore-layer", "3"}, {"--bertscore-layer 3", "tiny has 2 layers"});
  refused({"--bertscore", "tiny", "--bertscore-baseline", "roberta-large"}, {"has other sizes"});
  for (const char* wrong : {"0.1,0.2", "0.1,0.2,0.3,0.4", "0.1,0.2,x", "0.1,0.2,1", "bert"})
    refused({"--bertscore", "tiny", "--bertscore-baseline", wrong}, {"--bertscore-baseline", "wanted roberta-large"});
  refused({"--bertscore-idf"}, {"--bertscore"});
  project().file("short.txt", "mip\n");
  refused({"--bertscore", "tiny", "--bertscore-references", "short.txt"}, {"short.txt"});
  const TinyEncoder m = tiny_bert();
  write_encoder<float>(project() / "other", config_of(m), list_of(sines_of(m)));
  refused({"--bertscore", "other"}, {"other: holds no tokenizer"});
  project().file("other/vocab.txt", std::string(vocabulary) + "more\n");
  refused({"--bertscore", "other"}, {"the tokenizer has 21 tokens, config.json says 20"});
}

TEST_CASE("BERTScore by MiniLM-L6's weights is that of the published implementation") {
  const char* folder = std::getenv("ETHREED_MINILM");
  if (folder == nullptr) {
    std::printf("weights: not run, ETHREED_MINILM names no folder\n");
    return;
  }
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"28-year-old chef found dead in San Francisco mall", "28-Year-Old Chef Found Dead at San Francisco Mall"},
      {"A 28-year-old chef who recently moved to San Francisco was found dead in the staircase of a local shopping "
       "center.",
       "A 28-year-old chef who had recently moved to San Francisco was found dead in the stairwell of a local mall "
       "this week."},
      {"The victim's brother said he cannot imagine anyone who would want to harm him,\"Finally, it went uphill again "
       "at him.\"",
       "But the victim's brother says he can't think of anyone who would want to hurt him, saying, \"Things were "
       "finally going well for him.\""},
      {"i am so sorry to hear that . what happened ?", "oh no , that is terrible . did you call anyone ?"},
      {"", "why were you scared ?"},
      {"that is great !", ""},
      {"ok", "ok"}};
  std::string all;
  std::vector<std::string> files;
  for (const auto& [reply, gold] : pairs) {
    const std::string line = Json{{"reply", reply}, {"gold", gold}}.dump() + "\n";
    files.push_back("pair" + std::to_string(files.size()) + ".jsonl");
    project().file(files.back(), line);
    all += line;
  }
  project().file("pairs.jsonl", all);
  struct Layer {
    const char* number;
    std::array<double, 4> p, r, f;
  };
  const std::vector<std::string> with{"--bertscore", folder, "--bertscore-text", "verbatim", "--bertscore-name", "m"};
  for (const Layer& layer : {Layer{"6",
                                   {.993573, .936950, .765927, .345308},
                                   {.993573, .937573, .753816, .323292},
                                   {.993573, .937261, .759823, .333938}},
                             Layer{"3",
                                   {.980365, .948225, .803269, .521175},
                                   {.980365, .913045, .783403, .503839},
                                   {.980365, .930302, .793212, .512361}},
                             Layer{"0",
                                   {.950112, .920223, .739183, .446305},
                                   {.950112, .883288, .714767, .430000},
                                   {.950112, .901377, .726770, .438001}}}) {
    std::vector<std::string> arguments = files;
    arguments.insert(arguments.end(), with.begin(), with.end());
    arguments.insert(arguments.end(), {"--bertscore-layer", layer.number});
    const Json scores = scored(arguments);
    const auto check = [&](const std::string& figure, std::size_t pair, double wanted) {
      INFO(figure << " of pair " << pair);
      CHECK(value(scores, fmt::format("bertscore_{}[m:{}]", figure, layer.number), pair) ==
            Approx(wanted).margin(1.5e-6).epsilon(0));
    };
    for (std::size_t pair = 0; pair < 4; ++pair) {
      check("p", pair, layer.p[pair]);
      check("r", pair, layer.r[pair]);
      check("f", pair, layer.f[pair]);
    }
    check("f", 4, 0);
    check("f", 5, 0);
    check("f", 6, 1);
  }
  std::vector<std::string> arguments{"pairs.jsonl", "--bertscore-idf"};
  arguments.insert(arguments.end(), with.begin(), with.end());
  CHECK(value(scored(arguments), "bertscore_f[m:6:idf]") ==
        Approx((.991667 + .920982 + .738886 + .308656 + 0 + 0 + 1) / 7).margin(1.5e-6).epsilon(0));
}
