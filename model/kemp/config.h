#pragma once
// The configuration of KEMP.

#include "model/blocks/config_fields.h"
#include "model/blocks/transformer.h"
#include "model/interface/data_description.h"

#include <array>
#include <string>
#include <string_view>

namespace ethreed {

/// The ablations of the paper.
enum class KempVariant {
  kemp,
  without_ece,  ///< no graph and no concepts: the context alone is encoded
  without_edd,  ///< no W_m in the decoder and no L_att
};

/// Where the concepts of words come from. Without any the model is not KEMP, and says so.
enum class Knowledge {
  none,         ///< no concepts, every position has the same intensity, no L_att
  concept_map,  ///< a file of words and their concepts, and an affect lexicon
  conceptnet,   ///< the assertions of ConceptNet, and an affect lexicon
};

/// What the logits of the graph are where there is no edge.
enum class GraphMask {
  zero,    ///< 0, as in the released code, which made the published figures
  strict,  ///< −10¹⁸, as the paper says
};

inline constexpr int most_concepts = 16;

/// Defaults are those of the released command.
struct KempConfig {
  int vocabulary = 0;            ///< V, from the data
  int embedding = 300;           ///< D_w, from the data's vectors: the width of the graph, too
  TransformerSizes transformer;  ///< width is d
  int emotion_classes = 32;      ///< K, from the data
  int max_context = 1000;        ///< positions of a context, CLS included; a longer one loses its first words
  Knowledge knowledge = Knowledge::none;
  int concepts_per_word = 1;
  int total_concepts = 10;  ///< of a context, the most intense ones
  GraphMask graph_mask = GraphMask::zero;
  bool copy = true;  ///< words of the context and concepts may be copied
  KempVariant variant_choice = KempVariant::kemp;
  std::string lexicon, concepts;  ///< the files of the knowledge, read when a run starts
  double graph_dropout = 0.2;
  double label_smoothing = 0.1;
  double weight_attention = 0.1;  ///< of L_att

  static constexpr std::array<std::string_view, 3> variant_names{"kemp", "without_ece", "without_edd"};
  static constexpr std::array<std::string_view, 3> knowledge_names{"none", "concept_map", "conceptnet"};
  static constexpr std::array<std::string_view, 2> graph_mask_names{"zero", "strict"};
  static constexpr std::string_view variant_key = "variant";

  int width() const { return transformer.width; }
  bool has_knowledge() const { return knowledge != Knowledge::none; }
  /// Is there a graph, and behind every context SEP and its concepts.
  bool has_graph() const { return variant_choice != KempVariant::without_ece; }
  /// Does the decoder see c_e at every step.
  bool has_fusion() const { return variant_choice != KempVariant::without_edd; }
  bool has_attention_loss() const { return has_fusion() && has_knowledge(); }
  /// Numbers that the model keeps of a word: its intensity, and of each of its concepts the id and the intensity.
  int knowledge_width() const { return 1 + 2 * concepts_per_word; }

  /// The variant and where its knowledge comes from: "kemp (no knowledge)".
  std::string_view variant() const;
  /// Keys of the sections `model` and `training`; they point into this object.
  ConfigFields model_fields();
  ConfigFields training_fields();
  /// Sizes that the data says.
  void take_data(const DataDescription& data);
  /// Throws Error naming the key if a value is out of range, or files are named that nothing reads.
  void check() const;
  /// Throws Error if the knowledge has no files.
  void check_data(const DataDescription& data) const;
};

/// Where the files of the knowledge come from and under which terms, for messages.
extern const std::string_view lexicon_origin, concept_map_origin, conceptnet_origin;

}  // namespace ethreed
