// The program `ethreed`: its commands and how it ends.

#include "core/error.h"
#include "core/printable.h"
#include "tools/ethreed/commands.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

// One line: what is wrong with the command line and where the right one is described.
std::string usage_message(const CLI::App* app, const CLI::Error& error) {
  const auto chosen = app->get_subcommands();
  const std::string help = chosen.empty() ? "ethreed --help" : "ethreed " + chosen.front()->get_name() + " --help";
  std::string problem = error.what();
  if (chosen.empty()) {
    const std::vector<std::string> unknown = app->remaining();
    problem = unknown.empty() ? "no command given" : "there is no command '" + unknown.front() + "'";
    std::string known;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App* a) { return !a->get_group().empty(); }))
      known += (known.empty() ? "" : ", ") + command->get_name();
    problem += "; the commands are " + known;
  }
  return fmt::format("ethreed: {}; see: {}\n", ethreed::printable(problem), help);
}

// A name or a key from a file may hold line breaks and worse; a message is one harmless line all the same.
int report(std::string_view message) {
  std::fflush(stdout);
  fmt::print(stderr, "ethreed: {}\n", ethreed::printable(message));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // A file-size limit shows as a failed write with a clear message, not as a death by signal.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{
      "ETHREED: emotion tracking and empathetic replies.\n"
      "Start with `ethreed prepare`, then `train`, `evaluate`, `chat`."};
  app.name("ethreed");
  app.require_subcommand(1);
  app.failure_message(usage_message);
  app.set_version_flag("--version", "ethreed " ETHREED_VERSION);
  ethreed::add_prepare_command(app);
  ethreed::add_train_command(app);
  ethreed::add_evaluate_command(app);
  ethreed::add_experiment_command(app);
  ethreed::add_generate_command(app);
  ethreed::add_reply_command(app);
  ethreed::add_emotions_command(app);
  ethreed::add_attention_command(app);
  ethreed::add_chat_command(app);
  ethreed::add_report_command(app);
  ethreed::add_serve_command(app);
  ethreed::add_trace_command(app);
  ethreed::add_label_command(app);
  ethreed::add_import_command(app);
  ethreed::add_export_command(app);
  ethreed::add_fine_tune_command(app);
  ethreed::add_score_command(app);
  ethreed::add_study_command(app);
  ethreed::add_tokenize_command(app);
  ethreed::add_models_command(app);
  ethreed::add_devices_command(app);
  ethreed::add_completion_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) != 0) return 2;
  } catch (const ethreed::Error& error) {
    return report(error.what());
  } catch (const std::bad_alloc&) {
    return report("out of memory; use a smaller batch or a smaller model");
  } catch (const std::system_error& error) {
    if (!std::ferror(stdout)) return report(error.what());
    return report(fmt::format("standard output cannot be written: {}", error.code().message()));
  } catch (const std::exception& error) {
    return report(error.what());
  }
  errno = 0;
  if (std::fflush(stdout) != 0 && errno != 0)
    return report(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
  if (std::ferror(stdout)) return report("standard output cannot be written");  // found by an earlier flush
  return 0;
}
