// `ethreed serve`: what it refuses, and what clients that behave badly cannot do to others.

#include "tests/tools/http_client.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <thread>

using namespace ethreed;
using namespace std::chrono_literals;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const TinyProject& trained() {
  static const TrainedProject project;
  return project;
}

const ServedProject& served() {
  static const ServedProject server(trained(), {"run", "--max-body", "8"});
  return server;
}

// A refusal is one JSON object with its status and one clear line.
void check_refused(const HttpAnswer& answer, int status, const std::string& part) {
  INFO(answer.status << " " << answer.body);
  CHECK(answer.status == status);
  const Json all = Json::parse(answer.body, nullptr, false);
  REQUIRE(all.is_object());
  CHECK(all.size() == 1);
  CHECK(all.at("error").at("status") == status);
  CHECK_THAT(answer.message(), Contains(part));
  CHECK(answer.message().size() < 700);
  CHECK(answer.headers.at("content-type") == "application/json");
}

HttpAnswer post(const std::string& body, const HttpHeaders& headers = {}) {
  return http(served().port(), "POST", "/v1/reply", body, headers);
}

// A request that takes a while where the kernels are emulated.
Json slow_request() {
  return {{"text", "my dog ran"}, {"decode", "beam"}, {"beam", 4}, {"min_length", 20}, {"max_length", 24}};
}

// One that takes longer than any test waits.
Json endless_request() {
  return {{"text", "my dog ran"}, {"decode", "sample"}, {"n_best", 32}, {"min_length", 199}, {"max_length", 200}};
}

Json short_request() { return {{"text", "my dog ran"}, {"min_length", 5}, {"max_length", 6}}; }

