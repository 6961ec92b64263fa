#pragma once
// What KEMP knows of words from files that its user brings: how intense they are, and their concepts.

#include "model/kemp/config.h"
#include "model/text/dataset.h"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ethreed {

/// What an affect lexicon says of a word; one that it lacks is neutral.
struct Affect {
  double valence = 0.5, arousal = 0;
  bool known = false;
};

/// η = (√((v − 0.5)² + (a/2)²) − 0.06467)/0.607468; 0 for a word outside the lexicon.
double emotion_intensity(const Affect& affect);
/// By which the concepts of a word are ranked: η(concept) + 1 − (|v_w − v_c| + |a_w − a_c|)/2.
double concept_score(const Affect& word, const Affect& related);

/// [V] by word id.
using AffectLexicon = std::vector<Affect>;
/// [V] concepts of every word, the best first.
using ConceptLists = std::vector<std::vector<std::int32_t>>;

/// The words of the data's vocabulary in a file of lines `word v a d` with tabs or blanks between (a first line without
/// numbers is a header), or of JSON {word: [v, a, d]}; of words that stand there twice the first counts. Packed by gzip
/// or zip, too. Throws Error (file:line, and where the lexicon comes from) for a line of another kind, a number that is
/// not from 0 to 1, and a file that has no word of the vocabulary.
AffectLexicon read_affect_lexicon(const std::filesystem::path& path, const Dataset& data);

/// Can this word be somebody's concept: in the lexicon with η of at least 0.6, and no word of grammar.
bool is_concept(const Dataset& data, const AffectLexicon& lexicon, std::int32_t word);
/// Does it get concepts. There is no tagger here, which would take nouns, verbs, adjectives and adverbs alone: words of
/// grammar are left out, and four that a tagger hardly ever takes for any of these: like, one, yes, around.
bool wants_concepts(const Dataset& data, std::int32_t word);

/// At most `most` concepts of every word that wants some: from lines `word concept`, in the order of the file. Packed
/// by gzip or zip, too. Throws Error (file:line, and what such a file is) for a line of another kind, and a file that
/// gives no word a concept.
ConceptLists read_concept_map(const std::filesystem::path& path, const Dataset& data, const AffectLexicon& lexicon,
                              int most);

/// The same from ConceptNet's assertions, read line by line (memory is that of the vocabulary's pairs). A line
/// (c_1, relation, c_2, weight) counts if the weight is 1 at least, both are English and, reduced to their first word,
/// different and words of the vocabulary in Latin letters; it makes each the other's concept by this relation, in place
/// of that of an earlier line. Relations that say nothing of the kind (Antonym, Synonym, …) then drop out, and the rest
/// is ranked by concept_score, equal ones as they came. There is no lemmatizer here: a word is looked for as it stands.
/// Throws Error as read_concept_map.
ConceptLists read_conceptnet(const std::filesystem::path& path, const Dataset& data, const AffectLexicon& lexicon,
                             int most);

/// [V, knowledge_width] from the files of the configuration: of each word η, and for each of concepts_per_word concepts
/// its id and its η, −1 and 0 where there is none.
std::vector<float> knowledge_table(const KempConfig& config, const Dataset& data);

}  // namespace ethreed
