#include "core/atomic_file.h"
#include "core/error.h"
#include "core/printable.h"
#include "model/metrics/reply_scores.h"
#include "model/text/dataset.h"
#include "model/text/vocabulary.h"
#include "model/text/word_vectors.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/reply_file.h"
#include "tools/ethreed/score/bert_scores.h"
#include "tools/ethreed/score/reply_classes.h"
#include "tools/ethreed/score/score_rows.h"
#include "tools/ethreed/score/score_table.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct ScoreArguments {
  std::vector<std::string> replies;
  ReplyFileArguments file;
  RowArguments choice;
  BertScoreArguments bert_score;
  std::string references, vectors, classifier, intents, json;
  std::vector<std::string> train;
  std::int64_t vocabulary = 0;
  int longest = 40, resamples = 1000;
  std::uint64_t seed = 1;
  bool markdown = false, compare = false, intervals = false;
};

// The dialogue of each row: by its conversation, or each row by itself where not all rows have one.
struct Grouping {
  std::vector<std::int32_t> group_of;
  int groups = 0;
  bool dialogues = false;
};

Grouping grouping_of(const ReplyFile& file) {
  Grouping grouping;
  grouping.dialogues =
      std::all_of(file.rows.begin(), file.rows.end(), [](const FileReply& row) { return row.conversation; });
  std::map<std::string, std::int32_t> numbers;
  for (std::size_t i = 0; i < file.rows.size(); ++i)
    grouping.group_of.push_back(
        grouping.dialogues
            ? numbers.try_emplace(*file.rows[i].conversation, static_cast<std::int32_t>(numbers.size())).first->second
            : static_cast<std::int32_t>(i));
  grouping.groups = grouping.dialogues ? static_cast<int>(numbers.size()) : count_of(file.rows);
  return grouping;
}

// References for a file's rows from another file, which may have those of the records that were passed over, too.
std::vector<std::string> references_for(const ReplyFile& file, const ReplyFile& references) {
  std::vector<std::string> all;
  const std::size_t rows = references.rows.size();
  if (rows == file.rows.size()) {
    check_same_posts(file, references);
    for (const FileReply& row : references.rows) all.push_back(row.reply);
    return all;
  }
  if (std::ssize(references.rows) != file.records) check_same_posts(file, references);  // its message names the line
  for (std::size_t i = 0; i < rows; ++i)
    if (!file.passed[i]) all.push_back(references.rows[i].reply);
  return all;
}

// The gold replies in the file, where every row has one.
std::vector<std::string> gold_of(const ReplyFile& file) {
  std::vector<std::string> all;
  for (const FileReply& row : file.rows) {
    if (!row.gold) return {};
    all.push_back(*row.gold);
  }
  return all;
}

// Of a text of a row. A figure that compares every token with every other would take hours for a book in one line.
TokenText tokens_of(const ReplyFile& file, std::size_t row, const std::string& text, bool split) {
  constexpr std::size_t most = 10'000;
  TokenText tokens = reply_tokens(text, split);
  ETHREED_CHECK(tokens.size() <= most,
                "{}: a text of this row (the reply or what it is compared with) has {} tokens, wanted at most {}; are "
                "line ends missing?",
                file.place(row), tokens.size(), most);
  return tokens;
}

std::vector<TokenText> references_of(const ReplyFile& file, const std::vector<std::string>& texts, bool split) {
  std::vector<TokenText> all;
  for (std::size_t i = 0; i < texts.size(); ++i) all.push_back(tokens_of(file, i, texts[i], split));
  return all;
}

