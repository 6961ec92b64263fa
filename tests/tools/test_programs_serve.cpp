// `ethreed serve`: its replies are those of `ethreed reply`, its other answers say what is there.

#include "tests/tools/http_client.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

namespace {

const TinyProject& trained() {
  static const TinyProject project;
  static const bool once = [] {
    project.prepare_and_train();
    project.file("hred.json", R"({"model": {"encoder": 8, "context_state": 8, "decoder_state": 8}})");
    project.must({"train", "--data", "data", "--out", "plain", "--model", "hred", "--config", "hred.json", "--epochs",
                  "1", "--quiet"});
    return true;
  }();
  (void)once;
  return project;
}

// The server of most of these tests.
const ServedProject& served() {
  static const ServedProject server(trained(), {"run", "second=plain"});
  return server;
}

// What `ethreed reply` writes for a file with this record alone, in the same order and to the last digit.
std::string record_of_command(const Json& record, std::vector<std::string> options, const std::string& run = "run") {
  trained().file("one.jsonl", record.dump() + "\n");
  std::vector<std::string> arguments{"reply", run, "--in", "one.jsonl", "--out", "-"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  Ordered out = Ordered::parse(trained().must(arguments));
  out.erase("line");
  return out.dump();
}

// What the server answers, without the name of the model.
std::string record_of_server(const ServedProject& server, Json request, const Json& keys) {
  request.update(keys);
  const HttpAnswer answer = server.post(request);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  Ordered out = Ordered::parse(answer.body);
  out.erase("model");
  return out.dump();
}

Json some_record(int i) {
  static const std::vector<std::string> posts{"My dog Bella made me feel sad!", "it ran in the Zorblax park",
                                              "Oh no. My Quux is gone, can you believe it?", "today"};
  Json record{{"text", posts[static_cast<std::size_t>(i) % posts.size()]}};
  if (i % 2 == 1) record["history"] = {"my dog Rex ran", fmt::format("oh what did Rex{} do ?", i)};
  return record;
}

}  // namespace

TEST_CASE("a reply over HTTP is the record of the command reply to the bit, with every option", "[web]") {
  const std::vector<std::pair<Json, std::vector<std::string>>> options{
      {Json::object(), {}},
      {{{"decode", "beam"}, {"beam", 3}, {"length_power", 0.25}},
       {"--decode", "beam", "--beam", "3", "--length-power", "0.25"}},
      {{{"decode", "beam"}, {"n_best", 3}, {"no_repeat", 2}},
       {"--decode", "beam", "--n-best", "3", "--no-repeat", "2"}},
      {{{"decode", "sample"}, {"seed", 18446744073709551615U}, {"top_k", 0}},
       {"--decode", "sample", "--seed", "18446744073709551615", "--top-k", "0"}},
      {{{"decode", "sample"}, {"top_p", 0.7}, {"temperature", 1.5}, {"n_best", 4}},
       {"--decode", "sample", "--top-p", "0.7", "--temperature", "1.5", "--n-best", "4"}},
      {{{"latent", "mean"}, {"allow_unknown", true}}, {"--latent", "mean", "--allow-unknown"}},
      {{{"reply_emotion", "joyful"}, {"min_length", 5}, {"max_length", 9}},
       {"--reply-emotion", "joyful", "--min-length", "5", "--max-length", "9"}},
      {{{"history_limit", 1}, {"post_length", 4}}, {"--history", "1", "--post-length", "4"}}};
  std::set<std::string> different;
  for (int i = 0; i < 4; ++i)
    for (const auto& [keys, arguments] : options) {
      INFO(keys.dump() << " of record " << i);
      const std::string record = record_of_server(served(), some_record(i), keys);
      CHECK(record == record_of_command(some_record(i), arguments));
      different.insert(record);
    }
  CHECK(different.size() > 20);
}

TEST_CASE("records over HTTP have what records of files have: names, parties, the real reply, nothing to answer",
          "[web]") {
  const std::vector<Json> records{
      {{"text", "my dog ran"}, {"id", 7}, {"conversation", "c\x07 1"}, {"response", "oh no"}},
      {{"message", "it is sad"},
       {"history", {{{"party", "user"}, {"text", "hello"}}, {{"role", "system"}, {"utterance", "hi"}}}}},
      {{"post", "  "}},
      {{"utterance", "i am glad"}, {"role", "assistant"}},
      {{"text", "i am glad"}, {"utterance_idx", 4}},
      {{"text", "zig zag zog"}, {"history", Json::array()}}};
  for (const Json& record : records) {
    INFO(record.dump());
    CHECK(record_of_server(served(), record, Json::object()) == record_of_command(record, {}));
  }
}

TEST_CASE("attention over HTTP is what the command attention writes", "[web]") {
  const Json record{{"text", "My dog Zorblax made me feel sad !"}};
  trained().file("one.jsonl", record.dump() + "\n");
  trained().must({"attention", "run", "--in", "one.jsonl", "--out", "looked.jsonl"});
  const Json wanted = trained().json("looked.jsonl");
  Json request = record;
  request["attention"] = true;
  const Json answer = served().post(request).json();
  REQUIRE(answer.at("attention").at("steps").size() > 0);
  CHECK(answer["attention"]["steps"] == wanted.at("steps"));
  CHECK(answer["attention"]["source"] == wanted.at("source"));
  CHECK(answer["reply"] == wanted.at("reply"));
  CHECK_FALSE(served().post(record).json().contains("attention"));
}

TEST_CASE("attention over HTTP is that of the command for models that copy from the whole context, too", "[web]") {
  trained().file("words.txt", "dog\npark\n");  // the situations of this corpus have no emotion words
  const std::vector<std::pair<std::string, Json>> models{
      {"kemp", Json::object()}, {"empdg", {{"emotion_words", "lexicon"}, {"lexicon", "words.txt"}}}};
  for (const auto& [model, more] : models) {
    INFO(model);
    const std::string run = "copying-" + model;
    Json keys_of_model{{"width", 8}, {"depth", 4}, {"inner", 4}, {"copy", true}};
    keys_of_model.update(more);
    trained().file("copy.json", Json{{"model", keys_of_model}}.dump());
    trained().must({"train", "--data", "data", "--out", run, "--model", model, "--config", "copy.json", "--epochs", "1",
                    "--quiet"});
    const ServedProject server(trained(), {run});
    CHECK(server.get("/v1/models").json().at("models")[0].at("attention") == true);
    for (const Json& keys : {Json::object(), Json{{"decode", "beam"}, {"beam", 3}}}) {
      Json record = some_record(1);
      trained().file("one.jsonl", record.dump() + "\n");
      std::vector<std::string> command{"attention", run, "--in", "one.jsonl", "--out", "looked.jsonl"};
      if (!keys.empty()) command.insert(command.end(), {"--decode", "beam", "--beam", "3"});
      trained().must(command);
      const Json wanted = trained().json("looked.jsonl");
      record.update(keys);
      record["attention"] = true;
      const Json answer = server.post(record).json();
      REQUIRE(answer.at("attention").at("steps").size() > 0);
      CHECK(answer["attention"]["steps"] == wanted.at("steps"));
      CHECK(answer["attention"]["source"] == wanted.at("source"));
      CHECK(answer["reply"] == wanted.at("reply"));
      CHECK(answer["attention"]["source"].size() == answer["attention"]["steps"][0].at("attention").size());
    }
  }
}

TEST_CASE("a stream brings the words one by one and then the record, whose bits are those without a stream", "[web]") {
  const std::vector<Json> options{{{"min_length", 3}},
                                  {{"attention", true}, {"min_length", 2}},
                                  {{"decode", "sample"}, {"n_best", 3}, {"seed", 4}, {"attention", true}},
                                  {{"decode", "beam"}, {"beam", 3}, {"n_best", 2}, {"attention", true}},
                                  {{"model", "second"}, {"decode", "sample"}, {"top_k", 0}}};
  std::size_t told = 0;
  for (std::size_t i = 0; i < options.size(); ++i) {
    Json request = some_record(static_cast<int>(i));
    request.update(options[i]);
    INFO(request.dump());
    const HttpAnswer whole = served().post(request);
    REQUIRE(whole.status == 200);
    request["stream"] = true;
    const HttpAnswer streamed = served().post(request);
    REQUIRE(streamed.status == 200);
    CHECK(streamed.headers.at("content-type") == "text/event-stream");
    CHECK(streamed.headers.at("cache-control") == "no-store");
    const auto events = streamed.events();
    REQUIRE_FALSE(events.empty());
    CHECK(events.back().first == "reply");
    CHECK(events.back().second + "\n" == whole.body);
    const Json record = whole.json();
    for (std::size_t k = 0; k + 1 < events.size(); ++k) {
      CHECK(events[k].first == "word");
      Json word = Json::parse(events[k].second);
      CHECK(word.at("place") == k);
      CHECK_FALSE(word.at("reply").get<std::string>().empty());
      if (k + 2 == events.size()) CHECK(word["reply"] == record["reply"]);
      if (!record.contains("attention")) continue;
      word.erase("place");
      word.erase("reply");
      CHECK(word == record["attention"]["steps"][k]);
    }
    const std::size_t words = events.size() - 1;
    if (record.contains("attention")) CHECK(record["attention"]["steps"].size() == words + (record["ended"] ? 1U : 0U));
    told += words;
  }
  CHECK(told > 8);
  // Nothing to answer, an older client, and a request that is refused before it begins.
  CHECK(served().post({{"text", " "}, {"stream", true}}).events().size() == 1);
  HttpConnection old(served().port());
  std::string text = http_text("POST", "/v1/reply", R"({"text": "my dog", "stream": true})");
  old.send(text.replace(text.find("HTTP/1.1"), 8, "HTTP/1.0"));
  CHECK(old.wait_for("event: reply\ndata: {"));
  CHECK(old.ends_within(std::chrono::seconds(5)));
  const HttpAnswer refused = served().post({{"text", "my dog"}, {"stream", true}, {"beam", 99}});
  CHECK(refused.status == 400);
  CHECK(refused.headers.at("content-type") == "application/json");
}

TEST_CASE("32 clients at once get the bits that one alone gets, in fewer steps of the decoder", "[web]") {
  constexpr int clients = 32, each = 6;
  const ServedProject server(trained(), {"run", "--quiet", "--queue", "64"});
  const auto keys = [](int i) {
    Json all = i % 3 == 0 ? Json{{"decode", "beam"}, {"attention", true}, {"n_best", 1 + i % 4}}
                          : Json{{"decode", i % 3 == 1 ? "greedy" : "sample"}, {"seed", i}};
    if (i % 5 == 0) all["reply_emotion"] = "joyful";
    if (i % 7 == 0) all.update({{"allow_unknown", true}, {"min_length", 3}, {"no_repeat", 2}, {"max_length", 12}});
    if (i % 11 == 0) all["latent"] = "mean";
    return all;
  };
  std::vector<std::string> alone(clients * each), together(clients * each);
  for (int i = 0; i < clients * each; ++i)
    alone[static_cast<std::size_t>(i)] = record_of_server(server, some_record(i), keys(i));
  const std::string steps = R"(ethreed_decoder_steps_total{model="run"})";
  const double steps_alone = server.metric(steps);
  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c)
    threads.emplace_back([&, c] {
      HttpConnection connection(server.port());
      for (int k = 0; k < each; ++k) {
        const int i = c * each + k;
        Json request = some_record(i);
        request.update(keys(i));
        connection.send(http_text("POST", "/v1/reply", request.dump()));
        const HttpAnswer answer = connection.receive();
        if (answer.status != 200) continue;
        Ordered out = Ordered::parse(answer.body);
        out.erase("model");
        together[static_cast<std::size_t>(i)] = out.dump();
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(steps_alone > 0);
  CHECK(server.metric(steps) - steps_alone < 0.8 * steps_alone);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    INFO("request " << i);
    CHECK(together[i] == alone[i]);
  }
}

TEST_CASE("several models are served by name, each with what it has", "[web]") {
  const Json all = served().get("/v1/models").json();
  CHECK(all.at("default") == "run");
  REQUIRE(all.at("models").size() == 2);
  const Json &tracker = all["models"][0], &plain = all["models"][1];
  CHECK(tracker.at("name") == "run");
  CHECK(tracker.at("model") == "ethreed");
  CHECK(tracker.at("attention") == true);
  CHECK(tracker.at("reply_emotions").size() == 32);
  CHECK(tracker.at("insights").size() == 2);
  CHECK(tracker["insights"][0].at("key") == "tracked_emotion");
  CHECK(tracker["insights"][0].at("of_reply") == false);
  CHECK(tracker["insights"][1].at("of_reply") == true);
  CHECK(plain.at("name") == "second");
  CHECK(plain.at("model") == "hred");
  CHECK(plain.at("attention") == false);
  CHECK(plain.at("reply_emotions").is_null());
  CHECK(plain.at("insights").empty());
  const Json record{{"text", "my dog ran"}};
  CHECK(served().post({{"text", "my dog ran"}, {"model", "second"}}).json().at("model") == "second");
  CHECK(record_of_server(served(), record, {{"model", "second"}}) == record_of_command(record, {}, "plain"));
  CHECK(record_of_server(served(), record, {{"model", "run"}}) == record_of_server(served(), record, Json::object()));
  const HttpAnswer looking = served().post({{"text", "my dog"}, {"model", "second"}, {"attention", true}});
  CHECK(looking.status == 400);
  CHECK_THAT(looking.message(), Contains("attention") && Contains("hred"));
  const HttpAnswer steered = served().post({{"text", "my dog"}, {"model", "second"}, {"reply_emotion", "sad"}});
  CHECK(steered.status == 400);
  CHECK_THAT(steered.message(), Contains("plans none"));
}

TEST_CASE("the description of the interface has the keys that are taken, and no others", "[web]") {
  const Json description = served().get("/openapi.json").json();
  std::set<std::string> described;
  for (const auto& [key, value] : description["components"]["schemas"]["Request"]["properties"].items())
    described.insert(key);
  const std::string refusal = served().post({{"text", "a"}, {"no_such_key", 1}}).message();
  const std::string listed = refusal.substr(refusal.find("the keys are ") + 13);
  std::set<std::string> taken;
  for (std::size_t at = 0; at < listed.size();) {
    const std::size_t comma = std::min(listed.find(", ", at), listed.size());
    taken.insert(listed.substr(at, comma - at));
    at = comma + 2;
  }
  CHECK(taken == described);
  for (const char* path : {"/v1/reply", "/v1/models", "/healthz", "/metrics", "/openapi.json"})
    CHECK(description["paths"].contains(path));
  // What is said of ranges holds: the greatest value is taken, the next one is not.
  for (const auto& [key, value] : description["components"]["schemas"]["Request"]["properties"].items()) {
    if (!value.contains("maximum") || value["type"] != "integer" || key == "seed" || key == "utterance_idx") continue;
    INFO(key);
    Json request{{"text", "a"}, {"decode", "beam"}, {"beam", 32}, {"max_length", 200}};
    request[key] = value["maximum"];
    CHECK(served().post(request).status == 200);
    request[key] = value["maximum"].get<int>() + 1;
    CHECK(served().post(request).status == 400);
    request[key] = value["minimum"].get<int>() - 1;
    CHECK(served().post(request).status == 400);
  }
}

TEST_CASE("metrics count requests by path and status, replies by model, their times and words", "[web]") {
  const ServedProject server(trained(), {"run"});
  CHECK(server.get("/healthz").json().at("status") == "ok");
  const Json answer = server.post({{"text", "my dog ran"}, {"min_length", 3}}).json();
  CHECK(server.post({{"text", 1}}).status == 400);
  CHECK(server.get("/no/such/path").status == 404);
  CHECK(server.get("/").status == 200);
  const HttpAnswer metrics = server.get("/metrics");
  CHECK_THAT(metrics.headers.at("content-type"), Contains("text/plain; version=0.0.4"));
  CHECK(server.metric(R"(ethreed_http_requests_total{path="/v1/reply",status="200"})") == 1);
  CHECK(server.metric(R"(ethreed_http_requests_total{path="/v1/reply",status="400"})") == 1);
  CHECK(server.metric(R"(ethreed_http_requests_total{path="other",status="404"})") == 1);
  CHECK(server.metric(R"(ethreed_http_requests_total{path="page",status="200"})") == 1);
  CHECK(server.metric(R"(ethreed_reply_seconds_count{model="run"})") == 1);
  CHECK(server.metric(R"(ethreed_reply_seconds_bucket{model="run",le="+Inf"})") == 1);
  CHECK(server.metric(R"(ethreed_reply_seconds_sum{model="run"})") > 0);
  CHECK(server.metric(R"(ethreed_words_total{model="run"})") >= 3);
  CHECK(server.metric(R"(ethreed_queue{model="run"})") == 0);
  CHECK(server.metric("ethreed_in_flight") == 0);
  CHECK(server.metric("ethreed_connections") >= 1);
  CHECK(server.metric("process_resident_memory_bytes") > 1e6);
  // Every series has its type.
  for (const std::string& line : lines_of(metrics.body)) {
    if (line.starts_with("#")) continue;
    const std::string name = line.substr(0, line.find_first_of("{ "));
    const std::string family = name.starts_with("ethreed_reply_seconds") ? "ethreed_reply_seconds" : name;
    CHECK_THAT(metrics.body, Contains("# TYPE " + family + " "));
  }
}

TEST_CASE("the page needs nothing from elsewhere, and its headers forbid it", "[web]") {
  const HttpAnswer page = served().get("/");
  CHECK(page.status == 200);
  CHECK_THAT(page.headers.at("content-type"), Contains("text/html"));
  for (const char* path : {"/", "/page.css", "/page.js", "/icon.svg"}) {
    INFO(path);
    const HttpAnswer file = served().get(path);
    CHECK(file.status == 200);
    CHECK_THAT(file.headers.at("content-security-policy"), Contains("default-src 'self'"));
    CHECK(file.headers.at("x-content-type-options") == "nosniff");
    CHECK_FALSE(file.headers.contains("access-control-allow-origin"));
    CHECK_THAT(file.body, !Contains("https://") && !Contains("eval(") && !Contains("innerHTML"));
  }
  const HttpAnswer head = http(served().port(), "HEAD", "/");
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == std::to_string(page.body.size()));
}
