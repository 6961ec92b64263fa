// The layout of a batch against naive constructions of the same orders.

#include "tests/model/tiny_model.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

using namespace ethreed;
using namespace ethreed::test;

namespace {

constexpr int vocabulary = 30;
using Ids = std::vector<std::int32_t>;

// A place in the batch: a dialogue (by its input index), a turn, post (0) or response (1).
struct Place {
  int dialogue = 0, turn = 0, role = 0;
  bool operator==(const Place&) const = default;
};

const Ids& words_of(const Dialogues& dialogues, const Place& place) {
  const TurnData& turn = dialogues[place.dialogue][place.turn];
  return place.role == 0 ? turn.post : turn.response;
}

// The orders that the header promises, written down one place after the other.
struct Orders {
  Ids dialogues;  // longest first, ties as given
  std::vector<Place> turns, chain, pairs, encoder, decoder;
  Ids turn_offsets{0}, chain_offsets{0}, pair_offsets{0};

  explicit Orders(const Dialogues& data) {
    for (int turns_wanted = 4; turns_wanted >= 1; --turns_wanted)
      for (std::size_t d = 0; d < data.size(); ++d)
        if (count_of(data[d]) == turns_wanted) dialogues.push_back(static_cast<std::int32_t>(d));
    for (int t = 0; t < 4; ++t) {
      std::vector<Place> alive;
      for (const std::int32_t d : dialogues)
        if (count_of(data[d]) > t) alive.push_back({d, t, 0});
      if (alive.empty()) break;
      for (const Place& place : alive) turns.push_back(place);
      turn_offsets.push_back(static_cast<std::int32_t>(turns.size()));
      for (const int role : {0, 1}) {
        for (const Place& place : alive) chain.push_back({place.dialogue, t, role});
        chain_offsets.push_back(static_cast<std::int32_t>(chain.size()));
      }
      for (const Place& place : alive)
        for (const int role : {0, 1}) pairs.push_back({place.dialogue, t, role});
      pair_offsets.push_back(static_cast<std::int32_t>(pairs.size()));
    }
    const auto longest_first = [&](int role) {
      return [&data, role](const Place& a, const Place& b) {
        const auto length = [&](const Place& p) {
          return words_of(data, role < 0 ? p : Place{p.dialogue, p.turn, role}).size();
        };
        return length(a) > length(b);
      };
    };
    encoder = chain;
    std::stable_sort(encoder.begin(), encoder.end(), longest_first(-1));
    decoder = turns;
    std::stable_sort(decoder.begin(), decoder.end(), longest_first(1));
  }

  static int index(const std::vector<Place>& places, const Place& place) {
    return static_cast<int>(std::find(places.begin(), places.end(), place) - places.begin());
  }
};

// Offsets of sequences with these lengths: as many rows a step as sequences are longer than it.
Ids packed(const std::vector<int>& lengths) {
  Ids offsets{0};
  for (int t = 0;; ++t) {
    const auto alive = std::count_if(lengths.begin(), lengths.end(), [&](int length) { return length > t; });
    if (alive == 0) return offsets;
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(alive));
  }
}

std::int32_t known(std::int32_t word) { return word < vocabulary ? word : unk_id; }

