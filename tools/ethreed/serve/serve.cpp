#include "core/error.h"
#include "core/printable.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/serve/http_server.h"
#include "tools/ethreed/serve/reply_service.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr const char* token_variable = "ETHREED_TOKEN";
constexpr std::size_t shortest_token = 16;
constexpr std::size_t longest_line = 4096;  // of a file with the token

struct ServeArguments {
  RunArguments run;
  std::vector<std::string> runs;
  std::string host = "127.0.0.1";
  int port = 8080;
  std::string token, token_file;
  std::vector<std::string> names;
  std::optional<int> batch;
  int queue = 32, body_kib = 64, timeout = 30, read_timeout = 10;
  bool quiet = false;
};

struct NamedRun {
  std::string name, folder;
};

// NAME=RUN, or RUN, whose name is that of its folder.
NamedRun named_run(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign != std::string::npos && sign > 0 && !fs::exists(text)) return {text.substr(0, sign), text.substr(sign + 1)};
  return {fs::absolute(fs::path(text) / "").lexically_normal().parent_path().filename().string(), text};
}

std::vector<NamedRun> named_runs(const std::vector<std::string>& texts) {
  std::vector<NamedRun> runs;
  for (const std::string& text : texts) {
    runs.push_back(named_run(text));
    const std::string& name = runs.back().name;
    ETHREED_CHECK(!name.empty() && name.size() <= 80 && printable(name) == name,
                  "serve: '{}' cannot be the name of a model; give NAME=RUN", name);
    ETHREED_CHECK(std::count_if(runs.begin(), runs.end(), [&](const NamedRun& run) { return run.name == name; }) == 1,
                  "serve: two runs have the name '{}'; give NAME=RUN", name);
  }
  return runs;
}

// From the command line, a file or the environment; empty where none is given.
std::string token_of(const ServeArguments& arguments) {
  std::string token = arguments.token, source = "--token";
  if (!arguments.token_file.empty()) {
    ETHREED_CHECK(token.empty(), "--token and --token-file: give one of them");
    source = arguments.token_file;
    std::ifstream file(arguments.token_file);
    ETHREED_CHECK(file.good(), "{}: cannot be read; --token-file wants a file with the token in its first line",
                  source);
    for (char c = 0; file.get(c) && c != '\n';) {
      token += c;
      ETHREED_CHECK(token.size() <= longest_line, "{}: its first line is longer than {} bytes, wanted the token there",
                    source, longest_line);
    }
    while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
    ETHREED_CHECK(!token.empty(), "{}: is empty, wanted the token in its first line", source);
  } else if (const char* value = std::getenv(token_variable); token.empty() && value != nullptr && *value != '\0') {
    token = value;
    source = token_variable;
  }
  if (token.empty()) return token;
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
  ETHREED_CHECK(plain && token.size() >= shortest_token && token.size() <= 1000,
                "{}: the token has {} characters, wanted {} to 1000 of ASCII without blanks", source, token.size(),
                shortest_token);
  return token;
}

// On a device the bits of a product may depend on its shape, and a reply's shall not depend on who else asks, unless
// that is asked for.
int batch_of(const ServeArguments& arguments) {
  constexpr int usual = 16;
  return arguments.batch.value_or(arguments.run.device.device == "cpu" ? usual : 1);
}

