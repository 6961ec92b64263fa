#include "tools/ethreed/answerer.h"

#include "model/text/vocabulary.h"

#include <algorithm>

namespace ethreed {

namespace {

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

}  // namespace

Answerer::Answerer(Evaluator<float>& evaluator, const std::vector<InputRecord>& records, WordTable& words,
                   int vocabulary, int max_length, int history)
    : evaluator_(evaluator),
      records_(records),
      words_(words),
      vocabulary_(vocabulary),
      max_length_(max_length),
      history_(history),
      conversations_(records),
      replies_(records.size()) {}

bool Answerer::is_history(std::size_t i) const {
  const std::int64_t next = conversations_.after(i);
  return next >= 0 && !records_[i].said.listener && !records_[i].response && !is_blank(records_[i].said.text) &&
         !records_[static_cast<std::size_t>(next)].said.listener;
}

// Is a reply that this record's history holds not there yet?
bool Answerer::waits(std::size_t i) const {
  for (std::int64_t k = conversations_.before(i); k >= 0; k = conversations_.before(static_cast<std::size_t>(k)))
    if (is_history(static_cast<std::size_t>(k))) return !replies_[static_cast<std::size_t>(k)];
  return false;
}

std::vector<std::int32_t> Answerer::encoded(const std::string& text) const {
  return encode_post(text, words_, vocabulary_, max_length_).words;
}

History Answerer::history_of(std::size_t record) const {
  struct Utterance {
    bool listener;
    std::vector<std::int32_t> words;
  };
  std::vector<Utterance> said;  // newest first
  const auto full = [&] { return history_ > 0 && said.size() >= static_cast<std::size_t>(history_); };
  const auto add = [&](bool listener, std::vector<std::int32_t> words) {
    if (words.size() > 1 && !full()) said.push_back({listener, std::move(words)});
  };
  const auto add_own = [&](const InputRecord& of) {
    if (!of.history) return;
    for (auto entry = of.history->rbegin(); entry != of.history->rend() && !full(); ++entry)
      add(entry->listener, encoded(entry->text));
  };
  add_own(records_[record]);
  for (std::int64_t k = conversations_.before(record); k >= 0 && !full();
       k = conversations_.before(static_cast<std::size_t>(k))) {
    const auto i = static_cast<std::size_t>(k);
    if (records_[i].response) add(true, encoded(*records_[i].response));
    if (!records_[i].response && is_history(i) && replies_[i]) add(true, *replies_[i]);
    add(records_[i].said.listener, encoded(records_[i].said.text));
    add_own(records_[i]);
  }
  History history;
  for (auto utterance = said.rbegin(); utterance != said.rend(); ++utterance)
    history.add(utterance->listener, std::move(utterance->words));
  return history;
}

bool Answerer::is_answerable(std::size_t record, const EncodedPost& post) const {
  return !post.empty() && !records_[record].said.listener;
}

void Answerer::add_said(std::size_t record, Question& question) const {
  question.said = history_of(record);
  for (const TurnInput& turn : question.said.turns())
    question.history += (turn.post.size() > 1) + (turn.response.size() > 1);
  question.said.add(false, question.post.words);
}

Answerer::Question Answerer::question(std::size_t record) const {
  Question question{.post = encode_post(records_[record].said.text, words_, vocabulary_, max_length_)};
  question.answerable = is_answerable(record, question.post);
  if (question.answerable) add_said(record, question);
  return question;
}

bool Answerer::answer(std::size_t first, const ReplyMode& mode, const DecodeOptions& options,
                      const std::function<bool()>& go_on,
                      const std::function<void(std::size_t, const Answer&)>& consume) {
  const std::size_t end = std::min(first + answer_window, records_.size());
  std::vector<Answer> answers(end - first);
  std::vector<std::size_t> left;
  for (std::size_t i = first; i < end; ++i) {
    answers[i - first].post = encode_post(records_[i].said.text, words_, vocabulary_, max_length_);
    if (is_answerable(i, answers[i - first].post)) left.push_back(i);
  }
  while (!left.empty()) {
    if (!go_on()) return false;
    std::vector<std::size_t> batch;
    for (const std::size_t i : left)
      if (batch.size() < static_cast<std::size_t>(evaluation_batch) && !waits(i)) batch.push_back(i);
    std::vector<Question> questions;
    for (const std::size_t i : batch) {
      questions.push_back({.post = answers[i - first].post});
      add_said(i, questions.back());
      answers[i - first].history = questions.back().history;
    }
    std::vector<Example> examples;  // the place of a record's turn is its number
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const History& said = questions[k].said;
      examples.push_back({.turns = said.turns(), .place = static_cast<std::int64_t>(batch[k]) - (said.count() - 1)});
    }
    evaluator_.reply(examples, ethreed::Answer::last_turn, mode, options, [&](const GeneratedTurn& turn) {
      const std::size_t i = batch[static_cast<std::size_t>(turn.dialogue)];
      Answer& answer = answers[i - first];
      answer.turn = turn;
      if (is_history(i)) {
        std::vector<std::int32_t> words = turn.reply.words;
        words.push_back(eos_id);
        if (words.size() > static_cast<std::size_t>(max_length_)) words.erase(words.begin(), words.end() - max_length_);
        replies_[i] = std::move(words);
      }
      return true;
    });
    std::erase_if(left, [&](std::size_t i) { return answers[i - first].turn.has_value(); });
  }
  for (std::size_t i = first; i < end; ++i) consume(i, answers[i - first]);
  return true;
}

}  // namespace ethreed