void check_turns(const DialogueBatch& batch, const Dialogues& data, const Orders& orders) {
  CHECK(batch.dialogue_order == orders.dialogues);
  CHECK(batch.turn_offsets == orders.turn_offsets);
  CHECK(batch.chain_offsets == orders.chain_offsets);
  CHECK(batch.pair_offsets == orders.pair_offsets);
  REQUIRE(batch.turns() == count_of(orders.turns));
  int labels = 0, emotions = 0;
  for (int i = 0; i < batch.turns(); ++i) {
    const Place place = orders.turns[i];
    const TurnData& turn = data[place.dialogue][place.turn];
    CHECK(batch.turn_dialogue[i] == place.dialogue);
    CHECK(batch.turn_time[i] == place.turn);
    CHECK(batch.emotion[i] == turn.emotion);
    CHECK(batch.listener_label[i] == turn.listener_label);
    emotions += turn.emotion >= 0;
    labels += turn.listener_label >= 0;
    const Place response{place.dialogue, place.turn, 1};
    CHECK(batch.post_chain[i] == Orders::index(orders.chain, place));
    CHECK(batch.response_chain[i] == Orders::index(orders.chain, response));
    CHECK(batch.post_pair[i] == Orders::index(orders.pairs, place));
    CHECK(batch.response_pair[i] == Orders::index(orders.pairs, response));
    CHECK(batch.row_of_turn[i] == Orders::index(orders.decoder, place));
    CHECK(batch.turn_of_row[batch.row_of_turn[i]] == i);
  }
  for (std::size_t row = 0; row < orders.pairs.size(); ++row)
    CHECK(batch.chain_of_pair[row] == Orders::index(orders.chain, orders.pairs[row]));
  CHECK(batch.listener_labels == labels);
  CHECK(batch.emotion_labels == emotions);
}

// The vocabulary id that a row of encoder or decoder reads.
std::int32_t word_read(const DialogueBatch& batch, const Ids& words, std::int64_t row) {
  return batch.word_ids.at(words.at(row));
}

// Every word once: the decoder's by first appearance, then the encoder's others.
void check_words(const DialogueBatch& batch) {
  Ids expected;
  std::set<std::int32_t> seen;
  for (const Ids* words : {&batch.decoder_inputs, &batch.encoder_inputs}) {
    for (int row = 0; row < count_of(*words); ++row) {
      const std::int32_t id = word_read(batch, *words, row);
      if (seen.insert(id).second) expected.push_back(id);
    }
    if (words == &batch.decoder_inputs) CHECK(batch.decoder_word_count == count_of(expected));
  }
  CHECK(batch.word_ids == expected);
}

void check_encoder(const DialogueBatch& batch, const Dialogues& data, const Orders& orders) {
  std::vector<int> lengths;
  for (const Place& place : orders.encoder) lengths.push_back(count_of(words_of(data, place)));
  CHECK(batch.encoder_offsets == packed(lengths));
  REQUIRE(batch.encoder_tokens() == std::accumulate(lengths.begin(), lengths.end(), 0));
  const Packing packing = batch.encoder_packing();
  for (int rank = 0; rank < count_of(orders.encoder); ++rank) {
    const Place place = orders.encoder[rank];
    const Ids& words = words_of(data, place);
    for (int j = 0; j < count_of(words); ++j)
      CHECK(word_read(batch, batch.encoder_inputs, packing.row(j, rank)) == known(words[j]));
    const auto chain = Orders::index(orders.chain, place);
    CHECK(batch.summary_first[chain] == packing.row(0, rank));
    CHECK(batch.summary_last[chain] == packing.row(count_of(words) - 1, rank));
  }
}

// Extended ids of a post: words outside the vocabulary get V, V + 1, … in order of first appearance.
std::map<std::int32_t, std::int32_t> extended_ids(const Ids& post) {
  std::map<std::int32_t, std::int32_t> extended;
  for (const std::int32_t word : post)
    if (word >= vocabulary) extended.emplace(word, vocabulary + static_cast<std::int32_t>(extended.size()));
  return extended;
}

void check_decoder_row(const DialogueBatch& batch, const TurnData& turn, int r, int encoder_rank) {
  const RowLayout rows = batch.rows();
  const auto extended = extended_ids(turn.post);
  REQUIRE(rows.source_count(r) == count_of(turn.post));
  REQUIRE(rows.target_count(r) == count_of(turn.response));
  for (int j = 0; j < count_of(turn.post); ++j) {
    const int token = rows.source(r) + j;
    const std::int32_t word = turn.post[j];
    CHECK(batch.source_words[token] == word);
    CHECK(batch.source_ids[token] == (word < vocabulary ? word : extended.at(word)));
    CHECK(batch.source_rows[token] == batch.encoder_packing().row(j, encoder_rank));
  }
  std::int32_t previous = sos_id;
  for (int i = 0; i < count_of(turn.response); ++i) {
    const int token = rows.target(r) + i;
    const std::int32_t word = turn.response[i];
    const bool copied = extended.contains(word);
    CHECK(batch.targets[token] == (word < vocabulary ? word : copied ? extended.at(word) : unk_id));
    const int row = batch.decoder_packing().row(i, r);
    CHECK(batch.state_rows[token] == row);
    CHECK(word_read(batch, batch.decoder_inputs, row) == previous);
    CHECK(batch.previous_rows[token] == (i == 0 ? r : batch.turns() + batch.decoder_packing().row(i - 1, r)));
    previous = known(word);
  }
}

