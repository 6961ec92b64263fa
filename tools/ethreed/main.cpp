// The program `ethreed`: prepare, train, evaluate, generate, chat, trace.

#include "core/error.h"
#include "tools/ethreed/commands.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <csignal>
#include <exception>
#include <new>

int main(int argc, char** argv) {
  // A file-size limit or a closed pipe shows as a failed write with a clear message, not as a death by signal.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app{"ETHREED: emotion tracking and empathetic replies.\nStart with `ethreed prepare`, then `train`, `evaluate`, `chat`."};
  app.name("ethreed");
  app.require_subcommand(1);
  app.set_version_flag("--version", "ethreed 0.1.0");
  ethreed::add_prepare_command(app);
  ethreed::add_train_command(app);
  ethreed::add_evaluate_command(app);
  ethreed::add_generate_command(app);
  ethreed::add_chat_command(app);
  ethreed::add_trace_command(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const ethreed::Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "ethreed: {}\n", error.what());
    return 1;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ethreed: out of memory; use a smaller batch or a smaller model\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "ethreed: {}\n", error.what());
    return 1;
  }
  return 0;
}