void run_serve(const ServeArguments& arguments) {
  const std::vector<NamedRun> runs = named_runs(arguments.runs);
  const std::string token = token_of(arguments);
  ETHREED_CHECK(
      is_loopback(arguments.host) || !token.empty(),
      "--host {}: is open to other machines, and then a token is wanted; give --token-file FILE, or {} in the "
      "environment",
      arguments.host, token_variable);
  catch_interruptions();
  const std::size_t body = static_cast<std::size_t>(arguments.body_kib) << 10;
  const RequestLimits requests;
  const QueueLimits queue{.waiting = static_cast<std::size_t>(arguments.queue),
                          .batch = static_cast<std::size_t>(batch_of(arguments)),
                          .bytes = body,
                          .hypotheses = std::max(requests.beam, batch_of(arguments))};
  std::vector<std::unique_ptr<ServedModel>> models;
  for (const NamedRun& run : runs) {
    RunArguments one = arguments.run;
    one.run = run.folder;
    models.push_back(std::make_unique<ServedModel>(run.name, one, queue));
  }
  ReplyService service(std::move(models), Access(arguments.host, arguments.names, token),
                       {.body = body,
                        .timeout = static_cast<double>(arguments.timeout),
                        .batch = queue.batch,
                        .log = !arguments.quiet,
                        .limits = requests});
  // Whoever waits holds a thread; some are left for those who ask how the server is.
  HttpServer server(service, {.body = body,
                              .read = std::chrono::seconds(arguments.read_timeout),
                              .write = std::chrono::seconds(arguments.read_timeout),
                              .connections = count_of(runs) * (arguments.queue + batch_of(arguments)) + 64});
  service.count_connections_by([&] { return server.connections(); });
  const int port = server.bind(arguments.host, arguments.port);
  fmt::print("{} at http://{}:{}/ (Ctrl-C ends)\n",
             runs.size() == 1 ? "1 model" : fmt::format("{} models", runs.size()),
             arguments.host.find(':') == std::string::npos ? arguments.host : "[" + arguments.host + "]", port);
  std::fflush(stdout);
  std::atomic<bool> ended{false};
  std::thread listener([&] {
    server.run();
    ended = true;
  });
  bool told = false;
  while (!ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (!interrupted()) continue;
    server.stop();
    if (!told && !arguments.quiet) fmt::print(stderr, "ends: no new requests, those that are here are answered\n");
    told = true;
  }
  listener.join();
  ETHREED_CHECK(interrupted(), "serve: the socket failed, no connection could be taken");
}

}  // namespace

void add_serve_command(CLI::App& app) {
  const auto a = std::make_shared<ServeArguments>();
  CLI::App* command = app.add_subcommand(
      "serve", "Answer over HTTP: a page to talk with trained models in a browser, and JSON for other programs");
  command->add_option("runs", a->runs, "Folders that `ethreed train --out` wrote; the first is the default")
      ->required()
      ->type_name("[NAME=]RUN");
  command->add_option("--checkpoint", a->run.checkpoint, "Which checkpoint of the runs")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str();
  add_device_options(*command, a->run.device);
  command->add_flag("--verify", a->run.verify, "First compare every file of a checkpoint with its fingerprint");
  command->add_option("--port", a->port, "Port to listen at; 0: any that is free, which is printed")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--host", a->host, "Address to listen at; one that other machines reach wants a token")
      ->capture_default_str();
  command
      ->add_option("--token-file", a->token_file,
                   "File whose first line is the token that requests must bear; or ETHREED_TOKEN in the environment")
      ->type_name("FILE");
  command
      ->add_option("--token", a->token,
                   "The token itself, which other users of this machine can see in its list of processes")
      ->type_name("TEXT");
  command->add_option("--allow-host", a->names, "A name by which clients call this server, beside its addresses")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--queue", a->queue, "Requests that may wait for a model; more are told 429")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option("--batch", a->batch,
                   "Requests that a model answers together, with the bits that each has alone [16; on a device 1, as "
                   "its bits depend on the batch]")
      ->check(CLI::Range(1, 256));
  command->add_option("--max-body", a->body_kib, "Largest body of a request, in KiB")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--timeout", a->timeout, "Seconds that a request waits for its reply")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command
      ->add_option("--read-timeout", a->read_timeout,
                   "Seconds that a client may take to send a whole request, and to take a whole reply")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  command->add_flag("--quiet", a->quiet, "No line for each request");
  command->callback([a] { run_serve(*a); });
}

}  // namespace ethreed
