#pragma once
// A search for replies that is under way: every row of a session by options of its own, a word at a time.

#include "core/context.h"
#include "model/interface/reply_session.h"
#include "model/replies/search.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ethreed {

/// The newest word of a reply that is being written.
struct NewestWord {
  std::int32_t word = 0;               ///< its id as the batch was given it; EOS at the end
  double log_probability = 0;          ///< of the word
  const WordOrigin* origin = nullptr;  ///< null without a pointer or ReplyOptions::look; valid until the next step
};

template <class T> class ReplySearch {
 public:
  /// `options`: one for each row of the session, which was opened with at least the most hypotheses(…) of them a row.
  /// `vocabulary` is V. What is referred to must outlive this object. Throws Error as DecodeOptions::check does.
  ReplySearch(Context& context, ReplySession<T>& session, int vocabulary, std::vector<DecodeOptions> options);

  /// Appends a word to every hypothesis that goes on, of all rows in one step of the session. What a row gets does not
  /// depend on the others. False, without a step, where none goes on.
  bool step();
  /// Has the row all its words, or was it dropped?
  bool finished(int row) const { return live(row) == 0; }
  /// The word that the last step appended to the row's reply. Nothing if it appended none, and nothing in beam search,
  /// where the reply is known at the end.
  std::optional<NewestWord> newest(int row) const;
  /// Nobody wants this row's reply: nothing more is computed for it.
  void drop(int row) { rows_[static_cast<std::size_t>(row)].clear(); }
  /// The reply of a finished row, once; an empty one if it was dropped.
  Reply take(int row);

 private:
  // A reply in the making.
  struct Hypothesis {
    std::vector<std::int32_t> words{};  // as the session counts them
    double log_probability = 0;
    bool finished = false, ended = false;
    std::int32_t place = 0;  // among the hypotheses of the last call of advance()
    int draw = 0;            // of sampling: which of the row's draws
    int length = 0;          // words, and the end mark
    double of_newest = 0;    // the log probability of its last word or mark
    std::vector<WordOrigin> origins{};
  };
  // A hypothesis that goes on, and the likeliest words after it, on the host: the likeliest first, −1 after the last.
  struct Live {
    int row = 0;
    std::size_t hypothesis = 0;  // of the row
    std::vector<std::int32_t> banned{};
    const std::int32_t* words = nullptr;
    const T* log_probability = nullptr;
    int count = 0;
  };
  // A continuation of a hypothesis by one word.
  struct Candidate {
    std::size_t hypothesis = 0;  // of the row
    std::int32_t word = 0;
    double log_probability = 0;  // of the whole
    double of_word = 0;
  };

  const DecodeOptions& options(int row) const { return options_[static_cast<std::size_t>(row)]; }
  Hypothesis& hypothesis(const Live& one) { return rows_[static_cast<std::size_t>(one.row)][one.hypothesis]; }
  int live(int row) const;
  void find_live();
  void find_banned(Live& one);
  void find_likeliest(const NextWords<T>& next);
  void find_likeliest(const NextWords<T>& next, std::size_t first, std::size_t end);
  void leave_out_banned(Live& one, int wanted);
  std::size_t draw(const Live& from, const Hypothesis& h) const;
  void append(int row, Hypothesis& h, std::int32_t word, double of_word) const;
  void note_origin(int row, Hypothesis& h, std::int32_t word, double log_probability) const;
  double score(int row, const Hypothesis& h) const;
  void extend_beam(int row, const std::vector<Candidate>& candidates);
  std::int32_t word_id(int row, std::int32_t word) const;

  Context& context_;
  ReplySession<T>& session_;
  int vocabulary_;
  std::vector<DecodeOptions> options_;
  std::vector<std::vector<Hypothesis>> rows_;
  std::int64_t step_ = 0;
  std::vector<Live> live_;  // of the last step, row by row
  std::vector<std::int32_t> parents_, words_;
};

}  // namespace ethreed
