#include "tools/ethreed/reply_record.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace ethreed {

using Json = nlohmann::ordered_json;

double rounded(double share) { return std::round(share * 1e6) / 1e6; }

Json distribution_json(const std::vector<double>& probabilities, const std::vector<std::string>& classes) {
  Json all = Json::object();
  for (std::size_t k = 0; k < classes.size(); ++k) all[classes[k]] = rounded(probabilities[k]);
  return all;
}

ReplyRecords::ReplyRecords(const LoadedRun& run, const WordTable& words) : model_(run.model()), words_(words) {
  for (const InsightColumn& column : model_.insights()) classes_.push_back(classes_of(run.info, column));
}

void ReplyRecords::add_insights(Json& record, const GeneratedTurn& turn) const {
  for (std::size_t i = 0; i < turn.insights.size(); ++i)
    record[std::string(model_.insights()[i].key)] = classes_[i][static_cast<std::size_t>(turn.insights[i])];
}

void ReplyRecords::add_reply(Json& record, const GeneratedTurn& turn) const {
  const Reply& reply = turn.reply;
  record["log_probability"] = reply.log_probability;
  record["ended"] = reply.ended;
  if (!turn.distributions.empty()) {
    Json& all = record["distributions"] = Json::object();
    for (std::size_t i = 0; i < turn.distributions.size(); ++i)
      all[std::string(model_.insights()[i].key)] = distribution_json(turn.distributions[i], classes_[i]);
  }
  if (model_.has_pointer()) {
    Json& copied = record["copied_words"] = Json::array();
    for (std::size_t i = 0; i < reply.words.size() && i < reply.origins.size(); ++i)
      if (is_copied(reply.origins[i])) copied.push_back(words_.word(reply.words[i]));
    Json& gates = record["generation_gates"] = Json::array();
    for (std::size_t i = 0; i < reply.words.size() && i < reply.origins.size(); ++i)
      gates.push_back(rounded(reply.origins[i].generation_gate));
  }
  Json& unknown = record["unknown_words"] = Json::array();
  for (const std::int32_t word : reply.words)
    if (word >= model_.vocabulary()) unknown.push_back(words_.word(word));
  if (reply.others.empty()) return;
  Json& others = record["others"] = Json::array();
  for (const Reply& other : reply.others)
    others.push_back({{"reply", text(other)}, {"log_probability", other.log_probability}, {"ended", other.ended}});
}

void ReplyRecords::add_post(Json& record, const EncodedPost& post) {
  record["tokens"] = post.tokens;
  record["tokens_cut"] = post.cut;
  record["unknown_share"] = rounded(post.unknown_share());
  record["no_known_word"] = post.nothing_known();
}

}  // namespace ethreed
