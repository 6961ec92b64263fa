// Faults planted into a model, each of which the property that is there for it must see: what these tests prove is that
// the tests of every model can fail.

#include "model/ethreed/ethreed.h"
#include "model/interface/make_model.h"
#include "tests/model/model_properties.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// A model that is right, under the same roof as the wrong ones.
struct Right : EthreedModel {};

/// On the CPU its bias of the classifier has 1.001 times the gradient that it should have.
struct WrongGradient : EthreedModel {
  template <class T>
  static ForwardPass<T> forward(Tape<T>& tape, const EthreedConfig& config,
                                const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                const PassOptions& options) {
    if (!tape.context().on_host()) return EthreedModel::forward(tape, config, parameters, batch, options);
    EthreedParameters<Variable<T>> wrong = parameters;
    const Variable<T> bias = parameters.classifier.bias;
    const Variable<T> same = tape.result(bias.shape(), bias.wants_gradient());
    std::copy_n(bias.data(), bias.value().count(), same.data());
    tape.record([bias, same](Tape<T>& t) {
      const T* arrived = t.gradient(same);
      const GradientSink<T> to = t.sink(bias);
      if (arrived == nullptr || !to) return;
      for (std::int64_t i = 0; i < bias.value().count(); ++i)
        to.data[i] = (to.accumulate ? to.data[i] : T{0}) + static_cast<T>(1.001) * arrived[i];
    });
    wrong.classifier.bias = same;
    return EthreedModel::forward(tape, config, wrong, batch, options);
  }
};

/// The first word of every dialogue but the first is that of the dialogue before it.
struct Leak : EthreedModel {
  static void build(DialogueBatch& batch, const EthreedConfig& config, std::span<const Example> examples) {
    std::vector<std::vector<std::int32_t>> posts;
    std::vector<std::vector<TurnInput>> turns;
    std::vector<Example> leaked(examples.begin(), examples.end());
    for (const Example& example : examples) {
      turns.emplace_back(example.turns.begin(), example.turns.end());
      posts.emplace_back(example.turns[0].post.begin(), example.turns[0].post.end());
    }
    for (std::size_t i = 1; i < leaked.size(); ++i) {
      posts[i].front() = examples[i - 1].turns[0].post.front();
      turns[i][0].post = posts[i];
      leaked[i].turns = turns[i];
    }
    EthreedModel::build(batch, config, leaked);
  }
};

/// Keeps of the reply before a post all but its first word.
template <class T> struct ForgetfulConversation {
  EthreedConversation<T> right;
  EthreedReplies<T> read(Tape<T>& tape, const EthreedConfig& config, const EthreedParameters<Variable<T>>& parameters,
                         Indices reply, Indices post, std::int64_t place, const ReplyOptions& options) {
    return right.read(tape, config, parameters, reply.size() > 1 ? reply.subspan(1) : reply, post, place, options);
  }
};
struct Forgetful : EthreedModel {
  template <class T> using Conversation = ForgetfulConversation<T>;
};

/// Takes the noise of the first turn of a dialogue for all its turns when it converses.
template <class T> struct MisplacedConversation {
  EthreedConversation<T> right;
  EthreedReplies<T> read(Tape<T>& tape, const EthreedConfig& config, const EthreedParameters<Variable<T>>& parameters,
                         Indices reply, Indices post, std::int64_t place, const ReplyOptions& options) {
    if (reply.empty()) first = place;
    return right.read(tape, config, parameters, reply, post, first, options);
  }
  std::int64_t first = 0;
};
struct Misplaced : EthreedModel {
  template <class T> using Conversation = MisplacedConversation<T>;
};

/// Draws the plans of all dialogues of a batch by the seed of the first.
struct OneSeed : EthreedModel {
  template <class T>
  static EthreedReplies<T> replies(Tape<T>& tape, const EthreedConfig& config,
                                   const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                   const ReplyOptions& options) {
    std::vector<DialogueChoice> choices(options.choices.begin(), options.choices.end());
    for (DialogueChoice& one : choices) one.seed = choices.front().seed;
    ReplyOptions wrong = options;
    wrong.choices = choices;
    return EthreedModel::replies(tape, config, parameters, batch, wrong);
  }
};

/// Allocates in every step.
struct Greedy : EthreedModel {
  template <class T>
  static ForwardPass<T> forward(Tape<T>& tape, const EthreedConfig& config,
                                const EthreedParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                const PassOptions& options) {
    const std::vector<T> taken(batch.turns(), T{1});
    const auto pass = EthreedModel::forward(tape, config, parameters, batch, options);
    ETHREED_CHECK(taken.back() == T{1}, "test: lost");
    return pass;
  }
};

/// A textbook whose total is another one by a millionth.
TextbookPass wrong_textbook(const TextbookInput& input) {
  TextbookPass pass = model_cases().front().textbook(input);
  pass.total *= 1 + 1e-6;
  return pass;
}

template <class M> Subject planted() {
  const ModelCases& cases = model_cases().front();
  REQUIRE(cases.model == EthreedModel::name);
  return {kind_of<M>(), cases.cases.front(), cases.textbook};
}

// The names of the properties that do not hold.
std::vector<std::string_view> failures(const Subject& subject) {
  std::vector<std::string_view> names;
  for (const Property& property : properties)
    if (property.check(subject)) names.push_back(property.name);
  return names;
}

using Names = std::vector<std::string_view>;

bool holds(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("a model that is right has every property") { CHECK(failures(planted<Right>()) == Names{}); }

TEST_CASE("a gradient that is off by a thousandth in one parameter is seen") {
  // A run is taken up again by the model of its name, which is the one that is right.
  CHECK(failures(planted<WrongGradient>()) ==
        Names{"the gradient is that of the total", "the emulated device is the CPU", "stop and resume change no bit"});
}

TEST_CASE("a leak between the examples of a batch is seen") {
  const Names names = failures(planted<Leak>());
  CHECK(holds(names, "examples do not see each other"));
  CHECK(holds(names, "the textbook agrees"));
  CHECK(holds(names, "replies written together have the bits of each alone"));
}

TEST_CASE("a conversation that forgets a word is seen, by the conversation's property alone") {
  CHECK(failures(planted<Forgetful>()) == Names{"a conversation is its recomputation"});
}

TEST_CASE("a conversation whose random numbers are another turn's is seen") {
  CHECK(failures(planted<Misplaced>()) == Names{"a conversation is its recomputation"});
}

TEST_CASE("a batch of conversations with the seed of one of them is seen") {
  CHECK(failures(planted<OneSeed>()) == Names{"replies written together have the bits of each alone"});
}

TEST_CASE("a step that takes memory from the heap is seen") {
  CHECK(failures(planted<Greedy>()) == Names{"steps take no memory"});
}

TEST_CASE("a textbook that says something else is seen") {
  Subject subject = planted<Right>();
  subject.textbook = wrong_textbook;
  CHECK(failures(subject) == Names{"the textbook agrees"});
}
