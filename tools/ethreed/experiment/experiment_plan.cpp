#include "tools/ethreed/experiment/experiment_plan.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "tools/ethreed/evaluate.h"
#include "tools/ethreed/experiment/json_options.h"
#include "tools/ethreed/prepare_options.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::array<std::string_view, 22> evaluate_keys{"split",
                                                         "checkpoint",
                                                         "decode",
                                                         "latent",
                                                         "reply_emotion",
                                                         "max_length",
                                                         "min_length",
                                                         "no_repeat",
                                                         "beam",
                                                         "length_power",
                                                         "top_k",
                                                         "top_p",
                                                         "temperature",
                                                         "seed",
                                                         "replies",
                                                         "importance_samples",
                                                         "allow_unknown",
                                                         "bertscore",
                                                         "bertscore_layer",
                                                         "bertscore_name",
                                                         "bertscore_baseline",
                                                         "bertscore_idf"};
constexpr std::array<std::string_view, 21> prepare_keys{"corpus",           "vectors",
                                                        "labels",           "labels_of",
                                                        "other_labels",     "label_distributions",
                                                        "label_column",     "column_distributions",
                                                        "delimiter",        "emotions",
                                                        "emotion_per",      "empty",
                                                        "listener_first",   "replies",
                                                        "join_consecutive", "tokens",
                                                        "vocabulary",       "min_frequency",
                                                        "max_length",       "max_situation_length",
                                                        "dimension"};

// Tables have these columns beside the plan's.
constexpr std::array<std::string_view, 6> own_headings{"system", "runs", "parameters", "V", "best epoch", "epochs"};

// A list of objects at `key`, or none.
std::vector<Json> objects_at(const Json& json, const char* key, const std::string& source) {
  const auto found = json.find(key);
  if (found == json.end()) return {};
  ETHREED_CHECK(found->is_array(), "{}: {}: wanted a list, got {}", source, key, shown(*found));
  return found->get<std::vector<Json>>();
}

std::int64_t whole_number_at(const Json& json, const char* key, std::int64_t low, std::int64_t high,
                             const std::string& source) {
  const Json& value = json.at(key);
  ETHREED_CHECK(value.is_number_integer() && value >= low && value <= high,
                "{}: {}: wanted a whole number from {} to {}, got {}", source, key, low, high, shown(value));
  return value.get<std::int64_t>();
}

std::vector<std::uint64_t> seeds_at(const Json& json, const std::string& source) {
  const Json& list = json.at("seeds");
  ETHREED_CHECK(list.is_array() && !list.empty(), "{}: seeds: wanted a list of whole numbers, got {}", source,
                list.is_array() ? "an empty one" : shown(list));
  std::vector<std::uint64_t> seeds;
  for (const Json& seed : list) {
    ETHREED_CHECK(seed.is_number_unsigned(), "{}: seeds: wanted whole numbers from 0 on, got {}", source, shown(seed));
    seeds.push_back(seed.get<std::uint64_t>());
    ETHREED_CHECK(std::count(seeds.begin(), seeds.end(), seeds.back()) == 1, "{}: seeds: {} stands there twice", source,
                  seeds.back());
  }
  return seeds;
}

fs::path absolute_path(const fs::path& path, const fs::path& folder) {
  return (path.is_absolute() ? path : fs::absolute(folder / path)).lexically_normal();
}

// Paths in a recipe are as seen from the plan.
void make_absolute(Json& recipe, const fs::path& folder, const std::string& source) {
  for (const char* key : {"corpus", "vectors", "labels", "emotions"})
    if (recipe.contains(key)) recipe[key] = absolute_path(text_at(recipe, key, source), folder).string();
  if (!recipe.contains("label_column")) return;
  Json& columns = recipe["label_column"];
  if (columns.is_string()) columns = Json::array({columns});
  ETHREED_CHECK(columns.is_array(), "{}: label_column: wanted NAME=FILE, or a list of such, got {}", source,
                shown(columns));
  for (Json& column : columns) {
    const std::string text = column.is_string() ? column.get<std::string>() : std::string();
    const std::size_t mark = text.find('=');
    ETHREED_CHECK(mark != std::string::npos, "{}: label_column: wanted NAME=FILE, got {}", source, shown(column));
    column = text.substr(0, mark + 1) + absolute_path(text.substr(mark + 1), folder).string();
  }
}

