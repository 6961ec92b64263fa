// The command score: figures of replies that any program has written.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

constexpr const char* replies_a = "i am so sorry to hear that\nthat is great ! i am so happy for you\noh no\n";
constexpr const char* references_a =
    "i am sorry to hear that . what happened ?\nthat is awesome ! i am happy for you\noh no , are you okay ?\n";

// Nothing is trained here: files alone.
const TinyProject& folder() {
  static const TinyProject project(4, 2);
  static const bool once = [] {
    project.file("a.txt", replies_a);
    project.file("gold.txt", references_a);
    return true;
  }();
  (void)once;
  return project;
}

Json scored(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "score");
  arguments.insert(arguments.end(), {"--json", "out.json"});
  folder().must(arguments);
  return folder().json("out.json");
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

std::string records(const std::vector<Json>& all) {
  std::string text;
  for (const Json& one : all) text += one.dump() + "\n";
  return text;
}

// Corpus A as records: rows 1 and 2 are of one dialogue.
std::vector<Json> records_a() {
  return {{{"conversation", "x"},
           {"turn", 1},
           {"context", {"my dog ran"}},
           {"gold", "I'm sorry to hear that. What happened?"},
           {"reply", "I'm so sorry to hear that"}},
          {{"conversation", "x"},
           {"turn", 2},
           {"context", {"my dog ran", "oh", "i won"}},
           {"gold", "That is awesome! I am happy for you"},
           {"reply", "That is great! I am so happy for you"}},
          {{"conversation", "y"},
           {"turn", 1},
           {"context", {"it broke"}},
           {"gold", "Oh no, are you okay?"},
           {"reply", "Oh no"}}};
}

void refused(const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
  std::vector<std::string> all{"score"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  check_refusal(folder(), all, parts);
}

}  // namespace

TEST_CASE("score has the figures of corpus A for lines of tokens, each by its variant's name") {
  const Json scores = scored({"a.txt", "--references", "gold.txt", "--split"});
  CHECK(scores.at("rows") == 3);
  CHECK(scores.at("dialogues").is_null());
  for (const auto& [name, wanted] :
       {std::pair("bleu_1", 58.2590), std::pair("bleu_4", 24.0985), std::pair("sacrebleu", 24.0985),
        std::pair("bleu_coco_4", 24.098464), std::pair("bleu_nltk_4", 23.1471), std::pair("chrf", 47.145470)})
    CHECK(value(scores, name) == Approx(wanted).margin(6e-5));
  CHECK(value(scores, "rouge_l") == Approx((0.8 + 0.823529 + 0.571429) / 3).margin(1e-6));
  CHECK(value(scores, "meteor_exact_stem") == Approx((0.607102 + 0.855941 + 0.288462) / 3).margin(1e-6));
  CHECK(value(scores, "bleu_sent_m7_2") == Approx(100 * (0.534738 + 0.750723 + 0.083591) / 3).margin(1e-4));
  CHECK(value(scores, "length_ratio") == Approx(19.0 / 26));
  CHECK(value(scores, "ends_in_question") == 0);
  CHECK(figure(scores, "bleu_4").at("unit") == "×100");
}

TEST_CASE("records with gold replies, a table, and lines with references have the same figures") {
  folder().file("a.jsonl", records(records_a()));
  std::string csv = "\xEF\xBB\xBFreply,gold\n";
  for (const Json& record : records_a()) csv += record.at("reply").dump() + "," + record.at("gold").dump() + "\n";
  folder().file("a.csv", csv);
  const Json lines = scored({"a.txt", "--references", "gold.txt"}), json = scored({"a.jsonl"}),
             table = scored({"a.csv"});
  for (const char* name : {"bleu_1", "bleu_4", "rouge_l", "chrf", "distinct_2", "length_mean"}) {
    CHECK(value(json, name) == Approx(value(lines, name)));
    CHECK(value(table, name) == Approx(value(lines, name)));
  }
  CHECK(json.at("dialogues") == 2);
  CHECK(value(json, "novel_1") == Approx(18.0 / 19));  // "i" is in "i won"
}

