#pragma once
// Parts of prepare: emotions of utterances, and what the summary says of the input.

#include "model/text/corpus_emotions.h"
#include "model/text/corpus_folder.h"
#include "model/text/dataset.h"
#include "model/text/label_columns.h"
#include "model/text/prepare.h"
#include "model/text/prepare_summary.h"
#include "model/text/word_vectors.h"

#include <cstdint>
#include <span>

namespace ethreed {

/// Emotions of posts and replies: what the corpus says of utterances, and over it the file of labels. Throws Error as
/// read_utterance_emotions does.
void add_emotions(std::span<const CorpusSplit> corpus, const CorpusEmotions& emotions, const PrepareOptions& options,
                  DatasetContents& contents, PrepareSummary& summary);

/// `labels` has the distributions of a column.
void note_label_distributions(const LabelColumnFile& file, const ColumnLabels& labels, PrepareSummary& summary);

void note_vectors(const WordVectors& vectors, PrepareSummary& summary);

/// Tables in the corpus's folder that nothing reads: perhaps a split under another name.
void note_unread_files(const Corpus& corpus, const PrepareOptions& options, PrepareSummary& summary);

/// Words in letters, for what a tokenizer that does not fit the language leaves: long ones, and such that occur once.
/// `counts` has one number for each word.
WordCensus count_words(const WordTable& words, std::span<const std::int64_t> counts);

}  // namespace ethreed
