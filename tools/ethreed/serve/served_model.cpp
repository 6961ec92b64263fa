#include "tools/ethreed/serve/served_model.h"

#include "core/error.h"
#include "core/printable.h"
#include "tools/ethreed/answered_record.h"
#include "tools/ethreed/attention_view.h"

#include <algorithm>
#include <utility>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

WordTable table_of(const LoadedRun& run) {
  WordTable words;
  for (const std::string& word : run.info.vocabulary) words.id(word);
  return words;
}

}  // namespace

ServedModel::ServedModel(std::string name, const RunArguments& arguments, std::size_t queue)
    : name_(std::move(name)),
      folder_(arguments.run),
      checkpoint_(arguments.checkpoint),
      queue_(queue),
      run_(load_run(arguments)),
      runtime_(open_runtime(arguments.device)),
      context_(runtime_->context()),
      device_(context_, *run_.state),
      evaluator_(context_, run_.model(), device_.model()),
      vocabulary_(table_of(run_)),
      words_(vocabulary_),
      records_(run_, words_) {
  ETHREED_CHECK(run_.model().writes_replies(),
                "{}: is a run of model '{}', which writes no replies; see: ethreed models", folder_,
                run_.model().name());
  thread_ = std::thread([this] { work(); });
}

ServedModel::~ServedModel() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    jobs_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Json ServedModel::description() const {
  const Model& model = run_.model();
  Json insights = Json::array();
  for (std::size_t i = 0; i < model.insights().size(); ++i) {
    const InsightColumn& insight = model.insights()[i];
    insights.push_back({{"key", insight.key},
                        {"label", insight.label},
                        {"chat", insight.chat},
                        {"of_reply", insight.of_reply},
                        {"classes", records_.classes(i)}});
  }
  Json emotions = nullptr;
  if (!model.reply_plan().empty()) emotions = classes_of(run_.info, model.reply_plan());
  return {{"name", name_},
          {"model", model.name()},
          {"variant", model.variant()},
          {"checkpoint", checkpoint_},
          {"parameters", run_.state->values.count()},
          {"vocabulary", model.vocabulary()},
          {"post_length", run_.info.max_length},
          {"latent", model.has_latent()},
          {"attention", model.has_pointer()},
          {"reply_emotions", emotions},
          {"insights", insights}};
}

void ServedModel::check(const ReplyRequest& request) const {
  request.decode.reply_mode(run_);
  ETHREED_CHECK(!request.attention || run_.model().has_pointer(),
                "attention: model '{}' has no pointer that looks at single words; leave the key out",
                run_.model().name());
}

bool ServedModel::submit(const std::shared_ptr<Job>& job) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || jobs_.size() >= queue_) return false;
    jobs_.push_back(job);
  }
  changed_.notify_all();
  return true;
}

void ServedModel::withdraw(const std::shared_ptr<Job>& job) {
  const std::lock_guard lock(mutex_);
  std::erase(jobs_, job);
}

std::size_t ServedModel::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

ServedModel::Answer ServedModel::answer(const ReplyRequest& request) {
  const Model& model = run_.model();
  Answerer answerer(evaluator_, request.record, words_, model.vocabulary(),
                    request.post_length.value_or(run_.info.max_length), request.history_limit);
  Answer result;
  answerer.answer(
      0, request.decode.reply_mode(run_), request.decode.checked(), [] { return true; },
      [&](std::size_t i, const Answerer::Answer& answer) {
        result.record = answered_record(request.record[i], answer, Conversations(request.record).number(i), records_);
        if (!answer.turn) return;
        result.words = answer.turn->reply.words.size();
        if (request.attention)
          result.record["attention"] =
              attention_json(view_of(answer.turn->reply, answer.post.words, words_, model.vocabulary()));
      });
  return result;
}

void ServedModel::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !jobs_.empty() || ended_; });
    if (ended_) return;
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    try {
      job->answer.set_value(answer(job->request));
    } catch (...) {
      job->answer.set_exception(std::current_exception());
    }
    // Words of a client are forgotten, so that they take no memory and cannot reach another one's reply.
    if (words_.size() > vocabulary_.size()) words_ = vocabulary_;
    lock.lock();
  }
}

}  // namespace ethreed
