#include "tools/ethreed/report/case_study.h"

#include "core/printable.h"
#include "model/interface/split_examples.h"
#include "tools/ethreed/attention_view.h"
#include "tools/ethreed/reply_record.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t likeliest_shown = 5;  // of an insight; of utterances, which become curves, all are

std::map<std::string, std::int32_t> places_of(const Split& split) {
  std::map<std::string, std::int32_t> places;
  for (std::int32_t d = 0; d < split.dialogues(); ++d) places.emplace(printable(split.conversation_id(d)), d);
  return places;
}

// The likeliest classes: [["sad", 0.8], …].
Json likeliest(const std::vector<double>& p, const std::vector<std::string>& classes,
               std::size_t most = std::numeric_limits<std::size_t>::max()) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  Json out = Json::array();
  for (std::size_t k = 0; k < std::min(most, order.size()); ++k)
    out.push_back({classes[order[k]], rounded(p[order[k]])});
  return out;
}

// What a run makes of one dialogue.
class CaseAnswers {
 public:
  CaseAnswers(OpenedRun& opened, const DecodeArguments& decode, std::span<const std::string> latents)
      : opened_(opened),
        model_(opened.model()),
        words_(opened.data.word_table()),
        records_(opened.run, words_),
        mode_(decode.reply_mode(opened.run)),
        options_(decode.checked()) {
    for (std::size_t m = 1; m < latents.size(); ++m) {
      DecodeArguments other = decode;
      other.latent = latents[m];
      others_.emplace_back(latents[m], other.reply_mode(opened.run));
    }
  }

  Json of(std::int32_t d) {
    Json out = Json::object();
    if (model_.writes_replies()) out["turns"] = turns(d);
    if (model_.unit() == Unit::text)
      out["tracked"] = by_texts(d);
    else if (!model_.utterance_labels().empty())
      out["tracked"] = followed(d);
    return out;
  }

 private:
  Json turns(std::int32_t d) {
    Json turns = Json::array();
    answer(d, mode_, [&](const GeneratedTurn& turn) { turns.push_back(turn_json(turn)); });
    for (const auto& [latent, mode] : others_)
      answer(d, mode, [&, &name = latent](const GeneratedTurn& turn) {
        turns[static_cast<std::size_t>(turn.turn)]["latents"].push_back(
            {{"latent", name}, {"reply", records_.text(turn.reply)}, {"insights", insights_json(turn)}});
      });
    return turns;
  }

  // Every turn of dialogue d, in order. Plans that are shuffled are those of its batch of the split.
  template <class Consume> void answer(std::int32_t d, const ReplyMode& mode, const Consume& consume) {
    const std::int32_t first = mode.latent.shuffle_plans ? d / evaluation_batch * evaluation_batch : d;
    const std::int32_t count =
        mode.latent.shuffle_plans ? std::min(evaluation_batch, opened_.examples.count() - first) : 1;
    std::vector<std::int32_t> batch(static_cast<std::size_t>(count));
    std::iota(batch.begin(), batch.end(), first);
    opened_.evaluator.reply(opened_.examples.make(batch), Answer::every_turn, mode, options_,
                            [&](const GeneratedTurn& turn) {
                              if (first + turn.dialogue == d) consume(turn);
                              return true;
                            });
  }

  Json insights_json(const GeneratedTurn& turn) const {
    Json insights = Json::array();
    for (std::size_t i = 0; i < turn.distributions.size(); ++i)
      insights.push_back({{"label", model_.insights()[i].label},
                          {"likeliest", likeliest(turn.distributions[i], records_.classes(i), likeliest_shown)}});
    return insights;
  }

  Json turn_json(const GeneratedTurn& turn) const {
    Json out{{"reply", records_.text(turn.reply)},
             {"log_probability", turn.reply.log_probability},
             {"ended", turn.reply.ended},
             {"insights", insights_json(turn)}};
    if (model_.has_pointer()) out["attention"] = attention_json(view_of(turn.reply, turn.source, words_, model_));
    return out;
  }

