// What may include what: the floors core < kernels < autograd < model < tools, and the order within kernels and model.
// Read from the sources themselves, so that no file can go against it unseen.

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Catch::Contains;

// Bottom to top: each may use those before it, and itself as far as the rules below go.
constexpr std::array<std::string_view, 5> floors{"core", "kernels", "autograd", "model", "tools"};

// An operation that builds on another one beside common and gemm, and why.
struct Exception {
  std::string_view from, to, reason;
};
constexpr std::array kernel_exceptions{
    Exception{"common", "emulation", "cuda.h: without nvcc the emulation stands in for the CUDA runtime"},
    Exception{"gemm", "emulation", "gemm_cuda.cu: without nvcc a part of it stands in for cublasLt"},
    Exception{"device", "gemm", "opening a device says by gemm.h how products may round"},
    Exception{"adam", "global_norm", "clipping scales the gradient by the norm as global_norm defines it"},
    Exception{"gru_sequence", "gather_rows", "its backward on a device gathers the states before each step"},
    Exception{"pointer_distribution", "pointer_mixture", "the same equation (21), over all words in place of one"},
    Exception{"copy_loss", "vocabulary_loss", "the same smoothing, of a mixture in place of a softmax"},
    Exception{"copy_loss", "pointer_mixture", "the same layout of sources and target tokens, and its cases"},
};

// Folders of model beside the models' own, and what of model each may include beside itself.
struct ModelPart {
  std::string_view name;
  std::vector<std::string_view> below;
};
const std::vector<ModelPart> model_parts{
    {"text", {}},
    {"subwords", {"text"}},
    {"metrics", {"text"}},
    {"blocks", {"text"}},
    {"encoders", {"blocks", "subwords", "text"}},
    {"interface", {"blocks", "text"}},
    {"replies", {"interface", "blocks", "text"}},
    {"evaluation", {"metrics", "replies", "interface", "blocks", "text"}},
    {"training", {"evaluation", "metrics", "replies", "interface", "blocks", "text"}},
    {"", {"interface"}},  // model/models.cpp and model/model_cases.cpp
};
const std::vector<std::string_view> below_a_model{"interface", "encoders", "blocks", "subwords", "text"};