TEST_CASE("a figure that cannot be computed is null with its reason, and a dash in the table") {
  const Json scores = scored({"a.txt"});
  for (const auto& [name, reason] : {std::pair("bleu_4", "no references"), std::pair("emb_average", "no references"),
                                     std::pair("novel_1", "no posts"), std::pair("ead_1", "vocabulary"),
                                     std::pair("copied_from_train", "--train"), std::pair("copy_rate", "p_gen")}) {
    CHECK(figure(scores, name).at("values").at(0).is_null());
    CHECK_THAT(figure(scores, name).at("absent").at(0).get<std::string>(), Contains(reason));
  }
  CHECK(figure(scores, "distinct_1").at("absent").at(0).is_null());
  const std::string text = folder().must({"score", "a.txt"});
  CHECK_THAT(text, Contains("bleu_4 ") && Contains("–\n") && Contains("absent, no references: bleu_1, bleu_2"));
  CHECK_THAT(text, Contains("3 rows; dialogues are not known"));
}

TEST_CASE("every figure that a zero count makes 0 is named, of every file") {
  folder().file("one.txt", "a b\nc d\n");
  folder().file("two.txt", "a b c\nc d x\n");
  folder().file("both.txt", "a b y\nc d z\n");
  const std::string text = folder().must({"score", "one.txt", "two.txt", "--references", "both.txt", "--split"});
  CHECK_THAT(text, Contains("bleu_3, bleu_4 of one: ") && Contains("bleu_3, bleu_4 of two: "));
}

TEST_CASE("word vectors, training replies, the vocabulary's size and p_gen make the figures that need them") {
  folder().file("vectors.txt", "a 1 2\nb 2 -1\nc 1 1\nd -3 2\n");
  folder().file("hand.txt", "a b\nzz\n");
  folder().file("hand_gold.txt", "c d\nzz\n");
  const Json hand = scored({"hand.txt", "--references", "hand_gold.txt", "--vectors", "vectors.txt", "--train",
                            "hand_gold.txt", "--vocabulary", "100"});
  CHECK(value(hand, "emb_average") == Approx(-0.263117).margin(1e-6));
  CHECK(value(hand, "emb_extrema") == Approx(-0.196116).margin(1e-6));
  CHECK(value(hand, "emb_greedy") == Approx(0.584407).margin(1e-6));
  CHECK(value(hand, "emb_rows_left_out") == 1);
  CHECK(value(hand, "copied_from_train") == 0.5);
  CHECK(value(hand, "ead_1") > 1);  // three of three words differ: more than to be expected of 100
  CHECK(hand.at("vectors") == "vectors.txt");
  folder().file("gates.jsonl", R"({"reply": "a b", "generation_gates": [1, 0.5]})"
                               "\n"
                               R"({"reply": "<unk>", "generation_gates": [0.3]})");
  const Json gates = scored({"gates.jsonl"});
  CHECK(value(gates, "copy_rate") == Approx((0.5 + 0.7) / 3));
  CHECK(value(gates, "oov_out") == Approx(1.0 / 3));
}

TEST_CASE("several files are columns, compared over dialogues where there are conversations, else over rows") {
  folder().file("a.jsonl", records(records_a()));
  std::vector<Json> others = records_a();
  for (Json& record : others) record["reply"] = record.at("gold");
  folder().file("b.jsonl", records(others));
  const Json scores = scored({"b.jsonl", "a.jsonl", "--compare", "--resamples", "200"});
  CHECK(scores.at("columns") == Json({"b", "a"}));
  CHECK(value(scores, "bleu_4") == Approx(100));
  CHECK(value(scores, "bleu_4", 1) < 30);
  CHECK(scores.at("bootstrap").at("over") == "dialogues");
  const Json& first = scores.at("differences").at(0);
  CHECK(first.at("figure") == "bleu_1");
  CHECK(first.at("value").get<double>() == Approx(value(scores, "bleu_1") - value(scores, "bleu_1", 1)));
  CHECK(first.at("low").get<double>() > 0);
  CHECK(first.at("low").get<double>() <= first.at("value").get<double>());
  const Json same = scored({"a.txt", "a.txt", "--references", "gold.txt", "--compare", "--resamples", "50"});
  CHECK(same.at("bootstrap").at("over") == "rows");
  int without = 0;
  for (const Json& difference : same.at("differences")) {
    INFO(difference.at("figure"));
    const std::string name = difference.at("figure");
    CHECK(difference.at("value") == 0);
    // A draw may be one row three times, with which no other can be compared, or "oh no", which has no trigram.
    if (name.starts_with("self_bleu") || name == "distinct_3" || name == "distinct_3_reply") {
      CHECK(difference.at("low").is_null());
      ++without;
      continue;
    }
    CHECK(difference.at("low") == 0);
    CHECK(difference.at("high") == 0);
  }
  CHECK(without == 6);
}