std::vector<std::string> slow_server(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"run", "--device", "emulated", "--threads", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("every body that is wrong is refused by its key, with what was wanted", "[web]") {
  const std::vector<std::pair<std::string, std::string>> bodies{
      {"", "the body"},
      {"{", "the body"},
      {"[1]", "JSON object"},
      {"\"\xff\"", "the body"},
      {R"({})", "text: is missing"},
      {R"({"text": null})", "text: is missing"},
      {R"({"text": 5})", "text: is 5, wanted a text"},
      {R"({"text": "a", "text": "b"})", "twice"},
      {R"({"text": "a", "post": "b"})", "second time"},
      {R"({"text": "a", "emotion": "sad"})", "no key 'emotion'"},
      {R"({"text": "a", "decode": "best"})", "greedy, beam, sample"},
      {R"({"text": "a", "latent": "shuffled"})", "sample, mean"},
      {R"({"text": "a", "beam": 0})", "beam"},
      {R"({"text": "a", "beam": 33})", "from 1 to 32"},
      {R"({"text": "a", "beam": 2.5})", "whole number"},
      {R"({"text": "a", "beam": "4"})", "whole number"},
      {R"({"text": "a", "max_length": 99999999999999999999})", "max_length"},
      {R"({"text": "a", "seed": -1})", "seed"},
      {R"({"text": "a", "seed": 18446744073709551616})", "seed"},
      {R"({"text": "a", "temperature": 0})", "temperature"},
      {R"({"text": "a", "temperature": 1e999})", "the body"},
      {R"({"text": "a", "top_p": 0.5})", "top_p"},
      {R"({"text": "a", "n_best": 2})", "n_best: is for"},
      {R"({"text": "a", "decode": "beam", "beam": 2, "n_best": 3})", "n_best: is 3"},
      {R"({"text": "a", "min_length": 40})", "min_length: is 40"},
      {R"({"text": "a", "attention": 1})", "true or false"},
      {R"({"text": "a", "stream": "yes"})", "true or false"},
      {R"({"text": "a", "reply_emotion": "sleepy"})", "sleepy"},
      {R"({"text": "a", "history": "b"})", "history"},
      {R"({"text": "a", "history": [1]})", "history"},
      {R"({"text": "a", "history": [{"text": "b"}]})", "party"},
      {R"({"text": "a", "history": [{"party": "cat", "text": "b"}]})", "cat"},
      {R"({"text": "a", "party": "cat"})", "cat"},
      {R"({"text": "a", "history": [[[[[[[[[[[]]]]]]]]]]]})", "deep"},
      {R"({"text": "a", "no\u001b[31mkey": 1})", "no key"}};
  for (const auto& [body, part] : bodies) {
    INFO(body);
    check_refused(post(body, {{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}}),
                  400, part);
  }
  Json long_history{{"text", "a"}, {"history", std::vector<std::string>(201, "b")}};
  check_refused(post(long_history.dump()), 400, "at most 200");
  check_refused(post(R"({"text": "a", "model": "other"})"), 404, "there is run");
  CHECK(post(R"({"text": "my dog"})").status == 200);  // the server goes on
}

TEST_CASE("paths, methods, types and framings that are wrong have their status", "[web]") {
  const int port = served().port();
  const std::string body = R"({"text": "my dog"})";
  check_refused(http(port, "GET", "/v2/reply"), 404, "no such path");
  check_refused(http(port, "POST", "/v2/reply", body), 404, "no such path");
  check_refused(http(port, "GET", "/v1/reply"), 405, "POST");
  CHECK(http(port, "GET", "/v1/reply").headers.at("allow") == "POST");
  check_refused(http(port, "POST", "/v1/models", body), 405, "GET");
  check_refused(http(port, "OPTIONS", "/v1/reply"), 405, "POST");
  check_refused(http(port, "DELETE", "/v1/reply"), 405, "POST");
  check_refused(http(port, "BREW", "/v1/reply"), 400, "");
  check_refused(post(body, {{"Content-Type", "text/plain"}}), 415, "application/json");
  check_refused(post(body, {{"Content-Type", ""}}), 415, "application/json");
  check_refused(post(body, {{"Content-Type", "application/x-www-form-urlencoded"}}), 415, "application/json");
  check_refused(post(body, {{"Content-Encoding", "gzip"}}), 415, "packed");
  CHECK(post(body, {{"Content-Type", "Application/JSON; charset=utf-8"}}).status == 200);
  check_refused(post(body, {{"Content-Length", "-1"}}), 400, "Content-Length");
  check_refused(post(body, {{"Content-Length", "18x"}}), 400, "Content-Length");
  check_refused(post(body, {{"Transfer-Encoding", "chunked"}}), 400, "Content-Length");
  check_refused(http(port, "GET", "/" + std::string(9000, 'a')), 414, "too long");
  check_refused(http(port, "GET", "/healthz", "", {{"Long", std::string(9000, 'a')}}), 400, "");
  // Parts of a file are not served: the header is passed over.
  std::string ranges = "bytes=0-0";
  while (ranges.size() < 7900) ranges += ",0-0";
  CHECK(http(port, "GET", "/healthz", "", {{"Range", ranges}}).body == http(port, "GET", "/healthz").body);
  HttpConnection nonsense(port);
  nonsense.send("\x16\x03\x01\r\n\r\n");
  check_refused(nonsense.receive(), 400, "");
}

TEST_CASE("a body that is too large is refused, told by its length or found in chunks, and the server goes on",
          "[web]") {
  const std::string large = Json{{"text", std::string(9000, 'a')}}.dump();
  check_refused(post(large), 413, "8192 bytes");
  check_refused(post("{}", {{"Content-Length", "99999999999"}}), 413, "8192 bytes");
  const HttpHeaders chunked{{"Content-Type", "application/json"}, {"Transfer-Encoding", "chunked"}};
  const auto chunk = [](const std::string& text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); };
  HttpConnection good(served().port());
  good.send(http_text("POST", "/v1/reply", "", chunked) + chunk(R"({"text": )") + chunk(R"("my dog"})") + "0\r\n\r\n");
  CHECK(good.receive().status == 200);
  HttpConnection bad(served().port());
  bad.send(http_text("POST", "/v1/reply", "", chunked));
  for (int i = 0; i < 9; ++i) bad.send(chunk(std::string(1000, ' ')));
  check_refused(bad.receive(), 413, "8192 bytes");
  CHECK(bad.ends_within(5s));
  HttpConnection endless(served().port());  // a line that never ends
  for (int i = 0; i < 64; ++i) endless.send(std::string(4096, 'a'));
  CHECK(endless.ends_within(5s));
  CHECK(served().get("/healthz").status == 200);
}

TEST_CASE("requests of one connection are answered in order, also those sent ahead", "[web]") {
  HttpConnection connection(served().port());
  connection.send(http_text("POST", "/v1/reply", R"({"text": "one"})") + http_text("GET", "/healthz") +
                  http_text("POST", "/v1/reply", R"({"text": "two"})"));
  CHECK(connection.receive().json().at("text") == "one");
  CHECK(connection.receive().json().at("status") == "ok");
  CHECK(connection.receive().json().at("text") == "two");
}

TEST_CASE("a client that sends slowly or not at all is dropped in time and holds up nobody", "[web]") {
  const ServedProject server(trained(), {"run", "--read-timeout", "1", "--queue", "1"});
  std::vector<std::unique_ptr<HttpConnection>> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(std::make_unique<HttpConnection>(server.port()));
    slow.back()->send(i % 2 == 0 ? "POST /v1/re"
                                 : http_text("POST", "/v1/reply", "",
                                             {{"Content-Type", "application/json"}, {"Content-Length", "50"}}) +
                                       "{");
  }
  CHECK(server.post({{"text", "my dog"}}).status == 200);
  CHECK(server.get("/healthz").status == 200);
  // A byte now and then does not make the time longer.
  HttpConnection dripping(server.port());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 14; ++i) {
    dripping.send("G");
    std::this_thread::sleep_for(100ms);
  }
  CHECK(dripping.ends_within(2s));
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  for (const auto& connection : slow) CHECK(connection->ends_within(5s));
}