template <class List, class Value> bool holds(const List& list, const Value& value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

// "model/blocks/layers.h": floor "model", folder "blocks"; "model/models.cpp": folder "".
struct Place {
  std::string floor, folder;
  explicit Place(const std::string& path) {
    std::vector<std::string> parts;
    for (const fs::path& part : fs::path(path)) parts.push_back(part.string());
    floor = parts.front();
    if (parts.size() > 2) folder = parts[1];
  }
  std::ptrdiff_t height() const { return std::find(floors.begin(), floors.end(), floor) - floors.begin(); }
  bool known() const { return holds(floors, floor); }
};

bool kernels_allow(const std::string& from, const std::string& to) {
  if (std::any_of(kernel_exceptions.begin(), kernel_exceptions.end(),
                  [&](const Exception& e) { return e.from == from && e.to == to; }))
    return true;
  if (to == "common") return from != "emulation";
  // Everything else there is an operation, and operations may use products.
  return to == "gemm" && !from.empty() && !holds(std::array{"common", "emulation", "device"}, from);
}

bool model_allows(const std::string& from, const std::string& to) {
  for (const ModelPart& part : model_parts)
    if (part.name == from) return holds(part.below, to);
  return holds(below_a_model, to);
}

// What is wrong with this include, or nothing. Paths are from the project's root.
std::string complaint(const std::string& file, const std::string& included) {
  const Place from(file), to(included);
  if (!to.known())
    return fmt::format("{} includes \"{}\", which is no file of core, kernels, autograd, model or tools", file,
                       included);
  if (to.height() > from.height())
    return fmt::format("{} includes {}, upward: {} is above {}", file, included, to.floor, from.floor);
  if (to.height() < from.height() || from.folder == to.folder) return {};
  const bool allowed = from.floor == "kernels" ? kernels_allow(from.folder, to.folder)
                       : from.floor == "model" ? model_allows(from.folder, to.folder)
                       : from.floor == "tools" ? to.folder.empty()  // a program and another one have nothing in common
                                               : true;              // core and autograd are one whole each
  return allowed ? std::string()
                 : fmt::format("{} includes {}, sideways or upward within {}", file, included, to.floor);
}

std::vector<std::string> includes_of(const std::string& text) {
  static const std::regex pattern(R"re(^[ \t]*#[ \t]*include[ \t]*"([^"]+)")re");
  std::vector<std::string> includes;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (std::smatch match; std::regex_search(line, match, pattern)) includes.push_back(match[1]);
  return includes;
}

std::vector<std::string> complaints(const std::string& file, const std::string& text) {
  std::vector<std::string> all;
  for (const std::string& included : includes_of(text))
    if (std::string wrong = complaint(file, included); !wrong.empty()) all.push_back(std::move(wrong));
  return all;
}

struct Source {
  std::string path, text;
};
// Every source of the five floors.
std::vector<Source> sources() {
  const fs::path root = ETHREED_SOURCE_DIR;
  const std::set<std::string> endings{".h", ".cpp", ".cu", ".cuh", ".def"};
  std::vector<Source> all;
  for (const std::string_view floor : floors)
    for (const auto& entry : fs::recursive_directory_iterator(root / floor))
      if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) {
        std::ifstream stream(entry.path(), std::ios::binary);
        all.push_back({fs::relative(entry.path(), root).string(), {std::istreambuf_iterator<char>(stream), {}}});
      }
  return all;
}

}  // namespace

TEST_CASE("no file of the project includes upward or sideways") {
  const std::vector<Source> all = sources();
  std::size_t includes = 0;
  for (const Source& source : all) {
    includes += includes_of(source.text).size();
    for (const std::string& wrong : complaints(source.path, source.text)) FAIL_CHECK(wrong);
  }
  CHECK(all.size() > 300);  // it did look
  CHECK(includes > 700);
}

TEST_CASE("every include is of a file that is there") {
  for (const Source& source : sources())
    for (const std::string& included : includes_of(source.text)) {
      INFO(source.path << " includes " << included);
      CHECK(fs::is_regular_file(fs::path(ETHREED_SOURCE_DIR) / included));
    }
}

TEST_CASE("every exception among the kernels is needed") {
  std::set<std::pair<std::string, std::string>> used;
  for (const Source& source : sources())
    for (const std::string& included : includes_of(source.text)) {
      const Place from(source.path), to(included);
      if (from.floor == "kernels" && to.floor == "kernels") used.emplace(from.folder, to.folder);
    }
  for (const Exception& exception : kernel_exceptions) {
    INFO(exception.from << " on " << exception.to << ": " << exception.reason);
    CHECK(used.contains({std::string(exception.from), std::string(exception.to)}));
  }
}

TEST_CASE("an include that runs upward is found out") {
  for (const auto& [file, included] :
       {std::pair("core/arena.h", "kernels/common/packing.h"), std::pair("core/error.cpp", "tools/ethreed/session.h"),
        std::pair("kernels/adam/adam_cpu.cpp", "autograd/tape.h"),
        std::pair("kernels/common/dispatch.h", "kernels/gemm/gemm.h"),
        std::pair("autograd/functions/linear_function.cpp", "model/blocks/layers.h"),
        std::pair("model/training/trainer.cpp", "tools/ethreed/progress.h"),
        std::pair("model/text/corpus.h", "model/blocks/example.h"),
        std::pair("model/blocks/layers.h", "model/interface/model.h"),
        std::pair("model/blocks/layers.h", "model/ethreed/config.h"),
        std::pair("model/metrics/bleu.h", "model/evaluation/evaluator.h"),
        std::pair("model/interface/model.h", "model/ethreed/ethreed.h"),
        std::pair("model/interface/model.h", "model/replies/search.h"),
        std::pair("model/replies/search.cpp", "model/evaluation/evaluator.h"),
        std::pair("model/evaluation/evaluator.h", "model/training/trainer.h")}) {
    INFO(file << " on " << included);
    CHECK(complaints(file, fmt::format("#pragma once\n  #  include \"{}\"\n", included)).size() == 1);
  }
}

TEST_CASE("an include that runs sideways is found out, and one of a file outside the floors too") {
  for (const auto& [file, included] :
       {std::pair("kernels/softmax_cross_entropy/softmax_cross_entropy_cpu.cpp", "kernels/log_softmax/log_softmax.h"),
        std::pair("kernels/pointer_mixture/pointer_rows.h", "kernels/pointer_distribution/pointer_distribution.h"),
        std::pair("kernels/operations.cpp", "kernels/adam/adam.h"),
        std::pair("kernels/adam/adam_cuda.cu", "kernels/emulation/runner.h"),
        std::pair("kernels/emulation/runner.h", "kernels/common/cuda.h"),
        std::pair("model/ethreed/ethreed.h", "model/another/another.h"),
        std::pair("model/another/another_cases.cpp", "model/ethreed/parameters.h"),
        std::pair("model/ethreed/replies.cpp", "model/replies/search.h"),
        std::pair("model/ethreed/trace.cpp", "model/training/checkpoint.h"),
        std::pair("model/metrics/bleu.h", "model/blocks/example.h"),
        std::pair("model/subwords/tokenizer.h", "model/blocks/example.h"),
        std::pair("model/subwords/tokenizer.h", "model/encoders/text_encoder.h"),
        std::pair("model/encoders/text_encoder.h", "model/interface/model.h"),
        std::pair("model/metrics/bert_score.h", "model/encoders/text_encoder.h"),
        std::pair("model/training/trainer.cpp", "model/ethreed/ethreed.h"),
        std::pair("model/evaluation/evaluator.cpp", "model/ethreed/figures.h"),
        std::pair("model/models.cpp", "model/ethreed/ethreed.h"),
        std::pair("model/model_cases.cpp", "model/blocks/example.h"),
        std::pair("tools/gradcheck/main.cpp", "tools/ethreed/session.h"),
        std::pair("model/ethreed/ethreed_cases.cpp", "tests/reference/ethreed_reference.h"),
        std::pair("model/ethreed/ethreed.cpp", "ethreed.h")}) {
    INFO(file << " on " << included);
    CHECK(complaints(file, fmt::format("#include \"{}\"\n", included)).size() == 1);
  }
}

TEST_CASE("what the rules allow is left alone, and so is what only looks like an include") {
  const std::string text =
      "#include \"core/error.h\"\n#include \"autograd/tape.h\"\n#include \"model/blocks/layers.h\"\n"
      "#include \"model/interface/model.h\"\n#include \"model/ethreed/config.h\"\n#include <model/training/trainer.h>\n"
      "// #include \"tools/ethreed/session.h\"\nconst char* text = \"#include \\\"tools/x.h\\\"\";\n";
  CHECK(includes_of(text).size() == 5);
  CHECK(complaints("model/ethreed/forward.h", text).empty());
  CHECK(complaints("tools/ethreed/train.cpp", "#include \"model/training/trainer.h\"\n").empty());
  CHECK(complaints("model/encoders/text_encoder.h", "#include \"model/subwords/tokenizer.h\"\n").empty());
  CHECK(complaints("model/training/trainer.h", "#include \"model/evaluation/evaluator.h\"\n").empty());
  CHECK(complaints("kernels/linear/linear_cpu.cpp", "#include \"kernels/gemm/gemm.h\"\n").empty());
  CHECK(complaints("kernels/adam/adam_cpu.cpp", "#include \"kernels/global_norm/global_norm.h\"\n").empty());
  const auto wrong =
      complaints("core/arena.h", "\n#include \"model/models.cpp\"\n#include \"model/model_table.def\"\n");
  REQUIRE(wrong.size() == 2);
  CHECK_THAT(wrong[0], Contains("core/arena.h") && Contains("model/models.cpp") && Contains("upward"));
}