ReplySet set_of(const ReplyFile& file, bool split) {
  ReplySet set;
  for (std::size_t i = 0; i < file.rows.size(); ++i)
    set.replies.push_back(tokens_of(file, i, file.rows[i].reply, split));
  for (const auto& said : posts_of(file)) {
    std::vector<TokenText>& posts = set.posts.emplace_back();
    for (const std::string& post : said) posts.push_back(tokens_of(file, set.posts.size() - 1, post, split));
  }
  const auto every = [&](auto has) { return std::all_of(file.rows.begin(), file.rows.end(), has); };
  if (every([](const FileReply& row) { return !row.others.empty(); }))
    for (std::size_t i = 0; i < file.rows.size(); ++i) {
      std::vector<TokenText>& candidates = set.candidates.emplace_back();
      candidates.push_back(set.replies[i]);
      for (const std::string& other : file.rows[i].others) candidates.push_back(tokens_of(file, i, other, split));
    }
  if (std::any_of(file.rows.begin(), file.rows.end(), [](const FileReply& row) { return !row.gates.empty(); }))
    for (const FileReply& row : file.rows) set.gates.push_back(row.gates);
  if (every([](const FileReply& row) { return row.ended.has_value(); }))
    for (const FileReply& row : file.rows) set.cut.push_back(!*row.ended);
  return set;
}

// Replies of the training split of a data set, or the lines of a file.
void add_train(const std::string& path, const ReplyFileArguments& arguments, std::vector<TokenText>& train) {
  if (!fs::is_directory(path)) {
    for (const FileReply& row : read_reference_file(path, arguments).rows)
      train.push_back(reply_tokens(row.reply, arguments.split));
    return;
  }
  const Dataset data = Dataset::open(path);
  const Split& split = data.split("train");
  for (std::int64_t d = 0; d < split.dialogues(); ++d)
    for (std::int64_t t = 0; t < split.turns(d); ++t) {
      TokenText& reply = train.emplace_back();
      for (const std::int32_t word : split.response(d, t))
        if (word != eos_id) reply.emplace_back(data.word(word));
    }
}

// Vectors of all words of these sets.
struct Vectors {
  WordTable words;
  WordVectors rows;
  std::span<const float> of(std::string_view word) const {
    const auto id = words.find(word);
    if (!id || *id < special_count || !rows.from_file[static_cast<std::size_t>(*id)]) return {};
    return {rows.rows.data() + *id * rows.rows.columns(), static_cast<std::size_t>(rows.rows.columns())};
  }
};

std::unique_ptr<Vectors> read_vectors(const std::string& path, const std::vector<ReplySet>& sets) {
  auto vectors = std::make_unique<Vectors>();
  for (const std::string_view word : special_words) vectors->words.id(word);
  for (const ReplySet& set : sets)
    for (const auto* texts : {&set.replies, &set.references})
      for (const TokenText& text : *texts)
        for (const std::string& word : text) vectors->words.id(word);
  vectors->rows = read_word_vectors(path, vectors->words);
  return vectors;
}

// Says where two files have other references for a row: then their columns are not of one test set.
void note_other_references(const std::vector<ReplyFile>& files, const std::vector<ReplySet>& sets,
                           std::vector<std::string>& notes) {
  for (std::size_t f = 1; f < files.size(); ++f) {
    if (sets[0].references.empty() || sets[f].references.empty()) continue;
    std::size_t differ = 0, first = 0;
    for (std::size_t i = 0; i < sets[0].references.size(); ++i)
      if (sets[0].references[i] != sets[f].references[i] && differ++ == 0) first = i;
    if (differ > 0)
      notes.push_back(
          fmt::format("{}: {} references differ from those of {} (the first at line {}); give --references "
                      "to score against the same",
                      files[f].path, differ, files[0].path, files[f].rows[first].line));
  }
}

// What BERTScore reads of a file: gold replies, if there are any, and further references.
BertScoreTexts bert_score_texts(const ReplyFile& file, const std::vector<std::string>& gold,
                                const std::vector<ReplyFile>& more) {
  BertScoreTexts texts;
  for (const FileReply& row : file.rows) texts.replies.push_back(row.reply);
  for (const std::string& reference : gold) texts.references.push_back({reference});
  if (!more.empty()) texts.references.resize(file.rows.size());
  for (const ReplyFile& further : more) {
    std::vector<std::string> of_file = references_for(file, further);
    for (std::size_t i = 0; i < of_file.size(); ++i) texts.references[i].push_back(std::move(of_file[i]));
  }
  return texts;
}