PlannedData read_data(const Json& json, const std::string& place, const fs::path& folder, const std::string& source) {
  if (json.is_string())
    return {.folder = absolute_path(json.get<std::string>(), folder), .prepare = {}, .recipe = {}, .place = place};
  ETHREED_CHECK(json.is_object(), "{}: wanted the path of prepared data, or {{\"prepare\": {{…}}}}, got {}", source,
                shown(json));
  check_keys(json, {"prepare"}, source);
  ETHREED_CHECK(json.contains("prepare"), "{}: wanted the key 'prepare'", source);
  const std::string within = source + ": prepare";
  Json recipe = json.at("prepare");
  check_keys(recipe, prepare_keys, within);
  make_absolute(recipe, folder, within);
  ETHREED_CHECK(recipe.contains("corpus"), "{}: wanted the key 'corpus'", within);
  PlannedData data{
      .folder = {}, .prepare = {recipe["corpus"].get<std::string>()}, .recipe = json.at("prepare"), .place = place};
  recipe.erase("corpus");
  for (std::string& argument : options_from(recipe, prepare_keys, within)) data.prepare.push_back(std::move(argument));
  CLI::App command;
  PrepareArguments arguments;
  add_prepare_options(command, arguments);
  std::vector<std::string> all = data.prepare;
  all.insert(all.end(), {"--out", "out"});
  parse_arguments(command, all, within);
  return data;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

// {"model": …, "training": …} of a variant, with its model's name, its variant and its epochs.
Json config_of(const Json& json, const ModelKind& kind, const std::string& source) {
  Json config = json.value("config", Json::object());
  check_keys(config, {"model", "training"}, source + ": config");
  for (const auto& [section, keys] : config.items())
    ETHREED_CHECK(keys.is_object(), "{}: config: {}: wanted an object, got {}", source, section, shown(keys));
  ETHREED_CHECK(!config["model"].contains("name") || config["model"]["name"] == kind.name,
                "{}: model is '{}', but config.model.name {}; leave one out", source, kind.name,
                shown(config["model"]["name"]));
  config["model"]["name"] = kind.name;
  const auto put = [&](const char* section, const std::string& key, const char* here, const Json& value) {
    ETHREED_CHECK(!config[section].contains(key), "{}: {} and config.{}.{}: give one of them", source, here, section,
                  key);
    config[section][key] = value;
  };
  if (json.contains("recipe")) {
    Json recipe = recipe_keys(kind, text_at(json, "recipe", source));
    for (const auto& [section, keys] : config.items()) recipe[section].update(keys);
    config = std::move(recipe);
  }
  if (json.contains("variant"))
    put("model", std::string(kind.variant_key), "variant", text_at(json, "variant", source));
  if (json.contains("epochs")) put("training", "epochs", "epochs", json["epochs"]);
  ETHREED_CHECK(!config.contains("training") || !config["training"].contains("seed"),
                "{}: config.training.seed: seeds stand in 'seeds'", source);
  return config;
}

// Options of `evaluate` as a variant has them. Results keep the name of an encoder, not where it lies: they travel.
void read_evaluate(Json options, const fs::path& folder, const std::string& source, PlannedVariant& variant) {
  variant.evaluate = options;
  if (options.contains("bertscore")) {
    const fs::path encoder = (folder / text_at(options, "bertscore", source)).lexically_normal();
    ETHREED_CHECK(fs::is_directory(encoder), "{}: bertscore: {}: there is no such folder", source, encoder.string());
    options["bertscore"] = encoder.string();
    const fs::path name = encoder.has_filename() ? encoder.filename() : encoder.parent_path().filename();
    variant.evaluate["bertscore"] = options.value("bertscore_name", name.string());
  }
  variant.decoding = options_from(options, evaluate_keys, source);
  std::vector<std::string> all = variant.decoding;
  all.emplace_back("run");
  const auto of_bert_score = [](const std::string& one) { return one.starts_with("--bertscore"); };
  std::ranges::copy_if(variant.decoding, std::back_inserter(variant.scoring), of_bert_score);
  std::erase_if(variant.decoding,
                [&](const std::string& one) { return one.starts_with("--importance-samples") || of_bert_score(one); });
  CLI::App command;
  EvaluateArguments arguments;
  add_evaluate_options(command, arguments);
  parse_arguments(command, all, source);
  arguments.decode.checked();
  variant.importance_samples = arguments.importance_samples;
}

// A variant that is the runs of another one, evaluated in another way.
void take_runs(const Json& json, const std::string& source, const ExperimentPlan& plan, PlannedVariant& variant) {
  check_keys(json, {"name", "title", "note", "runs_of", "evaluate"}, source);
  const std::string name = text_at(json, "runs_of", source);
  const auto base = std::find_if(plan.variants.begin(), plan.variants.end(),
                                 [&](const PlannedVariant& one) { return one.name == name; });
  ETHREED_CHECK(base != plan.variants.end() && base->runs_of.empty(),
                "{}: runs_of: wanted a variant with runs of its own that stands before this one, got '{}'", source,
                cut_text(name));
  variant.runs_of = base->name;
  variant.model = base->model;
  variant.config = base->config;
  variant.seeds = base->seeds;
  variant.data = base->data;
}

void add_variant(const Json& json, const std::vector<std::uint64_t>& seeds, const fs::path& folder,
                 const std::string& plan_source, ExperimentPlan& plan) {
  const std::string number = fmt::format("{}: variants[{}]", plan_source, plan.variants.size());
  check_keys(json,
             {"name", "title", "note", "model", "variant", "recipe", "config", "epochs", "seeds", "data", "runs_of",
              "evaluate"},
             number);
  PlannedVariant variant{.name = text_at(json, "name", number)};
  ETHREED_CHECK(is_file_name(variant.name),
                "{}: name: wanted up to 64 letters, digits, '.', '_' and '-' (it names files; 'title' is what tables "
                "show), got '{}'",
                number, cut_text(variant.name));
  const std::string source = fmt::format("{}: variant '{}'", plan_source, variant.name);
  for (const PlannedVariant& other : plan.variants)
    ETHREED_CHECK(other.name != variant.name, "{}: stands there twice", source);
  variant.title = text_at(json, "title", source, variant.name);
  variant.note = text_at(json, "note", source);
  Json evaluate = plan.evaluate;
  if (json.contains("evaluate")) {
    check_keys(json["evaluate"], evaluate_keys, source + ": evaluate");
    evaluate.update(json["evaluate"]);
  }
  read_evaluate(evaluate, folder, source + ": evaluate", variant);
  if (json.contains("runs_of")) {
    take_runs(json, source, plan, variant);
    plan.variants.push_back(std::move(variant));
    return;
  }
  ETHREED_CHECK(json.contains("model"), "{}: wanted the key 'model': {}", source, model_names());
  const std::string model = text_at(json, "model", source);
  const auto kinds = model_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const ModelKind& one) { return one.name == model; });
  ETHREED_CHECK(kind != kinds.end(), "{}: model: there is no '{}'; there are {}", source, cut_text(model),
                model_names());
  variant.model = model;
  variant.config = config_of(json, *kind, source);
  variant.seeds = json.contains("seeds") ? seeds_at(json, source) : seeds;
  ETHREED_CHECK(!variant.seeds.empty(), "{}: has no seeds, and neither has the plan; give \"seeds\": [1, 2, 3]",
                source);
  if (json.contains("data")) {
    variant.data = plan.data.size();
    plan.data.push_back(read_data(json["data"], "data-" + variant.name, folder, source + ": data"));
  }
  plan.variants.push_back(std::move(variant));
}

