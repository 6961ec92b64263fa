#!/usr/bin/env python3
"""Compares the ids of `ethreed tokenize` with those of the library `tokenizers`, text by text.

  check_ids.py --ethreed PROGRAM --corpus FILE.csv [FILE.csv ...] --model DIR [--model DIR ...] [--lines 100000]

For every model (a folder with tokenizer.json, or vocab.json and merges.txt, or vocab.txt, which `transformers` reads),
and for a byte-level BPE that is trained here on the corpus:
  corpus    utterances and situations of the corpus until there are --lines; `_comma_` is a comma
  every     every character of Unicode between letters, digits, spaces and marks
  hostile   random texts of what tokenizers fear, long words, tokens of the vocabulary and special tokens in the text
  bytes     random bytes that are no UTF-8; the library, which takes none, gets U+FFFD for each
  pairs     pairs of texts cut to lengths from 5 to 40
  options   the model with other normaliser options (BPE: a space before the text, whole words first), on hostile texts
  added     the model with added tokens of every kind, on hostile texts with these tokens
With --only some of these. Prints a table of texts, ids and differences, and the first differing texts. Exit status: 0, or 1 if one differs.
"""

import argparse
import csv
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers  # noqa: E402

PARTS = ("corpus", "every", "hostile", "bytes", "pairs", "options", "added")