void check_decoder(const DialogueBatch& batch, const Dialogues& data, const Orders& orders) {
  std::vector<int> lengths;
  int most_extra = 0;
  for (int r = 0; r < count_of(orders.decoder); ++r) {
    const Place place = orders.decoder[r];
    const TurnData& turn = data[place.dialogue][place.turn];
    lengths.push_back(count_of(turn.response));
    most_extra = std::max(most_extra, count_of(extended_ids(turn.post)));
    check_decoder_row(batch, turn, r, Orders::index(orders.encoder, place));
  }
  CHECK(batch.decoder_offsets == packed(lengths));
  CHECK(batch.max_extra == most_extra);
  check_row_layout("test", batch.rows());
}

void check_layout(const DialogueBatch& batch, const Dialogues& data) {
  const Orders orders(data);
  check_turns(batch, data, orders);
  check_encoder(batch, data, orders);
  check_decoder(batch, data, orders);
  check_words(batch);
}

}  // namespace

TEST_CASE("a batch of random dialogues is laid out in the promised orders") {
  EthreedConfig config = tiny_config();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    const Dialogues data = random_dialogues(seed, 1 + static_cast<int>(seed % 7), config);
    check_layout(make_batch(data, vocabulary), data);
  }
}

TEST_CASE("a batch of every trap is laid out in the promised orders") {
  check_layout(make_batch(awkward_dialogues(), vocabulary), awkward_dialogues());
}

TEST_CASE("extended ids follow the first appearance in the post, row by row") {
  const DialogueBatch batch = make_batch({{{{90, 5, 70, 90, 3}, {70, 90, 80, 3}}, {{80, 3}, {90, 80, 3}}}}, vocabulary);
  CHECK(batch.source_ids == Ids{30, 5, 31, 30, 3, 30, 3});
  CHECK(batch.source_words == Ids{90, 5, 70, 90, 3, 80, 3});
  CHECK(batch.targets == Ids{31, 30, unk_id, 3, unk_id, 30, 3});
  CHECK(batch.max_extra == 2);
}

TEST_CASE("masked words of the post are read as unknown and have to be copied") {
  const Dialogues data{{{{7, 5, 90, 9, 3}, {9, 6, 7, 90, 8, 3}}, {{8, 3}, {7, 8, 3}}}};
  DialogueBatch batch;
  batch.build(DialogueExamples(data).all(), vocabulary, {.share = 1.0, .from = 6, .random = {1, 2}});
  CHECK(batch.source_ids == Ids{30, 5, 31, 32, 3, 30, 3});  // 5 and EOS are below `from`
  CHECK(batch.source_words == Ids{7, 5, 90, 9, 3, 8, 3});
  CHECK(batch.targets == Ids{32, 6, 30, 31, 8, 3, 7, 30, 3});  // 6, 8 and 7 are not in their post: targets as they are
  CHECK(batch.copied_targets == Ids{0, 2, 3, 7});
  const std::set<std::int32_t> read(batch.word_ids.begin(), batch.word_ids.end());
  CHECK(read == std::set<std::int32_t>{sos_id, unk_id, 5, 3, 6, 7, 8});  // the decoder reads back what it wrote
  for (const std::int32_t place : batch.encoder_inputs) CHECK(batch.word_ids[static_cast<std::size_t>(place)] < 6);
}

