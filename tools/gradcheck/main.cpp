// ethreed-gradcheck: checks the backward kernel of every operation, case by case, and prints what it found.

#include "autograd/gradient_checker.h"
#include "core/indices.h"
#include "kernels/common/device_problem.h"
#include "kernels/device/open_device.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace ethreed;

struct Arguments {
  std::vector<std::string> operations;
  std::string case_part;
  std::string dtype = "float64";
  std::uint64_t seed = 1;
  int threads = 1;
  std::string device = "cpu";
  bool list = false;

  bool wants(const Operation& operation) const {
    return operations.empty() || std::find(operations.begin(), operations.end(), operation.name) != operations.end();
  }
  bool wants(const OpCase& op_case) const { return op_case.name.find(case_part) != std::string::npos; }
};

struct Totals {
  int operations = 0, cases = 0, inputs = 0, failures = 0, forward_only = 0;
  std::int64_t comparisons = 0;
  double worst_error = 0;
};

void check_names(const std::vector<std::string>& names) {
  std::string known;
  for (const Operation& operation : operations()) known += (known.empty() ? "" : ", ") + std::string(operation.name);
  for (const std::string& name : names)
    ETHREED_CHECK(
        std::any_of(operations().begin(), operations().end(), [&](const auto& op) { return op.name == name; }),
        "--op: there is no operation '{}'; known are {}", name, known);
}

GradientReport check(Context& context, const OpCase& op_case, const Arguments& arguments) {
  const CheckOptions options{.seed = arguments.seed, .full_jacobian = op_case.tiny};
  const auto reference = for_device(context, op_case.make_double(arguments.seed));
  if (arguments.dtype == "float64") return check_operation(context, *reference, options);
  const auto problem = for_device(context, op_case.make_float(arguments.seed));
  return check_float_operation(context, *problem, *reference, options);
}

// Widths of the columns: names of operations, of cases, of inputs.
constexpr int operation_width = 22, case_width = 58, input_width = 16;

void print_header() {
  fmt::print("{:<{}} {:<{}} {:<{}} {:>9} {:>16} {:>16} {:>9}  {}\n", "operation", operation_width, "case", case_width,
             "input", input_width, "worst at", "analytic", "numeric", "error", "verdict");
}

void print_row(std::string_view operation, const OpCase& op_case, const InputReport& row) {
  const std::string index = row.index < 0 ? "-" : std::to_string(row.index);
  const std::string verdict =
      row.verdict == Verdict::passed ? "passed" : fmt::format("FAILED: {}, {}", name_of(row.verdict), row.detail);
  fmt::print("{:<{}} {:<{}} {:<{}} {:>9} {:>16.9g} {:>16.9g} {:>9.2e}  {}\n", operation, operation_width, op_case.name,
             case_width, row.input, input_width, index, row.analytic, row.numeric, row.error, verdict);
}

/// A check that throws is a failed check, not the end of the run.
void check_and_print(Context& context, const Operation& operation, const OpCase& op_case, const Arguments& arguments,
                     Totals& totals) {
  ++totals.cases;
  try {
    const GradientReport report = check(context, op_case, arguments);
    for (const InputReport& row : report.inputs) {
      print_row(operation.name, op_case, row);
      totals.failures += row.verdict != Verdict::passed;
    }
    totals.inputs += count_of(report.inputs);
    totals.comparisons += report.comparisons();
    totals.worst_error = std::max(totals.worst_error, report.worst_error());
    if (report.inputs.empty()) {
      fmt::print("{:<{}} {:<{}} FAILED: no input asks for a gradient\n", operation.name, operation_width, op_case.name,
                 case_width);
      ++totals.failures;
    }
  } catch (const std::exception& error) {
    fmt::print("{:<{}} {:<{}} FAILED: threw '{}'\n", operation.name, operation_width, op_case.name, case_width,
               error.what());
    ++totals.failures;
  }
  std::fflush(stdout);
}

Totals check_all(Context& context, const Arguments& arguments) {
  Totals totals;
  for (const Operation& operation : operations()) {
    if (!arguments.wants(operation)) continue;
    const std::vector<OpCase> cases = operation.cases();
    if (std::none_of(cases.begin(), cases.end(), [&](const OpCase& op_case) { return arguments.wants(op_case); }))
      continue;
    if (!operation.differentiable) {
      ++totals.forward_only;
      fmt::print("{:<{}} forward only: no gradient to check\n", operation.name, operation_width);
      continue;
    }
    ++totals.operations;
    for (const OpCase& op_case : cases)
      if (arguments.wants(op_case)) check_and_print(context, operation, op_case, arguments, totals);
  }
  return totals;
}

void list(const Arguments& arguments) {
  for (const Operation& operation : operations()) {
    if (!arguments.wants(operation)) continue;
    for (const OpCase& op_case : operation.cases())
      if (arguments.wants(op_case))
        fmt::print("{:<{}} {:<{}} {}\n", operation.name, operation_width, op_case.name, case_width,
                   !operation.differentiable ? "forward only"
                   : op_case.tiny            ? "full Jacobian"
                                             : "projections and elements");
  }
}

int run(const Arguments& arguments) {
  check_names(arguments.operations);
  if (arguments.list) {
    list(arguments);
    return 0;
  }
  Runtime runtime(arguments.threads);
  runtime.use(open_device(device_from(arguments.device), runtime.pool()));
  Context context = runtime.context();
  print_header();
  const Totals totals = check_all(context, arguments);
  ETHREED_CHECK(totals.cases + totals.forward_only > 0, "--case: no case of these operations contains '{}'; see --list",
                arguments.case_part);
  fmt::print(
      "\n{}, {}: {} operations, {} cases, {} inputs, {} comparisons, worst error {:.2e}, {} failed; {} operations are "
      "forward only\n",
      arguments.device, arguments.dtype, totals.operations, totals.cases, totals.inputs, totals.comparisons,
      totals.worst_error, totals.failures, totals.forward_only);
  return totals.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Checks the gradient of every operation by finite differences in double.\n"
      "Exit code: 0 all passed, 1 a check failed, 2 bad usage.",
      "ethreed-gradcheck");
  app.add_option("--op", arguments.operations, "Operation to check; may be given several times (default: all)")
      ->type_name("NAME");
  app.add_option("--case", arguments.case_part, "Only cases whose name contains this")->type_name("TEXT");
  app.add_option("--dtype", arguments.dtype,
                 "float64: against finite differences; float32: the float kernel against the double one")
      ->check(CLI::IsMember({"float64", "float32"}))
      ->capture_default_str();
  app.add_option("--seed", arguments.seed, "Seed of inputs, cotangents and directions")->capture_default_str();
  app.add_option("--threads", arguments.threads, "Threads of the kernels")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--device", arguments.device, "Where the kernels run: on the CPU, on a GPU, or the GPU's emulated")
      ->check(CLI::IsMember({"cpu", "cuda", "emulated"}))
      ->capture_default_str();
  app.add_flag("--list", arguments.list, "Print operations and cases, check nothing");
  try {
    app.parse(argc, argv);
    return run(arguments);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help to stdout, errors to stderr
    return code == 0 ? 0 : 2;
  } catch (const Error& error) {
    fmt::print(stderr, "ethreed-gradcheck: {}\n", error.what());
    return 2;
  }
}
