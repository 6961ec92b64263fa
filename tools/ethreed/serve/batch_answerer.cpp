#include "tools/ethreed/serve/batch_answerer.h"

#include "model/text/vocabulary.h"
#include "tools/ethreed/answered_record.h"
#include "tools/ethreed/attention_view.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace ethreed {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

// A request at work.
struct BatchAnswerer::Work {
  ReplyJob& job;
  Answerer::Question question;
  bool done = false;
  std::vector<std::int32_t> said{};  // words of the reply so far
};

BatchAnswerer::BatchAnswerer(const Context& context, const LoadedRun& run, ModelState<float>& state)
    : run_(run),
      evaluator_(context, run.model(), state),
      batch_(context, run.model(), state),
      vocabulary_(run.info.word_table()),
      words_(vocabulary_),
      records_(run, words_) {}

bool BatchAnswerer::together(const ReplyRequest& a, const ReplyRequest& b) {
  return in_one_batch({.latent = a.decode.mode()}, {.latent = b.decode.mode()});
}

void BatchAnswerer::answer(const Jobs& jobs) {
  try {
    answer_together(jobs);
  } catch (...) {
    if (jobs.size() == 1) {
      jobs.front()->fail(std::current_exception());
    } else {
      // One of them is the reason: it fails alone.
      for (const std::shared_ptr<ReplyJob>& job : jobs)
        if (!job->done() && !job->abandoned()) answer({job});
    }
  }
  // Words of clients are forgotten, so that they take no memory and cannot reach another one's reply.
  if (words_.size() > vocabulary_.size()) words_ = vocabulary_;
}

void BatchAnswerer::answer_together(std::span<const std::shared_ptr<ReplyJob>> jobs) {
  const int vocabulary = run_.model().vocabulary();
  std::vector<Work> works;
  works.reserve(jobs.size());
  for (const std::shared_ptr<ReplyJob>& job : jobs) {
    const ReplyRequest& request = job->request();
    Work work{.job = *job,
              .question = Answerer(evaluator_, request.record, words_, vocabulary,
                                   request.post_length.value_or(run_.info.max_length), request.history_limit)
                              .question(0)};
    if (work.question.answerable)
      works.push_back(std::move(work));
    else
      finish(work, std::nullopt);
  }
  if (works.empty()) return;
  std::vector<AskedDialogue> dialogues;
  dialogues.reserve(works.size());
  for (const Work& work : works) dialogues.push_back(asked(work));
  ++batches_;
  batch_.open(dialogues);
  for (;;) {
    for (int k = 0; k < count_of(works); ++k) {
      Work& work = works[static_cast<std::size_t>(k)];
      if (work.done || !work.job.abandoned()) continue;
      batch_.drop(k);
      work.done = true;
    }
    if (!batch_.step()) return;
    ++steps_;
    for (int k = 0; k < count_of(works); ++k) {
      Work& work = works[static_cast<std::size_t>(k)];
      if (work.done) continue;
      if (work.job.request().stream) tell_newest(k, work);
      if (batch_.finished(k)) finish(work, batch_.take(k));
    }
  }
}

AskedDialogue BatchAnswerer::asked(const Work& work) const {
  const DecodeArguments& decode = work.job.request().decode;
  const History& said = work.question.said;
  // The place of a record's turn is its number, as in a file: 0.
  return {.example = {.turns = said.turns(), .place = 1 - static_cast<std::int64_t>(said.count())},
          .mode = decode.reply_mode(run_),
          .decode = decode.checked()};
}

void BatchAnswerer::tell_newest(int k, Work& work) {
  const std::optional<NewestWord> newest = batch_.newest(k);
  if (!newest || newest->word == eos_id) return;
  work.said.push_back(newest->word);
  tell(work, work.said, newest->origin);
}

// The last of these words.
void BatchAnswerer::tell(const Work& work, std::span<const std::int32_t> said, const WordOrigin* origin) {
  const std::int32_t word = said.back();
  Json event{{"place", said.size() - 1}};
  if (work.job.request().attention && origin != nullptr) {
    const Reply one{.words = {word}, .origins = {*origin}};
    event.update(attention_json(view_of(one, {}, words_, run_.model()))["steps"][0]);
  } else {
    event["word"] = words_.word(word);
    event["unknown"] = word >= run_.model().vocabulary() || word == unk_id;
  }
  event["reply"] = decode_utterance(said, words_);
  work.job.tell(said.size() - 1, std::move(event));
}

void BatchAnswerer::finish(Work& work, std::optional<GeneratedTurn> turn) {
  const ReplyRequest& request = work.job.request();
  Answerer::Answer answer{
      .post = std::move(work.question.post), .turn = std::move(turn), .history = work.question.history};
  ReplyAnswer result;
  result.record = answered_record(request.record.front(), answer, Conversations(request.record).number(0), records_);
  if (answer.turn) {
    const Reply& reply = answer.turn->reply;
    result.words = reply.words.size();
    // Of beam search no word was known before.
    const std::span<const std::int32_t> words(reply.words);
    if (request.stream)
      for (std::size_t i = work.said.size(); i < words.size(); ++i)
        tell(work, words.first(i + 1), i < reply.origins.size() ? &reply.origins[i] : nullptr);
    if (request.attention)
      result.record["attention"] = attention_json(view_of(reply, answer.turn->source, words_, run_.model()));
  }
  work.job.finish(std::move(result));
  work.done = true;
}

}  // namespace ethreed