// Leaves the rows of a file that are scored.
void keep(ReplyFile& file, ReplySet& set, BertScoreTexts& texts, const std::vector<std::size_t>& rows) {
  if (rows.size() == file.rows.size()) return;
  keep_rows(file.rows, rows);
  keep_rows(set.replies, rows);
  keep_rows(set.references, rows);
  keep_rows(set.posts, rows);
  keep_rows(set.candidates, rows);
  keep_rows(set.gates, rows);
  keep_rows(set.cut, rows);
  keep_rows(texts.replies, rows);
  keep_rows(texts.references, rows);
}

void run_score(const ScoreArguments& arguments) {
  if (!arguments.json.empty()) {
    std::vector<std::string> inputs = arguments.replies;
    inputs.insert(inputs.end(), arguments.train.begin(), arguments.train.end());
    inputs.insert(inputs.end(), {arguments.references, arguments.vectors});
    inputs.insert(inputs.end(), arguments.bert_score.more.begin(), arguments.bert_score.more.end());
    check_output_file(arguments.json, inputs);
  }
  ETHREED_CHECK(!arguments.compare || arguments.replies.size() >= 2,
                "--compare: one file of replies, wanted two at least");
  const bool split = arguments.file.split;
  std::vector<ReplyFile> files;
  for (const std::string& path : arguments.replies) {
    files.push_back(read_reply_file(path, arguments.file));
    check_same_posts(files.front(), files.back());
  }
  check_fields(files);
  std::optional<ReplyFile> references;
  if (!arguments.references.empty()) references = read_reference_file(arguments.references, arguments.file);
  ScoreTable table{.resamples = arguments.resamples, .seed = arguments.seed};
  std::vector<ReplyFile> more_references;
  for (const std::string& path : arguments.bert_score.more)
    more_references.push_back(read_reference_file(path, arguments.file));
  std::vector<ReplySet> sets;
  std::vector<BertScoreTexts> texts;  // as they stand in the files
  const std::size_t all_rows = files.front().rows.size();
  const std::vector<std::size_t> rows = chosen_rows(files.front(), arguments.choice, arguments.seed);
  if (!arguments.choice.all())
    table.notes.push_back(description_of(arguments.choice, rows.size(), all_rows, arguments.seed));
  for (ReplyFile& file : files) {
    table.notes.insert(table.notes.end(), file.notes.begin(), file.notes.end());
    const std::vector<std::string> gold = references ? references_for(file, *references) : gold_of(file);
    sets.push_back(set_of(file, split));
    sets.back().references = references_of(file, gold, split);
    texts.push_back(bert_score_texts(file, gold, more_references));
    // What a reply is compared with is found in the whole file, so that rows are chosen here.
    keep(file, sets.back(), texts.back(), rows);
  }
  const Grouping grouping = grouping_of(files.front());
  for (ReplySet& set : sets) {
    set.group_of = grouping.group_of;
    set.groups = grouping.groups;
  }
  note_other_references(files, sets, table.notes);
  ScoreOptions options{.vocabulary = arguments.vocabulary, .longest = arguments.longest, .seed = arguments.seed};
  std::unique_ptr<Vectors> vectors;
  if (!arguments.vectors.empty()) {
    vectors = read_vectors(arguments.vectors, sets);
    options.vector_of = [&](std::string_view word) { return vectors->of(word); };
    table.vectors = fs::path(arguments.vectors).filename().string();
  }
  if (!arguments.train.empty()) {
    options.train.emplace();
    for (const std::string& path : arguments.train) add_train(path, arguments.file, *options.train);
  }
  table.names = column_names(arguments.replies);
  table.rows = static_cast<std::int64_t>(files.front().rows.size());
  table.groups = grouping.groups;
  table.dialogues = grouping.dialogues;
  std::optional<ReplyClassifier> emotions, intents;
  if (!arguments.classifier.empty()) {
    emotions.emplace(RunArguments{.run = arguments.classifier});
    table.notes.push_back("emotions of replies by " + emotions->description());
  }
  if (!arguments.intents.empty()) {
    intents.emplace(RunArguments{.run = arguments.intents});
    table.notes.push_back("intents of replies by " + intents->description());
  }
  std::optional<BertScorer> bert_scorer;
  if (!arguments.bert_score.folder.empty()) {
    bert_scorer.emplace(arguments.bert_score, split);
    table.notes.push_back(bert_scorer->description());
  }
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::vector<ScoreFigure>& column = table.columns.emplace_back(score_replies(sets[f], options));
    for (ScoreFigure& figure :
         class_figures(files[f], sets[f], emotions ? &*emotions : nullptr, intents ? &*intents : nullptr))
      column.push_back(std::move(figure));
    if (!bert_scorer) continue;
    for (ScoreFigure& figure : bert_scorer->figures(texts[f], sets[f])) column.push_back(std::move(figure));
  }
  if (arguments.intervals || arguments.compare) table.draw(arguments.intervals, arguments.compare);
  if (!arguments.json.empty()) write_text_atomically(arguments.json, table.json());
  fmt::print("{}", arguments.markdown ? table.markdown() : table.text());
}

}  // namespace