void read_columns(const Json& json, const std::string& source, ExperimentPlan& plan) {
  for (const Json& column : objects_at(json, "columns", source)) {
    const std::string number = fmt::format("{}: columns[{}]", source, plan.columns.size());
    check_keys(column, {"heading", "figures", "decimals"}, number);
    PlannedColumn read{.heading = text_at(column, "heading", number), .figures = {}};
    ETHREED_CHECK(!read.heading.empty(), "{}: wanted the key 'heading'", number);
    ETHREED_CHECK(std::find(own_headings.begin(), own_headings.end(), read.heading) == own_headings.end(),
                  "{}: heading '{}' is that of a column which every table has; give another", number, read.heading);
    for (const PlannedColumn& other : plan.columns)
      ETHREED_CHECK(other.heading != read.heading, "{}: heading '{}' stands there twice", number,
                    cut_text(read.heading));
    const Json figures = column.value("figures", Json::array());
    ETHREED_CHECK(figures.is_array() && !figures.empty() &&
                      std::all_of(figures.begin(), figures.end(), [](const Json& one) { return one.is_string(); }),
                  "{}: figures: wanted a list of names of figures, as `ethreed evaluate --json` prints them, got {}",
                  number, figures.is_array() && figures.empty() ? "an empty one" : shown(figures));
    read.figures = figures.get<std::vector<std::string>>();
    if (column.contains("decimals"))
      read.decimals = static_cast<int>(whole_number_at(column, "decimals", 0, 15, number));
    plan.columns.push_back(std::move(read));
  }
}