TEST_CASE("every figure has an interval around it with --intervals, and a reason where there is none") {
  std::vector<Json> many;
  for (const char* name : {"1", "2", "3", "4"})
    for (Json record : records_a()) {
      record["conversation"] = record["conversation"].get<std::string>() + name;
      record["reply"] = record["reply"].get<std::string>() + " " + name;
      many.push_back(record);
    }
  folder().file("many.jsonl", records(many));
  folder().file("vectors.txt", "i 1 2\nsorry 2 -1\ngreat 1 1\noh -3 2\nno 1 0\nthat 0 1\n");
  const std::vector<std::string> arguments{"many.jsonl", "--vectors",   "vectors.txt", "--vocabulary",
                                           "100",        "--intervals", "--resamples", "200"};
  const Json scores = scored(arguments);
  CHECK(scores.at("bootstrap").at("over") == "dialogues");
  for (const Json& one : scores.at("figures")) {
    INFO(one.at("name"));
    const Json &interval = one.at("intervals").at(0), &reason = one.at("no_interval").at(0);
    CHECK((one.at("values").at(0).is_null() ? interval.is_null() && reason.is_null()
                                            : interval.is_null() != reason.is_null()));
    if (interval.is_array()) CHECK(interval.at(0).get<double>() <= interval.at(1).get<double>());
  }
  for (const char* name : {"bleu_1", "self_bleu_2", "entropy_1", "ead_2", "distinct_1_words", "duplicate_replies",
                           "unique_replies", "top_reply", "length_median", "length_p95"}) {
    INFO(name);
    CHECK(figure(scores, name).at("intervals").at(0).is_array());
  }
  CHECK_THAT(figure(scores, "emb_rows_left_out").at("no_interval").at(0).get<std::string>(), Contains("counts rows"));
  std::vector<std::string> printed{"score"};
  printed.insert(printed.end(), arguments.begin(), arguments.end());
  const std::string text = folder().must(printed);
  CHECK_THAT(text, Contains("95 %") && Contains(" … ") && Contains("no interval, counts rows") &&
                       Contains("95 % intervals by bootstrap over dialogues, 200 resamples, seed 1"));
  // A figure that a draw of the dialogues may have nothing for: only one of them has gates.
  folder().file("gates.jsonl", R"({"reply": "a b", "generation_gates": [1, 0.5]})"
                               "\n"
                               R"({"reply": "c"})"
                               "\n");
  const Json gates = scored({"gates.jsonl", "--intervals"});
  CHECK(value(gates, "copy_rate") == 0.25);
  CHECK(figure(gates, "copy_rate").at("intervals").at(0).is_null());
  CHECK_THAT(figure(gates, "copy_rate").at("no_interval").at(0).get<std::string>(), Contains("some draw"));
}

TEST_CASE("the table is printed as Markdown, and twice the same") {
  const std::vector<std::string> arguments{"score", "a.txt", "--references", "gold.txt", "--markdown"};
  const std::string text = folder().must(arguments);
  CHECK_THAT(text, Catch::StartsWith("| figure | unit | a |\n|---|---|---:|\n| bleu_1 | ×100 | 58.26 |\n"));
  CHECK(folder().must(arguments) == text);
}