TEST_CASE("which words are masked depends on the dialogue's place and the draw, not on its batch") {
  const EthreedConfig config = tiny_config();
  const Dialogues data = random_dialogues(5, 8, config);
  const WordMask mask{.share = 0.5, .from = 4, .random = {3, 4}};
  DialogueBatch all, one, other;
  all.build(DialogueExamples(data).all(), vocabulary, mask);
  const auto masked = [](const DialogueBatch& batch) {
    std::set<std::pair<std::int64_t, std::int32_t>> words;  // place of the dialogue, word
    for (int r = 0; r < batch.turns(); ++r)
      for (int j = batch.source_offsets[static_cast<std::size_t>(r)];
           j < batch.source_offsets[static_cast<std::size_t>(r) + 1]; ++j) {
        const auto token = static_cast<std::size_t>(j);
        const auto turn = static_cast<std::size_t>(batch.turn_of_row[static_cast<std::size_t>(r)]);
        const std::int64_t place = batch.places[static_cast<std::size_t>(batch.turn_dialogue[turn])];
        if (batch.source_words[token] < vocabulary && batch.source_ids[token] >= vocabulary)
          words.emplace(place, batch.source_words[token]);
      }
    return words;
  };
  std::set<std::pair<std::int64_t, std::int32_t>> alone;
  const DialogueExamples examples(data);
  for (const Example& example : examples.all()) {
    one.build({&example, 1}, vocabulary, mask);
    alone.merge(masked(one));
  }
  CHECK(!alone.empty());
  CHECK(masked(all) == alone);
  other.build(examples.all(), vocabulary, {.share = 0.5, .from = 4, .random = {3, 5}});
  CHECK(masked(other) != alone);
  other.build(examples.all(), vocabulary);
  CHECK(masked(other).empty());
}

TEST_CASE("a batch that is built again keeps nothing of the one before") {
  const EthreedConfig config = tiny_config();
  DialogueBatch batch = make_batch(random_dialogues(3, 9, config, 12), vocabulary);
  for (std::uint64_t seed = 4; seed < 8; ++seed) {
    const Dialogues data = random_dialogues(seed, 2, config);
    batch.build(DialogueExamples(data).all(), vocabulary);
    check_layout(batch, data);
  }
}

TEST_CASE("a word that occurs often in a batch, unknown words among them, is looked up once") {
  const DialogueBatch batch = make_batch({{{{7, 5, 7, 90, 3}, {7, 70, 80, 3}}, {{5, 9, 3}, {7, 7, 3}}}}, vocabulary);
  CHECK(batch.word_ids ==
        Ids{sos_id, 7, unk_id, 5, 9, 3});  // the last EOS of a response is read by nobody but the encoder
  CHECK(batch.decoder_word_count == 3);
}

TEST_CASE("a batch refuses dialogues without turns, empty utterances and negative ids") {
  CHECK_THROWS_WITH(make_batch({{{{4, 3}, {3}}}, {}}, vocabulary), Catch::Contains("dialogue 1 has no turn"));
  CHECK_THROWS_WITH(make_batch({{{{4, 3}, {}}}}, vocabulary), Catch::Contains("dialogue 0 has an empty utterance"));
  CHECK_THROWS_WITH(make_batch({{{{}, {3}}}}, vocabulary), Catch::Contains("empty utterance"));
  CHECK_THROWS_WITH(make_batch({{{{4, -1, 3}, {3}}}}, vocabulary), Catch::Contains("negative word id -1"));
}

TEST_CASE("a turn row knows the place of its turn in the split") {
  const Dialogues data = awkward_dialogues();  // of 1, 4, 1 and 2 turns
  const DialogueBatch batch = make_batch(data, vocabulary, 100);
  const std::vector<std::int64_t> first{100, 101, 105, 106};
  for (int i = 0; i < batch.turns(); ++i) CHECK(batch.place(i) == first[batch.turn_dialogue[i]] + batch.turn_time[i]);
}