void read_published(const Json& json, const std::string& source, ExperimentPlan& plan) {
  for (const Json& row : objects_at(json, "published", source)) {
    const std::string number = fmt::format("{}: published[{}]", source, plan.published.size());
    check_keys(row, {"title", "figures", "note"}, number);
    PublishedRow read{.title = text_at(row, "title", number), .figures = {}, .note = text_at(row, "note", number)};
    ETHREED_CHECK(!read.title.empty(), "{}: wanted the key 'title'", number);
    const Json figures = row.value("figures", Json::object());
    ETHREED_CHECK(figures.is_object(), "{}: figures: wanted an object, got {}", number, shown(figures));
    for (const auto& [heading, value] : figures.items()) {
      const auto& wanted = heading;
      ETHREED_CHECK(std::any_of(plan.columns.begin(), plan.columns.end(),
                                [&](const PlannedColumn& column) { return column.heading == wanted; }) ||
                        wanted == "parameters",
                    "{}: figures: '{}' is the heading of none of the plan's columns, nor 'parameters'", number,
                    cut_text(wanted));
      ETHREED_CHECK(value.is_number(), "{}: figures: {}: wanted a number, got {}", number, cut_text(wanted),
                    shown(value));
      read.figures[wanted] = value.get<double>();
    }
    plan.published.push_back(std::move(read));
  }
}

}  // namespace

ExperimentPlan read_plan(const fs::path& path, const std::string& data, const Json& evaluate) {
  const std::string source = path.string();
  ETHREED_CHECK(fs::is_regular_file(path), "{}: there is no such plan; samples/plans has some", source);
  const MappedFile file(path);
  const Json json = parse_json<Json>(file.text(), source, "mend it there");
  check_keys(json,
             {"name", "data", "seeds", "variants", "columns", "published", "published_note", "evaluate", "bootstrap"},
             source);
  const fs::path folder = fs::absolute(path).parent_path();
  ExperimentPlan plan{.source = source, .name = text_at(json, "name", source, path.stem().string())};
  if (!data.empty())
    plan.data.push_back(
        {.folder = fs::absolute(data).lexically_normal(), .prepare = {}, .recipe = {}, .place = "data"});
  else if (json.contains("data"))
    plan.data.push_back(read_data(json["data"], "data", folder, source + ": data"));
  else
    fail("{}: says no data; give --data DIR (what `ethreed prepare --out` wrote)", source);
  const std::vector<std::uint64_t> seeds =
      json.contains("seeds") ? seeds_at(json, source) : std::vector<std::uint64_t>();
  plan.evaluate = json.value("evaluate", Json::object());
  check_keys(plan.evaluate, evaluate_keys, source + ": evaluate");
  plan.evaluate.update(evaluate);
  PlannedVariant as_plan;
  read_evaluate(plan.evaluate, folder, source + ": evaluate", as_plan);  // what is wrong there is no variant's
  for (const Json& variant : objects_at(json, "variants", source)) add_variant(variant, seeds, folder, source, plan);
  plan.evaluate = as_plan.evaluate;
  ETHREED_CHECK(!plan.variants.empty(), "{}: variants: wanted a list with one variant or more", source);
  read_columns(json, source, plan);
  read_published(json, source, plan);
  plan.published_note = text_at(json, "published_note", source);
  if (json.contains("bootstrap")) {
    const std::string within = source + ": bootstrap";
    const Json& bootstrap = json["bootstrap"];
    check_keys(bootstrap, {"resamples", "seed"}, within);
    if (bootstrap.contains("resamples"))
      plan.bootstrap.resamples = static_cast<int>(whole_number_at(bootstrap, "resamples", 2, 1'000'000, within));
    if (bootstrap.contains("seed"))
      plan.bootstrap.seed =
          static_cast<std::uint64_t>(whole_number_at(bootstrap, "seed", 0, std::numeric_limits<int>::max(), within));
  }
  return plan;
}

std::size_t runs_of(const ExperimentPlan& plan) {
  std::size_t runs = 0;
  for (const PlannedVariant& variant : plan.variants) runs += variant.seeds.size();
  return runs;
}

}  // namespace ethreed
