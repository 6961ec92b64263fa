#pragma once
// The subcommands of the program `ethreed`. Each function registers one, with its options and their ranges, and the
// callback that runs it; errors leave the callback as ethreed::Error and are reported by main.

namespace CLI {
class App;
}

namespace ethreed {

void add_prepare_command(CLI::App& app);
void add_train_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);
void add_experiment_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_reply_command(CLI::App& app);
void add_emotions_command(CLI::App& app);
void add_attention_command(CLI::App& app);
void add_chat_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_trace_command(CLI::App& app);
void add_label_command(CLI::App& app);
void add_import_command(CLI::App& app);
void add_export_command(CLI::App& app);
void add_fine_tune_command(CLI::App& app);
void add_score_command(CLI::App& app);
void add_study_command(CLI::App& app);
void add_tokenize_command(CLI::App& app);
void add_models_command(CLI::App& app);
void add_devices_command(CLI::App& app);
/// Needs the whole program: it tells of all commands, also of those that are added later.
void add_completion_command(CLI::App& app);

}  // namespace ethreed