TEST_CASE("more connections than a server takes are told so, and it goes on when they have gone", "[web]") {
  const ServedProject server(trained(), {"run", "--queue", "1", "--batch", "1", "--quiet"});
  std::vector<std::unique_ptr<HttpConnection>> many;
  int refused = 0;
  for (int i = 0; i < 80; ++i) {
    many.push_back(std::make_unique<HttpConnection>(server.port()));
    many.back()->send("GET ");
  }
  for (std::size_t i = 66; i < many.size(); ++i) refused += many[i]->receive().status == 503;
  CHECK(refused == 14);
  many.clear();
  for (int i = 0; i < 100 && server.get("/healthz").status != 200; ++i) std::this_thread::sleep_for(50ms);
  CHECK(server.get("/healthz").status == 200);
}

TEST_CASE("a request beyond the queue is told 429 and when to come again, and the others are answered", "[web]") {
  const ServedProject server(trained(), slow_server({"--queue", "2"}));
  std::vector<std::future<HttpAnswer>> answers;
  for (int i = 0; i < 8; ++i)
    answers.push_back(std::async(std::launch::async, [&] { return server.post(slow_request()); }));
  int good = 0, refused = 0;
  for (auto& future : answers) {
    const HttpAnswer answer = future.get();
    good += answer.status == 200;
    if (answer.status != 429) continue;
    ++refused;
    check_refused(answer, 429, "queue");
    CHECK(answer.headers.at("retry-after") == "1");
  }
  CHECK(good >= 3);
  CHECK(refused >= 1);
  CHECK(good + refused == 8);
}

TEST_CASE("a client that hangs up leaves the queue, and the next one is answered", "[web]") {
  const ServedProject server(trained(), slow_server());
  HttpConnection first(server.port());
  first.send(http_text("POST", "/v1/reply", slow_request().dump()));
  REQUIRE(server.wait_for_metric("ethreed_in_flight", 1));
  HttpConnection second(server.port());
  second.send(http_text("POST", "/v1/reply", slow_request().dump()));
  REQUIRE(server.wait_for_metric(R"(ethreed_queue{model="run"})", 1));
  second.close();
  CHECK(server.wait_for_metric(R"(ethreed_queue{model="run"})", 0));
  CHECK(first.receive().status == 200);
  CHECK(server.post({{"text", "my dog"}, {"max_length", 2}}).status == 200);
}

TEST_CASE("a request that waits longer than the server allows is told 503, in a stream by its last event", "[web]") {
  const ServedProject server(trained(), slow_server({"--timeout", "1"}));
  Json request = endless_request();
  HttpAnswer answer = server.post(request);
  check_refused(answer, 503, "within 1 s");
  CHECK(answer.headers.contains("retry-after"));
  request["stream"] = true;
  const auto events = server.post(request).events();
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().first == "error");
  const Json error = Json::parse(events.back().second).at("error");
  CHECK(error.at("status") == 503);
  CHECK_THAT(error.at("message").get<std::string>(), Contains("within 1 s"));
  CHECK(server.metric(R"(ethreed_http_requests_total{path="/v1/reply",status="503"})") == 2);
}

