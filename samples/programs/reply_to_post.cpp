// Loads a run that `ethreed train` wrote, of any model that writes replies, and answers posts, each after what was said
// before it.
//
//   reply_to_post RUN POST [POST…]

#include "model/evaluation/evaluator.h"
#include "model/interface/device_model.h"
#include "model/replies/post.h"
#include "model/replies/search.h"
#include "model/text/vocabulary.h"
#include "model/training/checkpoint.h"
#include "model/training/run_data.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

using namespace ethreed;

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: reply_to_post RUN POST [POST…]\n");
    return 2;
  }
  // A checkpoint is a folder: what the model is, its vocabulary, its parameters. The data is not needed.
  const auto checkpoint = checkpoint_in(argv[1], "best");
  const CheckpointInfo info = load_checkpoint_info(checkpoint);
  const Model& model = *info.config.model;  // of any kind: ETHREED, HRED, MoEL, …
  ETHREED_CHECK(model.writes_replies(), "{}: model '{}' writes no replies", argv[1], model.name());
  ModelState<float> parameters(model.layout(), /*for_training=*/false);
  load_checkpoint_tensors(checkpoint, parameters);

  // On the CPU DeviceModel is the parameters themselves; with runtime.use(open_device(…)) it holds them on the device.
  Runtime runtime(1);
  Context context = runtime.context();
  DeviceModel<float> device(context, parameters);

  // Words as numbers: the vocabulary first, then what a person types, which a pointer may copy.
  WordTable words = info.word_table();

  // What the model keeps of what was said: a turn costs a turn, whatever came before it.
  const std::unique_ptr<Conversation<float>> conversation = model.steps<float>().converse();
  const DecodeOptions search{.method = DecodeMethod::beam, .max_length = info.max_length, .beam = 4};
  std::vector<std::int32_t> reply;  // to the post before, with its end mark; none yet
  for (int i = 2; i < argc; ++i) {
    const EncodedPost post = encode_post(argv[i], words, model.vocabulary(), info.max_length);
    ETHREED_CHECK(!post.empty(), "post {}: there is nothing to answer in '{}'", i - 1, argv[i]);
    context.begin_step();
    Tape<float> tape(context, /*recording=*/false);
    const auto session = conversation->read(tape, device.model().bind(tape), reply, post.words, /*place=*/i - 2,
                                            {.sample_latent = false, .hypotheses_per_row = hypotheses(search)});
    const Reply found = search_replies(context, *session, model.vocabulary(), search).front();
    std::printf("> %s\n%s\n", argv[i], decode_utterance(found.words, words).c_str());

    // What a model says in addition to its words: the likeliest class of each of its insights.
    for (std::size_t k = 0; k < model.insights().size(); ++k) {
      const InsightColumn& column = model.insights()[k];
      const std::vector<double> shares = probabilities(session->insight(0, static_cast<int>(k)));
      const auto likeliest = std::max_element(shares.begin(), shares.end()) - shares.begin();
      std::printf("  %s: %s (%.2f)\n", std::string(column.label).c_str(),
                  classes_of(info, column)[static_cast<std::size_t>(likeliest)].c_str(), shares[likeliest]);
    }
    reply = found.words;
    reply.push_back(eos_id);
    if (count_of(reply) > info.max_length) reply.erase(reply.begin(), reply.end() - info.max_length);
  }
  return 0;
} catch (const Error& error) {  // one line: what, where, got, wanted, what to do
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