  Json followed(std::int32_t d) {
    const std::vector<std::string> classes = classes_of(opened_.run.info, model_.utterance_labels());
    Json out = Json::array();
    opened_.evaluator.label_utterances(opened_.examples.make({&d, 1}), [&](const LabelledTurn<float>& turn) {
      out.push_back({{"post", likeliest(probabilities(turn.post), classes)},
                     {"response", likeliest(probabilities(turn.response), classes)}});
    });
    return out;
  }

  // Every utterance as a text by itself, as `ethreed emotions` does.
  Json by_texts(std::int32_t d) {
    const std::vector<std::string> classes = classes_of(opened_.run.info, model_.label_set());
    std::vector<Example> texts;
    for (int t = 0; t < opened_.split.turns(d); ++t)
      for (const std::span<const std::int32_t> text : {opened_.split.post(d, t), opened_.split.response(d, t)})
        texts.push_back({.text = text, .place = static_cast<std::int64_t>(texts.size())});
    Json out = Json::array();
    opened_.evaluator.label(texts, [&](int i, std::span<const float> logits) {
      if (i % 2 == 0) out.push_back(Json::object());
      out.back()[i % 2 == 0 ? "post" : "response"] = likeliest(probabilities(logits), classes);
    });
    return out;
  }

  OpenedRun& opened_;
  const Model& model_;
  const WordTable words_;
  const ReplyRecords records_;
  const ReplyMode mode_;
  const DecodeOptions options_;
  std::vector<std::pair<std::string, ReplyMode>> others_;
};

}  // namespace

std::vector<std::string> draw_dialogues(const Split& split, std::uint64_t seed, int count) {
  std::vector<std::int32_t> order;
  shuffle_examples(static_cast<int>(split.dialogues()), seed, 0, order);
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  std::sort(order.begin(), order.end());
  std::vector<std::string> names;
  for (const std::int32_t d : order) names.push_back(printable(split.conversation_id(d)));
  return names;
}

Json case_dialogues(const OpenedRun& opened, const std::vector<std::string>& conversations) {
  const Split& split = opened.split;
  const std::map<std::string, std::int32_t> places = places_of(split);
  const WordTable words = opened.data.word_table();
  const auto emotion = [&](std::int32_t id) {
    return id < 0 ? Json() : Json(std::string(opened.data.emotions().name(id)));
  };
  Json cases = Json::array();
  for (const std::string& name : conversations) {
    const auto found = places.find(printable(name));
    ETHREED_CHECK(found != places.end(),
                  "--cases {}: split '{}' has no dialogue of this name; `ethreed generate` prints "
                  "the names",
                  name, split.name());
    const std::int32_t d = found->second;
    Json turns = Json::array();
    for (int t = 0; t < split.turns(d); ++t)
      turns.push_back({{"post", decode_utterance(split.post(d, t), words)},
                       {"gold", decode_utterance(split.response(d, t), words)},
                       {"emotion", emotion(split.post_emotion(d, t))},
                       {"gold_emotion", emotion(split.listener_label(d, t))}});
    cases.push_back({{"conversation", found->first},
                     {"emotion", emotion(split.emotion(d))},
                     {"turns", std::move(turns)},
                     {"runs", Json::array()}});
  }
  return cases;
}

void add_case_answers(OpenedRun& opened, const DecodeArguments& decode, std::span<const std::string> latents,
                      Json& cases) {
  const std::map<std::string, std::int32_t> places = places_of(opened.split);
  CaseAnswers answers(opened, decode, latents);
  for (Json& one : cases) {
    ETHREED_CHECK(!interrupted(), "interrupted");
    const auto found = places.find(one["conversation"].get<std::string>());
    one["runs"].push_back(found == places.end() ? Json() : answers.of(found->second));
  }
}

}  // namespace ethreed
