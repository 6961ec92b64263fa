#include "tools/ethreed/serve/served_model.h"

#include "core/error.h"
#include "tools/ethreed/attention_view.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

ServedModel::ServedModel(std::string name, const RunArguments& arguments, const QueueLimits& limits)
    : name_(std::move(name)),
      folder_(arguments.run),
      checkpoint_(arguments.checkpoint),
      limits_(limits),
      run_(load_run(arguments)),
      runtime_(open_runtime(arguments.device)),
      context_(runtime_->context()),
      device_(context_, *run_.state),
      answerer_(context_, run_, device_.model()) {
  ETHREED_CHECK(run_.model().writes_replies(),
                "{}: is a run of model '{}', which writes no replies; see: ethreed models", folder_,
                run_.model().name());
  thread_ = std::thread([this] { work(); });
}

ServedModel::~ServedModel() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (const std::shared_ptr<ReplyJob>& job : jobs_)
      job->fail(std::make_exception_ptr(std::runtime_error("the server ends")));
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
                        {"classes", answerer_.records().classes(i)}});
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
  ETHREED_CHECK(!request.attention || run_.model().has_pointer(), "attention: {}; leave the key out",
                without_pointer(run_.model()));
}

bool ServedModel::submit(const std::shared_ptr<ReplyJob>& job) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || jobs_.size() >= limits_.waiting) return false;
    jobs_.push_back(job);
  }
  changed_.notify_all();
  return true;
}

void ServedModel::withdraw(const std::shared_ptr<ReplyJob>& job) {
  job->abandon();
  const std::lock_guard lock(mutex_);
  std::erase(jobs_, job);
}

std::size_t ServedModel::waiting() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

// The request that has waited longest, and those behind it that fit into a batch with it.
BatchAnswerer::Jobs ServedModel::next_batch() {
  const auto hypotheses_of = [](const ReplyJob& job) { return hypotheses(job.request().decode.checked()); };
  BatchAnswerer::Jobs batch{std::move(jobs_.front())};
  jobs_.pop_front();
  std::size_t bytes = batch.front()->bytes();
  int hypotheses = hypotheses_of(*batch.front());
  for (auto job = jobs_.begin(); job != jobs_.end() && batch.size() < limits_.batch;) {
    const std::size_t more = (*job)->bytes();
    const int branches = hypotheses_of(**job);
    if (bytes + more > limits_.bytes || hypotheses + branches > limits_.hypotheses ||
        !BatchAnswerer::together(batch.front()->request(), (*job)->request())) {
      ++job;
      continue;
    }
    bytes += more;
    hypotheses += branches;
    batch.push_back(std::move(*job));
    job = jobs_.erase(job);
  }
  return batch;
}

void ServedModel::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return !jobs_.empty() || ended_; });
    if (ended_) return;
    const BatchAnswerer::Jobs batch = next_batch();
    lock.unlock();
    answerer_.answer(batch);
    lock.lock();
  }
}

}  // namespace ethreed
