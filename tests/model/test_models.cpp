// Every property of every case of every model in the table. A model that comes later is asked by its line there alone.

#include "tests/model/model_properties.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <set>

using namespace ethreed;
using namespace ethreed::test;

namespace {

// Asks one property of every subject that has it, and says on stdout of how many, and how long it took.
void ask_everyone(const std::string& name) {
  const auto property =
      std::find_if(properties.begin(), properties.end(), [&](const Property& one) { return one.name == name; });
  REQUIRE(property != properties.end());
  const auto start = std::chrono::steady_clock::now();
  int asked = 0;
  std::set<std::string_view> models;
  for (const Subject& subject : all_subjects()) {
    INFO(subject.name());
    if (property->of_replies && !subject.run(tiny_data()).model->writes_replies()) continue;
    const Failure failure = property->check(subject);
    if (failure) FAIL_CHECK(*failure);
    ++asked;
    models.insert(subject.kind.name);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  fmt::print("{}: asked of {} cases of {} models, {:.1f} s\n", name, asked, models.size(), took.count());
}

}  // namespace

TEST_CASE("every model: the textbook agrees") { ask_everyone("the textbook agrees"); }
TEST_CASE("every model: the gradient is that of the total") { ask_everyone("the gradient is that of the total"); }
TEST_CASE("every model: float is double") { ask_everyone("float is double"); }
TEST_CASE("every model: the emulated device is the CPU") { ask_everyone("the emulated device is the CPU"); }
TEST_CASE("every model: threads change no bit") { ask_everyone("threads change no bit"); }
TEST_CASE("every model: examples do not see each other") { ask_everyone("examples do not see each other"); }
TEST_CASE("every model: shares of examples make figures") { ask_everyone("shares of examples make figures"); }
TEST_CASE("every model: stop and resume change no bit") { ask_everyone("stop and resume change no bit"); }
TEST_CASE("every model: a checkpoint brings all back") { ask_everyone("a checkpoint brings all back"); }
TEST_CASE("every model: steps take no memory") { ask_everyone("steps take no memory"); }
TEST_CASE("every model: steps stay within the plan") { ask_everyone("steps stay within the plan"); }
TEST_CASE("every model: names are unique") { ask_everyone("names are unique"); }
TEST_CASE("every model: the configuration goes round") { ask_everyone("the configuration goes round"); }
TEST_CASE("every model: the widest beam finds the best") { ask_everyone("the widest beam finds the best"); }
TEST_CASE("every model: a session says what forward says") { ask_everyone("a session says what forward says"); }
TEST_CASE("every model: a conversation is its recomputation") { ask_everyone("a conversation is its recomputation"); }
TEST_CASE("every model: replies written together have the bits of each alone") {
  ask_everyone("replies written together have the bits of each alone");
}
TEST_CASE("every model: where a pointer looks makes up the next word") {
  ask_everyone("where a pointer looks makes up the next word");
}

TEST_CASE("every property is asked, and of every model") {
  const std::vector<Subject> subjects = all_subjects();
  std::set<std::string_view> models, variants;
  std::size_t replies = 0;
  for (const Subject& subject : subjects) {
    const RunConfig run = subject.run(tiny_data());
    models.insert(subject.kind.name);
    replies += run.model->writes_replies();
    variants.insert(run.model->variant());
  }
  CHECK(models.size() == model_kinds().size());
  for (const ModelKind& kind : model_kinds())
    for (const std::string_view variant : kind.variants()) {
      INFO(kind.name << ", " << variant);
      // Behind a variant's name a model may say what it has to go with: "kemp (concept map)".
      CHECK(std::any_of(variants.begin(), variants.end(), [&](std::string_view one) {
        return one == variant || one.starts_with(fmt::format("{} (", variant));
      }));
    }
  const auto of_replies = static_cast<std::size_t>(
      std::count_if(properties.begin(), properties.end(), [](const Property& one) { return one.of_replies; }));
  fmt::print("{} models, {} cases, {} properties: {} questions\n", models.size(), subjects.size(), properties.size(),
             subjects.size() * (properties.size() - of_replies) + replies * of_replies);
}