TEST_CASE("some rows are scored as if the file had no others: --rows last, --limit and --sample") {
  folder().file("a.jsonl", records(records_a()));
  // The last of x and y; their posts are still all that was said before.
  folder().file("last.jsonl", records({records_a()[1], records_a()[2]}));
  const auto same = [](const Json& some, const Json& whole) {
    REQUIRE(some.at("rows") == whole.at("rows"));
    for (const Json& one : whole.at("figures")) {
      INFO(one.at("name"));
      CHECK(figure(some, one.at("name")).at("values") == one.at("values"));
    }
  };
  const Json last = scored({"a.jsonl", "--rows", "last"});
  same(last, scored({"last.jsonl"}));
  CHECK(last.at("dialogues") == 2);
  CHECK(last.at("remarks").at(0) == "2 of 3 rows: the last of each conversation");
  folder().file("first.jsonl", records({records_a()[0]}));
  same(scored({"a.jsonl", "--limit", "1"}), scored({"first.jsonl"}));
  // Drawn ones: the same of every file, another seed draws others, and references come along.
  std::vector<std::string> replies, gold;
  for (int i = 0; i < 200; ++i) {
    replies.push_back(std::string("w") + std::to_string(i) + " a b");
    gold.push_back(std::string("w") + std::to_string(i) + " a c");
  }
  const auto text = [](const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += line + "\n";
    return all;
  };
  folder().file("many.txt", text(replies));
  folder().file("many_gold.txt", text(gold));
  const auto sampled = [&](const char* count, const char* seed) {
    return scored({"many.txt", "many_gold.txt", "--references", "many_gold.txt", "--sample", count, "--seed", seed});
  };
  const Json some = sampled("50", "1");
  CHECK(some.at("rows") == 50);
  CHECK(value(some, "bleu_1") == Approx(100 * 2.0 / 3));  // each with its own reference
  CHECK(value(some, "bleu_1", 1) == Approx(100));
  CHECK(value(some, "distinct_1") == Approx(100.0 * 52 / 150));
  CHECK(sampled("50", "1") == some);
  CHECK(figure(sampled("50", "2"), "chrf") != figure(some, "chrf"));
  CHECK(some.at("remarks").at(0) == "50 of 200 rows: of all, 50 drawn with seed 1");
  same(sampled("200", "3"), scored({"many.txt", "many_gold.txt", "--references", "many_gold.txt", "--seed", "3"}));
  refused({"many.txt", "--sample", "201"}, {"--sample 201", "many.txt has 200 rows"});
  refused({"a.jsonl", "--rows", "last", "--limit", "3"}, {"--limit 3", "2 rows"});
  refused({"a.txt", "--rows", "last"}, {"a.txt:1", "says no conversation"});
}

TEST_CASE("files whose rows are not of the same posts are refused with the line") {
  folder().file("short.txt", "oh\nno\n");
  refused({"a.txt", "short.txt"}, {"a.txt:3: row 3 has no counterpart", "a.txt has 3 rows, short.txt has 2"});
  refused({"short.txt", "--references", "gold.txt"}, {"gold.txt:3", "row 3"});
  folder().file("a.jsonl", records(records_a()));
  std::vector<Json> mixed = records_a();
  std::swap(mixed[1], mixed[2]);
  folder().file("mixed.jsonl", records(mixed));
  refused({"a.jsonl", "mixed.jsonl"}, {"mixed.jsonl:2: conversation 'y'", "a.jsonl:2 has 'x'", "same order"});
  refused({"a.txt", "--compare"}, {"--compare", "wanted two"});
}

TEST_CASE("a file without replies, a row without one and a field that is none are refused by place") {
  folder().file("empty.txt", "");
  refused({"empty.txt"}, {"empty.txt", "is empty"});
  refused({"absent.txt"}, {"absent.txt"});
  folder().file("null.jsonl", "{\"reply\": \"a\"}\n{\"reply\": null}\n");
  refused({"null.jsonl"}, {"null.jsonl:2", "has no reply"});
  folder().file("list.jsonl", "{\"reply\": [\"a\"]}\n");
  refused({"list.jsonl"}, {"list.jsonl:1", "wanted a text"});
  folder().file("other.jsonl", "{\"answer\": \"a\"}\n");
  refused({"other.jsonl"}, {"other.jsonl", "'reply'", "answer"});
  refused({"other.jsonl", "--field", "said=answer"}, {"--field said=answer", "ROLE=NAME"});
  CHECK(value(scored({"other.jsonl", "--field", "reply=answer"}), "length_mean") == 1);
  folder().file("gates.jsonl", R"({"reply": "a", "generation_gates": [2]})");
  refused({"gates.jsonl"}, {"gates.jsonl:1", "generation gate is 2"});
}