TEST_CASE("a client that goes away stops its decoding, whether it streams or waits", "[web]") {
  const ServedProject server(trained(), slow_server());
  const std::string steps = R"(ethreed_decoder_steps_total{model="run"})";
  for (const bool stream : {true, false}) {
    Json request = endless_request();
    request.update({{"stream", stream}, {"n_best", 8}});
    const double before = server.metric(steps);
    HttpConnection leaves(server.port());
    leaves.send(http_text("POST", "/v1/reply", request.dump()));
    if (stream) REQUIRE(leaves.wait_for("event: word"));
    while (server.metric(steps) < before + 2) std::this_thread::sleep_for(5ms);
    leaves.close();
    CHECK(server.wait_for_metric("ethreed_in_flight", 0));
    CHECK(server.post({{"text", "my dog"}, {"max_length", 2}}).status == 200);  // the model is free
    CHECK(server.metric(steps) < before + 100);
  }
}

TEST_CASE("requests that wait together are answered in one batch, and one that fails does so alone", "[web]") {
  // Of classes on a line most can be no reply's emotion: where their plan is looked for, none is found.
  Json narrow = trained().json("small.json");
  narrow["model"]["emotion_state"] = 1;
  trained().file("narrow.json", narrow.dump());
  trained().must({"train", "--data", "data", "--out", "narrow", "--config", "narrow.json", "--batch", "4", "--epochs",
                  "1", "--quiet"});
  const ServedProject server(trained(), {"narrow", "--device", "emulated", "--threads", "1", "--batch", "8"});
  const std::string steps = R"(ethreed_decoder_steps_total{model="narrow"})";
  const std::string batches = R"(ethreed_batches_total{model="narrow"})", queue = R"(ethreed_queue{model="narrow"})";
  const Json classes = server.get("/v1/models").json().at("models").at(0).at("reply_emotions");
  Json planned = short_request();
  HttpAnswer impossible;
  for (std::size_t i = 0; i < classes.size() && impossible.status != 400; ++i) {
    planned["reply_emotion"] = classes[i];
    impossible = server.post(planned);
  }
  check_refused(impossible, 400, "no emotion vector");
  for (const bool one_fails : {false, true}) {
    const double steps_before = server.metric(steps), batches_before = server.metric(batches);
    auto slow = std::async(std::launch::async, [&] { return server.post(slow_request()); });
    while (server.metric(steps) == steps_before) std::this_thread::sleep_for(1ms);
    std::vector<std::future<HttpAnswer>> answers;
    for (int i = 0; i < 6; ++i) {
      Json request = short_request();
      request["seed"] = i;
      if (i == 3) request["decode"] = "sample";
      if (i == 4) request["latent"] = "mean";  // in a batch of its own
      if (i == 5 && one_fails) request = planned;
      answers.push_back(std::async(std::launch::async, [&server, request] { return server.post(request); }));
    }
    REQUIRE(server.wait_for_metric(queue, 6));
    CHECK(slow.get().status == 200);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const HttpAnswer answer = answers[i].get();
      INFO(i << ": " << answer.body);
      CHECK(answer.status == (i == 5 && one_fails ? 400 : 200));
    }
    // Six words each: of the slow one at most 24 steps, then two batches; where one fails, all of the first alone.
    CHECK(server.metric(batches) - batches_before == (one_fails ? 3 + 5 : 3));
    CHECK(server.metric(steps) - steps_before <= (one_fails ? 24 + 5 * 6 : 24 + 2 * 6));
  }
}

TEST_CASE(
    "SIGTERM while it works: what has begun is answered, streams to their end, nothing new is taken, and the end is 0",
    "[web]") {
  for (const int signal : {SIGTERM, SIGINT}) {
    ServedProject server(trained(), slow_server());
    HttpConnection idle(server.port()), busy(server.port()), waits(server.port());
    Json streamed = slow_request();
    streamed["stream"] = true;
    busy.send(http_text("POST", "/v1/reply", streamed.dump()));
    waits.send(http_text("POST", "/v1/reply", slow_request().dump()));
    REQUIRE(server.wait_for_metric("ethreed_in_flight", 2));
    server.send(signal);
    CHECK(idle.ends_within(5s));
    const auto events = busy.receive().events();
    REQUIRE(events.size() > 20);
    CHECK(events.back().first == "reply");
    const HttpAnswer answer = waits.receive();
    CHECK(answer.status == 200);
    CHECK(answer.headers.at("connection") == "close");
    CHECK_THROWS_AS(HttpConnection(server.port()), std::system_error);
    const Outcome outcome = server.finish();
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.signal == 0);
  }
}