FEARED = (
    list("abcxyzABC0123456789") + [" "] * 8 + ["  ", "\t", "\n", "\r", "\v", "\f", "\0", "\x01", "\x1b", "\x7f"]
    + ["\u0085", "\u00a0", "\u00ad", "\u1680", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u2028", "\u2029"]
    + ["\u202e", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "\ufffc", "\ufffd", "\ufff9", "\U000e0041"]
    + list("'\"`.,;:!?-_()[]{}<>@#$%^&*+=|\\/~…—–‘’“”«»¿¡·•€£¥§©®°±×÷₹№™")
    + ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", " '", "n't", "I'm", "don't", "##", "##s", "[", "]"]
    + list("éèêëàâäîïôöùûüçñßøåæœÉÀÑÇİıĞşŁłǅẞſΑΣσςЁёйЖاأآإ٣٤۵ءعבּשׁกำไทยकखि्ं가각힣ᄀ㈀か゛ガｱﾞ東京漢字㐀豈𠀀𪛖𫜴𫠠𫤠丽〇々。、！Ａａ１①Ⅷ½²")
    + ["\u0301", "\u0323", "\u0308", "\u0327", "\u0345", "\u05b0", "\u093c", "\u0e38", "\u1dc0", "\u20d0", "\u3099"]
    + ["\u0344", "\u0958", "\u1e9b\u0323", "\ufb1d", "\ufb01", "\U0001d15e", "\u0898", "\u1734", "\U00011938", "\u302e"]
    + ["😊", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "☺️", "1️⃣", "🥰", "🫠", "❤️‍🔥", "\ufe0f", "\U0001f3fb", "\ue000", "\U0010ffff", "\u0378"]
)


def hostile_texts(seed, vocabulary, specials):
  """The list is the same for a seed and a vocabulary."""
  draw = random.Random(seed)
  pieces = sorted(vocabulary)
  pool = FEARED + specials * 3 + [special[:-1] for special in specials] + [special.upper() for special in specials]
  texts = ["", " ", "\n", "  \n ", "\0", "'", "''", "\u200b", "\ufffd"]
  for _ in range(20000):
    texts.append("".join(draw.choice(pool) for _ in range(draw.randint(1, 24))))
  for _ in range(10000):  # the vocabulary's own pieces, joined in all ways
    glue = draw.choice(["", "", " ", "  ", "'", "-"])
    texts.append(glue.join(draw.choice(pieces).replace("##", "") for _ in range(draw.randint(1, 8))))
  for length in (99, 100, 101, 102, 1000, 100000):
    for part in ("a", "x", "e\u0301", "é", "東", "1", "!", " ", "\n", "'s", "😊", "👩‍👩‍👧", "\u0301", "\0", "\u200d", "ab"):
      texts.append(part * max(1, length // len(part)))
  return texts


def texts_of_every_character():
  """16 characters a text, each in several surroundings."""
  points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
  return ["".join(f"a{c}b {c}1{c}! {c} " for c in points[i:i + 16]) for i in range(0, len(points), 16)]


def byte_texts(seed):
  draw = random.Random(seed)
  bad = [b"\xff", b"\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe6\x9d", b"\xf0\x9f\x98",
         b"\x80", b"\xbf", b"\xc3", b"\xf8\x88\x80\x80\x80", b"\xe0\x80\xaf"]
  good = [text.encode() for text in FEARED if "\n" not in text]
  return [b"".join(draw.choice(bad if draw.random() < 0.3 else good) for _ in range(draw.randint(1, 20)))
          for _ in range(5000)]


def as_the_library_takes_it(data):
  text = data.decode("utf-8", "surrogateescape")
  return "".join("\ufffd" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


def corpus_texts(files, lines):
  rows = []
  for file in files:
    with open(file, encoding="utf-8", newline="") as stream:
      rows += list(csv.reader(stream, quoting=csv.QUOTE_NONE))[1:]
  texts = [row[5] for row in rows]
  texts += [text for text, _ in itertools.groupby(row[3] for row in rows)]
  if len(texts) < lines:
    print(f"the corpus has {len(texts)} texts, not {lines}", file=sys.stderr)
  return [text.replace("_comma_", ",") for text in texts[:lines]]


class Ours:
  def __init__(self, program, folder):
    self.program, self.folder = program, folder

  def rows(self, texts, *options):
    with tempfile.TemporaryDirectory() as scratch:
      is_bytes = bool(texts) and isinstance(texts[0], bytes)
      path = os.path.join(scratch, "texts.txt" if is_bytes else "texts.jsonl")
      with open(path, "wb") as stream:
        for text in texts:
          stream.write((text if is_bytes else json.dumps(text).encode()) + b"\n")
      out = os.path.join(scratch, "out.jsonl")
      subprocess.run([self.program, "tokenize", self.folder, "--in", path, "--out", out, *map(str, options)], check=True,
                     stdout=subprocess.DEVNULL)
      with open(out, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


class Table:
  def __init__(self):
    self.differences = 0
    print("| model | texts | count | ids | differences |\n|---|---|---|---|---|")

  def compare(self, model, what, texts, ours, theirs):
    assert len(texts) == len(ours) == len(theirs), (len(texts), len(ours), len(theirs))
    wrong = [i for i in range(len(texts))
             if ours[i]["ids"] != theirs[i].ids or ours[i].get("types", theirs[i].type_ids) != theirs[i].type_ids]
    self.differences += len(wrong)
    print(f"| {model} | {what} | {len(texts)} | {sum(len(e.ids) for e in theirs)} | {len(wrong)} |", flush=True)
    for i in wrong[:5]:
      print(f"  differs: {texts[i]!r:.300}\n    ours   {ours[i]['ids'][:40]} {ours[i]['pieces'][:40]}\n"
            f"    theirs {theirs[i].ids[:40]} {theirs[i].tokens[:40]}", file=sys.stderr)


def reference_of(folder):
  file = os.path.join(folder, "tokenizer.json")
  if os.path.exists(file):
    tokenizer = Tokenizer.from_file(file)
  else:
    import transformers
    options = {}
    if os.path.exists(os.path.join(folder, "vocab.json")):
      kind = transformers.RobertaTokenizer  # whose version 5 forgets what the published tokenizer.json says of <mask>
      options["mask_token"] = tokenizers.AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    else:
      with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as stream:
        kind = transformers.MPNetTokenizer if "<s>\n" in stream.readlines() else transformers.BertTokenizer
    tokenizer = kind.from_pretrained(folder, **options)._tokenizer
  tokenizer.no_truncation()
  tokenizer.no_padding()
  return tokenizer


def check_model(table, name, program, folder, corpus, seed, only):
  reference, ours = reference_of(folder), Ours(program, folder)
  specials = [token.content for token in reference.get_added_tokens_decoder().values()]
  hostile = hostile_texts(seed, reference.get_vocab(), specials)
  batch = lambda texts: [reference.encode(text) for text in texts]  # noqa: E731
  if "corpus" in only:
    table.compare(name, "corpus", corpus, ours.rows(corpus), batch(corpus))
  if "every" in only:
    every = texts_of_every_character()
    table.compare(name, "every", every, ours.rows(every), batch(every))
  if "hostile" in only:
    table.compare(name, "hostile", hostile, ours.rows(hostile), batch(hostile))
    plain = [reference.encode(text, add_special_tokens=False) for text in hostile[:5000]]
    table.compare(name, "no specials", hostile[:5000], ours.rows(hostile[:5000], "--no-specials"), plain)
  if "bytes" in only:
    data = byte_texts(seed)
    table.compare(name, "bytes", data, ours.rows(data), batch([as_the_library_takes_it(text) for text in data]))
  if "pairs" not in only:
    return
  draw = random.Random(seed)
  for length in (5, 6, 7, 16, 40):
    pairs = [[draw.choice(corpus), draw.choice(hostile[:30000])] for _ in range(2000)]
    draw.shuffle(pairs)
    pairs = [pair if draw.random() < 0.5 else pair[::-1] for pair in pairs]
    reference.enable_truncation(length)
    table.compare(name, f"pairs of {length}", pairs, ours.rows(pairs, "--max-length", length),
                  [reference.encode(*pair) for pair in pairs])
    single = hostile[::10] + corpus[:2000]
    table.compare(name, f"cut to {length}", single, ours.rows(single, "--max-length", length), batch(single))
    reference.no_truncation()


def with_options(content):
  """The same tokenizer with other options."""
  if content.get("normalizer"):
    for clean, ideographs, accents, lower in itertools.product((True, False), (True, False), (True, False, None),
                                                               (True, False)):
      changed = json.loads(json.dumps(content))
      changed["normalizer"].update(clean_text=clean, handle_chinese_chars=ideographs, strip_accents=accents, lowercase=lower)
      yield f"clean {clean:d}, ideographs {ideographs:d}, accents {accents}, lower {lower:d}", changed
  else:
    changed = json.loads(json.dumps(content))
    changed["pre_tokenizer"]["add_prefix_space"] = True
    yield "prefix space", changed
    changed = json.loads(json.dumps(content))
    changed["model"]["ignore_merges"] = True
    yield "ignore merges", changed


def with_added_tokens(content, draw):
  """The same tokenizer with more added tokens. Not with a space as one: there the library may end with a panic."""
  for round_number in range(12):
    changed = json.loads(json.dumps(content))
    size = max(max(changed["model"]["vocab"].values()), max(t["id"] for t in changed["added_tokens"])) + 1
    for content_of_token in draw.sample(["Wug", "wug", "a", "ab", "É", "\u0301", "東", "'", "!!", "b c", "ſ", "😊", "_", "1"], 6):
      if content_of_token in changed["model"]["vocab"]:
        identity = changed["model"]["vocab"][content_of_token]
      else:
        identity, size = size, size + 1
      changed["added_tokens"].append({"id": identity, "content": content_of_token,
                                      **{flag: draw.random() < 0.5 for flag in ("single_word", "lstrip", "rstrip", "normalized", "special")}})
    yield f"added tokens {round_number}", changed


def check_variants(table, name, program, folder, seed, only):
  file = os.path.join(folder, "tokenizer.json")
  if not os.path.exists(file):
    return
  with open(file, encoding="utf-8") as stream:
    content = json.load(stream)
  content["truncation"] = content["padding"] = None
  variants = itertools.chain(with_options(content) if "options" in only else (),
                             with_added_tokens(content, random.Random(seed)) if "added" in only else ())
  for what, changed in variants:
    with tempfile.TemporaryDirectory() as scratch:
      with open(os.path.join(scratch, "tokenizer.json"), "w", encoding="utf-8") as stream:
        json.dump(changed, stream)
      reference = Tokenizer.from_file(os.path.join(scratch, "tokenizer.json"))
      extra = [token["content"] for token in changed["added_tokens"]]
      texts = hostile_texts(seed, reference.get_vocab(), extra)[:4000]
      table.compare(name, what, texts, Ours(program, scratch).rows(texts), [reference.encode(text) for text in texts])


def train_byte_pairs(texts, size, scratch):
  """A small RoBERTa of a tokenizer, as tokenizer.json and as the older two files."""
  tokenizer = Tokenizer(models.BPE())
  tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
  specials = ["<s>", "<pad>", "</s>", "<unk>"]
  tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
      vocab_size=size, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
  tokenizer.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True, normalized=False, special=True)])
  tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True,
                                                          add_prefix_space=False)
  whole, older = os.path.join(scratch, "whole"), os.path.join(scratch, "older")
  os.makedirs(whole)
  os.makedirs(older)
  tokenizer.save(os.path.join(whole, "tokenizer.json"))
  tokenizer.model.save(older)
  vocabulary = json.loads(pathlib.Path(older, "vocab.json").read_text(encoding="utf-8"))
  vocabulary["<mask>"] = len(vocabulary)
  pathlib.Path(older, "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
  return whole, older


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--ethreed", required=True)
  parser.add_argument("--corpus", nargs="+", required=True, help="CSV files of EmpatheticDialogues")
  parser.add_argument("--model", action="append", default=[], help="folder of a pretrained model")
  parser.add_argument("--lines", type=int, default=100000)
  parser.add_argument("--vocabulary", type=int, default=8000, help="pieces of the byte-level BPE that is trained; 0: none is")
  parser.add_argument("--seed", type=int, default=1)
  parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
  arguments = parser.parse_args()
  corpus = corpus_texts(arguments.corpus, arguments.lines)
  print(f"tokenizers {tokenizers.__version__}, {len(corpus)} lines of the corpus\n")
  table = Table()
  with tempfile.TemporaryDirectory() as scratch:
    models_here = [(os.path.basename(os.path.normpath(folder)), folder) for folder in arguments.model]
    if arguments.vocabulary > 0:
      whole, older = train_byte_pairs(corpus, arguments.vocabulary, scratch)
      models_here += [("byte pairs trained here", whole), ("the same, older files", older)]
    for name, folder in models_here:
      check_model(table, name, arguments.ethreed, folder, corpus, arguments.seed, arguments.only)
      check_variants(table, name, arguments.ethreed, folder, arguments.seed, arguments.only)
  print(f"\n{table.differences} differences")
  return 1 if table.differences else 0


if __name__ == "__main__":
  sys.exit(main())