TEST_CASE("figures are not written over a file that they are made of") {
  std::filesystem::create_hard_link(folder() / "a.txt", folder() / "same.txt");
  for (const char* out : {"a.txt", "./gold.txt", "same.txt"})
    refused({"a.txt", "--references", "gold.txt", "--json", out}, {out, "read by this command", "another file"});
  CHECK(folder().content("a.txt") == replies_a);
  CHECK(folder().content("gold.txt") == references_a);
}

TEST_CASE("records without a post to answer are passed over, in the references, too") {
  std::vector<Json> all = records_a();
  all.insert(all.begin() + 1, Json{{"status", "empty"}, {"reply", nullptr}});
  for (Json& record : all) record.erase("gold");
  folder().file("some.jsonl", records(all));
  folder().file("some_gold.txt",
                "i am sorry to hear that . what happened ?\n\nthat is awesome ! i am happy for you\n"
                "oh no , are you okay ?\n");
  const Json scores = scored({"some.jsonl", "--references", "some_gold.txt"});
  CHECK(scores.at("rows") == 3);
  CHECK(value(scores, "bleu_4") > 20);
  CHECK_THAT(scores.at("remarks").at(0).get<std::string>(), Contains("1 records without a post"));
}

TEST_CASE("what generate writes is scored as it is: dialogues, gold replies, contexts and gates are found") {
  const TinyProject project;
  project.prepare_and_train();
  project.must({"generate", "run", "--format", "jsonl", "--out", "g.jsonl"});
  project.must({"score", "g.jsonl", "--train", "data", "--json", "g.json"});
  const Json scores = project.json("g.json");
  CHECK(scores.at("dialogues") == 8);
  for (const char* name : {"bleu_1", "novel_1", "copied_from_train", "distinct_2", "copy_rate"})
    CHECK(figure(scores, name).at("values").at(0).is_number());
}

TEST_CASE("a classifier of texts gives the emotions of replies, and one that is none is refused") {
  const TinyProject project;
  project.prepare_and_train();
  project.must(
      {"train", "--data", "data", "--out", "linear", "--model", "linear_classifier", "--epochs", "1", "--quiet"});
  project.must({"generate", "run", "--format", "jsonl", "--out", "g.jsonl"});
  project.must({"score", "g.jsonl", "--classifier", "linear", "--intents", "linear", "--json", "g.json"});
  const Json scores = project.json("g.json");
  for (const char* name : {"reply_emotion_acc", "reply_emotion_policy", "reply_emotion_dialogue"}) {
    CHECK(value(scores, name) >= 0);
    CHECK(value(scores, name) <= 1);
  }
  CHECK(value(scores, "emotion_jsd") >= 0);
  CHECK(value(scores, "intent_kl_zero_cells") >= 0);
  CHECK_THAT(scores.at("remarks").at(0).get<std::string>(), Contains("linear (model 'linear_classifier', variant '"));
  // Gold replies as replies agree with themselves.
  std::string gold;
  for (const std::string& line : lines_of(project.content("g.jsonl"))) {
    Json record = Json::parse(line);
    record["reply"] = record.at("gold");
    gold += record.dump() + "\n";
  }
  project.file("gold.jsonl", gold);
  project.must({"score", "gold.jsonl", "--classifier", "linear", "--intents", "linear", "--json", "gold.json"});
  const Json same = project.json("gold.json");
  CHECK(value(same, "reply_emotion_acc") == 1);
  CHECK(value(same, "emotion_jsd") == 0);
  CHECK(value(same, "intent_kl") == Approx(0).margin(1e-9));
  CHECK(value(same, "intent_kl_zero_cells") == 0);
  project.must(
      {"score", "g.jsonl", "--classifier", "linear", "--intents", "linear", "--intervals", "--json", "i.json"});
  const Json drawn = project.json("i.json");
  for (const char* name : {"emotion_jsd", "intent_kl", "reply_emotion_acc"}) {
    INFO(name);
    const Json& interval = figure(drawn, name).at("intervals").at(0);
    CHECK(interval.at(0).get<double>() <= value(drawn, name));
    CHECK(interval.at(1).get<double>() >= value(drawn, name));
  }
  CHECK_THAT(figure(drawn, "intent_kl_zero_cells").at("no_interval").at(0).get<std::string>(), Contains("empty"));
  check_refusal(project, {"score", "g.jsonl", "--classifier", "run"}, {"run", "labels no texts"});
}
