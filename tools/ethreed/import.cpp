// ethreed import and ethreed export: folders of pretrained encoders, published ones and our own.

#include "model/encoders/encoder_import.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace ethreed {

namespace {

struct ImportArguments {
  std::string folder, out, dtype = "F32";
};

// Files of other tasks may have many.
std::string names_of(const std::vector<std::string>& names, const char* where) {
  constexpr std::size_t most = 12;
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more{}", fmt::join(names.begin(), names.begin() + most, ", "), names.size() - most,
                     where);
}

void describe(const ImportArguments& a, const WrittenEncoder& written, const char* dtype, const char* where) {
  const std::string dtypes = fmt::format("{}", fmt::join(written.dtypes, " and "));
  fmt::print("{}: {} of {} layers, d {}, {} parameters in {} tensors, {}\n", a.folder, name_of(written.config.family),
             written.config.layers, written.config.width, written.parameters, written.tensors, written.head);
  fmt::print("  numbers: {}\n", dtypes == dtype ? dtypes + ", as they were" : dtypes + " converted to " + dtype);
  fmt::print("  tokenizer: {}, {} pieces\n", written.tokenizer, written.pieces);
  if (!written.passed_over.empty()) fmt::print("  not taken over: {}\n", names_of(written.passed_over, where));
  std::uintmax_t total = 0;
  for (const auto& [name, bytes] : written.files) {
    fmt::print("  {}: {} bytes\n", name, bytes);
    total += bytes;
  }
  fmt::print("{}: {} files, {} bytes\n", a.out, written.files.size(), total);
}

void run_import(const ImportArguments& a) {
  catch_interruptions();
  describe(a, import_encoder(a.folder, a.out, interrupted), "F32", "; import.json has all");
}

void run_export(const ImportArguments& a) {
  catch_interruptions();
  describe(a, export_encoder(a.folder, a.out, a.dtype, interrupted), a.dtype.c_str(), "");
}

}  // namespace

void add_import_command(CLI::App& app) {
  const auto a = std::make_shared<ImportArguments>();
  CLI::App* command = app.add_subcommand(
      "import", "Make a pretrained encoder's folder one that is mapped, not read, by every command (docs/encoders.md)");
  command->add_option("folder", a->folder, "Published folder: config.json, model.safetensors and a tokenizer's files")
      ->required()
      ->type_name("MODEL_DIR");
  command->add_option("--out", a->out, "New folder for the encoder")->required()->type_name("DIR");
  command->callback([a] { run_import(*a); });
}

void add_export_command(CLI::App& app) {
  const auto a = std::make_shared<ImportArguments>();
  CLI::App* command = app.add_subcommand(
      "export", "Write an encoder's folder as it is published, for other programs (docs/encoders.md)");
  command->add_option("folder", a->folder, "Folder of an encoder: from import, or from fine-tune without --frozen")
      ->required()
      ->type_name("MODEL_DIR");
  command->add_option("--out", a->out, "New folder for the published files")->required()->type_name("DIR");
  command->add_option("--dtype", a->dtype, "Type of the numbers; 16 bits are rounded to the nearest")
      ->check(CLI::IsMember({"F32", "F16", "BF16"}))
      ->capture_default_str();
  command->callback([a] { run_export(*a); });
}

}  // namespace ethreed
