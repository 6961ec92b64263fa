// `ethreed serve`: whom it answers, what it writes to its log, and what it does not start with.

#include "tests/tools/http_client.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const TinyProject& trained() {
  static const TrainedProject project;
  return project;
}

const std::string token = "a-token-of-this-test";

}  // namespace

TEST_CASE("with a token only who bears it is answered, but for the page and the health, which are open", "[web]") {
  trained().file("token", token + "\n");
  const ServedProject server(trained(), {"run", "--token-file", "token"});
  const std::string body = R"({"text": "my dog"})";
  const auto status = [&](const std::string& method, const std::string& path, const std::string& authorization) {
    return http(server.port(), method, path, method == "POST" ? body : "", {{"Authorization", authorization}}).status;
  };
  CHECK(status("POST", "/v1/reply", "") == 401);
  CHECK(status("POST", "/v1/reply", "Bearer " + token + "x") == 401);
  CHECK(status("POST", "/v1/reply", "Bearer " + token.substr(1)) == 401);
  CHECK(status("POST", "/v1/reply", "Bearer ") == 401);
  CHECK(status("POST", "/v1/reply", "Basic " + token) == 401);
  CHECK(status("POST", "/v1/reply", "Bearer " + token) == 200);
  CHECK(status("POST", "/v1/reply", "bearer " + token) == 200);
  CHECK(status("GET", "/v1/models", "") == 401);
  CHECK(status("GET", "/v1/models", "Bearer " + token) == 200);
  CHECK(status("GET", "/metrics", "") == 401);
  CHECK(status("GET", "/healthz", "") == 200);
  CHECK(status("GET", "/", "") == 200);
  const HttpAnswer refused = http(server.port(), "GET", "/v1/models");
  CHECK(refused.headers.at("www-authenticate") == "Bearer");
  CHECK_THAT(refused.message(), Contains("Bearer"));
}

TEST_CASE("the token may come from the environment", "[web]") {
  ::setenv("ETHREED_TOKEN", token.c_str(), 1);
  const ServedProject server(trained(), {"run"});
  ::unsetenv("ETHREED_TOKEN");
  CHECK(server.get("/v1/models").status == 401);
  CHECK(http(server.port(), "GET", "/v1/models", "", {{"Authorization", "Bearer " + token}}).status == 200);
}

TEST_CASE("names that are not the server's are refused, and pages of other origins", "[web]") {
  const ServedProject server(trained(), {"run", "--allow-host", "Talk.example"});
  const std::string body = R"({"text": "my dog"})";
  const auto post = [&](const HttpHeaders& headers) { return http(server.port(), "POST", "/v1/reply", body, headers); };
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:8080", "talk.example:443"})
    CHECK(post({{"Host", host}}).status == 200);
  for (const char* host :
       {"evil.example", "localhost.evil.example", "talk.example.evil", "localhost:x", "[::1", "a b"}) {
    INFO(host);
    const HttpAnswer answer = post({{"Host", host}});
    CHECK(answer.status == 403);
    CHECK_THAT(answer.message(), Contains("does not answer to the name"));
  }
  CHECK(http(server.port(), "GET", "/", "", {{"Host", "evil.example"}}).status == 403);
  CHECK(post({{"Host", ""}}).status == 400);
  CHECK(post({{"Origin", "http://localhost"}}).status == 200);
  CHECK(post({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}).status == 200);
  for (const char* origin : {"http://evil.example", "null", "http://localhost:9"}) {
    const HttpAnswer answer = post({{"Origin", origin}});
    CHECK(answer.status == 403);
    CHECK_FALSE(answer.headers.contains("access-control-allow-origin"));
  }
}

TEST_CASE("the log has a line for each request, nothing of what was said, and no character that a terminal obeys",
          "[web]") {
  ServedProject server(trained(), {"run"});
  CHECK(server.post({{"text", "secretword dog"}}).status == 200);
  CHECK(http(server.port(), "GET", "/%1b%5b31mred%0d%0aHTTP/1.1%20200").status == 404);
  CHECK(http(server.port(), "GET", "/healthz?secretquery=1").status == 200);
  HttpConnection nonsense(server.port());
  nonsense.send("\x1b[2J\r\n\r\n");
  nonsense.receive();
  server.send(SIGTERM);
  const Outcome outcome = server.finish();
  CHECK(outcome.exit_code == 0);
  const std::vector<std::string> lines = lines_of(outcome.err);
  REQUIRE(lines.size() == 5);
  CHECK_THAT(lines[0], Contains(" 127.0.0.1 POST /v1/reply 200 ") && Contains(" ms"));
  CHECK_THAT(lines[1], Contains("red") && Contains(" 404 "));
  CHECK_THAT(lines[2], Contains("GET /healthz 200"));
  CHECK_THAT(lines[3], Contains(" 400 "));
  CHECK_THAT(outcome.err, !Contains("secret"));
  for (const std::string& line : lines)
    CHECK(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 127; }));
}

TEST_CASE("serve does not start with what it could not serve well", "[web]") {
  const TinyProject& project = trained();
  project.file("short", "abc\n");
  project.file("blank", "a token with blanks in it\n");
  project.file("nothing", "");
  check_refusal(project, {"serve", "run", "--host", "0.0.0.0", "--port", "0"},
                {"--host 0.0.0.0", "--token-file", "ETHREED_TOKEN"});
  check_refusal(project, {"serve", "run", "--host", "::", "--port", "0"}, {"token"});
  check_refusal(project, {"serve", "run", "--host", "some.example", "--port", "0"}, {"token"});
  check_refusal(project, {"serve", "run", "--token-file", "short"}, {"short", "16 to 1000"});
  check_refusal(project, {"serve", "run", "--token-file", "blank"}, {"blank", "without blanks"});
  check_refusal(project, {"serve", "run", "--token-file", "nothing"}, {"nothing", "empty"});
  check_refusal(project, {"serve", "run", "--token-file", "absent"}, {"absent"});
  check_refusal(project, {"serve", "run", "--token-file", "/dev/zero"}, {"/dev/zero", "longer than 4096 bytes"});
  check_refusal(project, {"serve", "run", "--token", token, "--token-file", "short"}, {"one of them"});
  check_refusal(project, {"serve", "no-such-run"}, {"no-such-run"});
  check_refusal(project, {"serve", "run", "run"}, {"two runs", "'run'"});
  check_refusal(project, {"serve", "a=run", "a=run"}, {"two runs", "'a'"});
  check_refusal(project, {"serve", "run", "--port", "70000"}, {"--port"});
  check_refusal(project, {"serve"}, {"runs"});
  project.must(
      {"train", "--data", "data", "--out", "labels", "--model", "linear_classifier", "--epochs", "1", "--quiet"});
  check_refusal(project, {"serve", "run", "labels"}, {"labels", "writes no replies"});
  const ServedProject other(project, {"run"});
  check_refusal(project, {"serve", "run", "--port", std::to_string(other.port())},
                {"port " + std::to_string(other.port()), "in use"});
}
