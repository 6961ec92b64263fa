#include "tests/model/model_bench.h"

#include <numeric>

namespace ethreed::test {

namespace {

using Json = nlohmann::json;

struct MadeData {
  TemporaryFolder folder;
  Dataset data;
  MadeData(const std::map<std::string, Dialogues>& splits, int vocabulary)
      : data(make_dataset(folder, splits, vocabulary)) {}
};

Dialogues with_random(Dialogues dialogues, std::uint64_t seed, int count) {
  for (DialogueData& dialogue : random_dialogues(seed, count, tiny_vocabulary, emotion_count))
    dialogues.push_back(std::move(dialogue));
  return dialogues;
}

// T = 1 beside T = 3, repeated source words, words to copy, labels that are missing.
Dialogues few_dialogues() {
  return {{{{9, 9, 30, 3}, {30, 9, 31, 3}, 1, -1}, {{8, 7, 3}, {8, 3}, 1, 7}, {{3}, {5, 3}, 1, 0}},
          {{{31, 6, 32, 31, 3}, {6, 31, 12, 32, 3}, 4, 11}}};
}

// All keys at once: a configuration is checked as a whole.
RunConfig make(const ModelKind& kind, const Dataset& data, std::initializer_list<const Json*> patches) {
  const DataDescription description = describe(data);
  Json keys = Json::object();
  for (const Json* patch : patches) keys.merge_patch(*patch);
  const ConfigPatch patch{&keys, "case"};
  RunConfig config{.recipe = kind.recipe()};
  config.model = kind.make(&description, {&patch, 1}, config.recipe);
  return config;
}

const Json& short_training() {
  static const Json keys{{"training", {{"epochs", 2}, {"batch", 4}, {"seed", 5U}}}};
  return keys;
}

}  // namespace

const Dataset& tiny_data() {
  static const MadeData made({{"train", with_random(awkward_dialogues(), 41, 6)},
                              {"valid", with_random(awkward_dialogues(), 42, 3)},
                              {"test", few_dialogues()}},
                             tiny_vocabulary);
  return made.data;
}

const Dataset& smallest_data() {
  const Dialogues dialogues{{{{5, 9, 5, 8, 3}, {3}, 2, 4}, {{6, 3}, {8, 4, 3}, 2, 1}}, {{{4, 7, 3}, {5, 3}, 3, -1}}};
  static const MadeData made({{"train", dialogues}, {"valid", dialogues}}, 7);
  return made.data;
}

RunConfig Subject::run(const Dataset& data) const { return make(kind, data, {&short_training(), &one.keys}); }

RunConfig Subject::run_for_gradient(const Dataset& data) const {
  return make(kind, data, {&short_training(), &one.keys, &one.gradient_keys});
}

std::vector<Subject> all_subjects() {
  const std::span<const ModelKind> kinds = model_kinds();
  const std::span<const ModelCases> cases = model_cases();
  ETHREED_CHECK(kinds.size() == cases.size(), "test: {} models, cases of {}", kinds.size(), cases.size());
  std::vector<Subject> subjects;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    ETHREED_CHECK(kinds[i].name == cases[i].model, "test: the cases of '{}' stand at the line of '{}'", cases[i].model,
                  kinds[i].name);
    ETHREED_CHECK(cases[i].textbook != nullptr && !cases[i].cases.empty(), "test: '{}' has no textbook or no cases",
                  kinds[i].name);
    for (const ModelCase& one : cases[i].cases) {
      Subject& subject = subjects.emplace_back(Subject{kinds[i], one, cases[i].textbook, cases[i].sums});
      subject.sums.insert(subject.sums.end(), one.sums.begin(), one.sums.end());
    }
  }
  return subjects;
}

TinyExamples::TinyExamples(const Split& split, const Model& model) : source_(split, example_kind(model)) {
  std::vector<std::int32_t> numbers(source_.count());
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::span<const Example> made = source_.make(numbers);
  examples_.assign(made.begin(), made.end());
  for (std::size_t i = 1; i < examples_.size(); i += 3) {
    if (examples_[i].turns.empty()) continue;
    std::vector<TurnInput>& turns = turns_.emplace_back(examples_[i].turns.begin(), examples_[i].turns.end());
    for (TurnInput& turn : turns) turn.emotion = -1;
    examples_[i].turns = turns;  // a vector keeps its elements where they are when it is moved
  }
}

}  // namespace ethreed::test