void add_score_command(CLI::App& app) {
  const auto a = std::make_shared<ScoreArguments>();
  CLI::App* command = app.add_subcommand(
      "score", "BLEU, ROUGE, METEOR, chrF, embedding metrics, Distinct and their kin of any program's replies");
  command
      ->add_option(
          "replies", a->replies,
          "Replies: a line each, JSON Lines (as `generate` and `reply` write them) or a table; several files of "
          "the same posts make a column each")
      ->required()
      ->type_name("REPLIES");
  command->add_option("--references", a->references, "Gold replies, a row each; default: the field gold of REPLIES")
      ->type_name("FILE");
  add_reply_file_options(*command, a->file);
  add_row_options(*command, a->choice);
  command->add_option("--vectors", a->vectors, "Word vectors for emb_average, emb_extrema and emb_greedy")
      ->type_name("FILE");
  command
      ->add_option(
          "--train", a->train,
          "Data set (its training split) or file of training replies for copied_from_train; may be given again")
      ->type_name("DATA")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--classifier", a->classifier,
          "Classifier of texts, a run or what fine-tune made, for emotions of replies (reply_emotion_…, emotion_jsd)")
      ->type_name("RUN");
  command->add_option("--intents", a->intents, "The same, whose classes are intents, for intent_kl")->type_name("RUN");
  add_bert_score_options(*command, a->bert_score);
  command->add_option("--vocabulary", a->vocabulary, "Words that replies may be made of (V), for ead_1 and ead_2")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("V");
  command->add_option("--longest", a->longest, "Tokens of a reply that counts as cut, where records do not say")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_flag("--intervals", a->intervals, "A 95 % interval of every figure by bootstrap, or why it has none");
  command->add_flag("--compare", a->compare,
                    "Differences between the first file and each other with 95 % intervals by paired bootstrap");
  command->add_option("--resamples", a->resamples, "Draws of the bootstrap")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", a->seed, "Of the bootstrap, of --sample and of Self-BLEU's sample")
      ->check(check_seed)
      ->capture_default_str();
  command->add_flag("--markdown", a->markdown, "Print the table as Markdown");
  command->add_option("--json", a->json, "File to write all figures to")->type_name("FILE");
  command->callback([a] { run_score(*a); });
}

}  // namespace ethreed
