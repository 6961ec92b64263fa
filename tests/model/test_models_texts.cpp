// Models of texts: a leak is seen in them too, and what they cannot do they say.

#include "model/interface/make_model.h"
#include "model/linear_classifier/linear_classifier.h"
#include "tests/model/model_properties.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// Every fourth text is read as the text before it.
struct LeakingTexts : LinearClassifierModel {
  static void build(NgramBatch& batch, const Config& config, std::span<const Example> examples) {
    std::vector<Example> leaked(examples.begin(), examples.end());
    for (std::size_t i = 3; i < leaked.size(); i += 4) leaked[i].text = leaked[i - 1].text;
    LinearClassifierModel::build(batch, config, leaked);
  }
};

std::vector<Subject> subjects_of(std::string_view model) {
  std::vector<Subject> subjects = all_subjects();
  std::erase_if(subjects, [&](const Subject& subject) { return subject.kind.name != model; });
  return subjects;
}

}  // namespace

TEST_CASE("a leak between texts is seen, wherever they come from") {
  const std::vector<Subject> subjects = subjects_of(LinearClassifierModel::name);
  CHECK(subjects.size() >= 3);
  for (Subject subject : subjects) {
    INFO(subject.name());
    CHECK(!examples_do_not_see_each_other(subject));
    subject.kind = kind_of<LeakingTexts>();
    CHECK(examples_do_not_see_each_other(subject).has_value());
  }
}

TEST_CASE("a model that writes no replies says so, and one that labels no texts") {
  for (const Subject& subject : all_subjects()) {
    INFO(subject.name());
    const RunConfig run = subject.run(tiny_data());
    const TinyExamples examples(tiny_data().split("test"), *run.model);
    Bench<float> bench(*run.model, random_state<float>(*run.model, 1));
    bench.load(examples.all());
    Tape<float> tape(bench.context(), false);
    const ModelSteps<float>& steps = run.model->steps<float>();
    if (!run.model->writes_replies()) {
      CHECK_THROWS_WITH(steps.replies(tape, bench.bind(tape), bench.batch(), {}), Catch::Contains("writes no replies"));
      CHECK_THROWS_WITH(steps.converse(), Catch::Contains("writes no replies"));
    }
    if (run.model->unit() == Unit::dialogue)
      CHECK_THROWS_WITH(steps.label_logits(tape, bench.bind(tape), bench.batch()), Catch::Contains("labels no texts"));
  }
}
