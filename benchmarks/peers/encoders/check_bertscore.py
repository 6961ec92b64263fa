#!/usr/bin/env python3
"""Compares `ethreed score --bertscore` with the package `bert-score`, pair by pair.

  check_bertscore.py --ethreed PROGRAM --corpus FILE.csv --model DIR --layer N [--pairs 500] [--idf] [--tolerance 1e-4]

Pairs are an utterance of the corpus and another, drawn by a seed; every tenth is an utterance and itself with words left out, and the
last ones are special: the same text, nothing on either side, one mark, unknown letters, a text beyond the model's length.
The package scores a pair at a time: in batches it multiplies the similarities of pads by 0, and where all others are negative that 0
counts, so that a pair's score depends on its neighbours; by how much is printed. A pair is a file of its own for the program,
too, but with --idf, whose weights are of all references: then the means are compared.
Exit status: 0, or 1 if a value differs by more than the tolerance.
"""

import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import bert_score
import transformers

from texts import utterances

SPECIAL = [("ok", "ok"), ("", "why were you scared ?"), ("that is great !", ""), ("", ""), ("!", "?"), (".", "I am so sorry ."),
           ("ᚠᚢᚦ 東京", "ᚠᚢᚦ"), ("very " * 700 + "good", "very good")]


def parse_arguments():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--ethreed", required=True)
  parser.add_argument("--corpus", required=True)
  parser.add_argument("--model", required=True)
  parser.add_argument("--layer", type=int, required=True)
  parser.add_argument("--pairs", type=int, default=500)
  parser.add_argument("--idf", action="store_true")
  parser.add_argument("--tolerance", type=float, default=1e-4)
  return parser.parse_args()


def pairs_of(arguments):
  count = arguments.pairs - len(SPECIAL)
  texts = utterances(arguments.corpus, 2 * count)
  draw = random.Random(2)
  pairs = []
  for i in range(count):
    other = texts[count + i]
    if i % 10 == 0:
      other = " ".join(word for word in texts[i].split() if draw.random() < 0.8) or texts[i]
    pairs.append((texts[i], other))
  return pairs + SPECIAL


def ours(arguments, work, pairs, name):
  replies, references, out = work / f"{name}.replies.txt", work / f"{name}.references.txt", work / f"{name}.json"
  replies.write_text("".join(reply + "\n" for reply, _ in pairs), encoding="utf-8")
  references.write_text("".join(reference + "\n" for _, reference in pairs), encoding="utf-8")
  command = [arguments.ethreed, "score", replies, "--references", references, "--in-format", "text", "--bertscore", arguments.model,
             "--bertscore-layer", str(arguments.layer), "--bertscore-name", "it", "--bertscore-text", "verbatim", "--json", out]
  command += ["--bertscore-idf"] if arguments.idf else []
  subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
  figures = {figure["name"]: figure["values"][0] for figure in json.loads(out.read_text())["figures"]}
  label = f"[it:{arguments.layer}{':idf' if arguments.idf else ''}]"
  return [figures[f"bertscore_{what}{label}"] for what in "prf"]


def main():
  arguments = parse_arguments()
  transformers.utils.logging.set_verbosity_error()
  pairs = pairs_of(arguments)
  replies, references = zip(*pairs)
  scorer = bert_score.BERTScorer(model_type=arguments.model, num_layers=arguments.layer, idf=arguments.idf,
                                 idf_sents=list(references) if arguments.idf else None)
  theirs = [values.tolist() for values in scorer.score(replies, references, batch_size=1)]
  padded = [values.tolist() for values in scorer.score(replies, references, batch_size=64)]
  by_pads = max(abs(a - b) for one, other in zip(theirs, padded) for a, b in zip(one, other))
  with tempfile.TemporaryDirectory() as folder:
    work = pathlib.Path(folder)
    if arguments.idf:
      rows = [ours(arguments, work, pairs, "all")]
      theirs = [[sum(values) / len(values)] for values in theirs]
    else:
      with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(lambda i: ours(arguments, work, [pairs[i]], str(i)), range(len(pairs))))
  worst, where = 0.0, None
  for i, row in enumerate(rows):
    for k, what in enumerate("PRF"):
      error = abs(row[k] - theirs[k][i])
      error = error if math.isfinite(error) else math.inf
      if error > worst:
        worst, where = error, f"pair {i} {what}: {row[k]:.7f}, the package has {theirs[k][i]:.7f}"
  print(f"{pathlib.Path(arguments.model).name}, layer {arguments.layer}{', idf' if arguments.idf else ''}: {len(pairs)} pairs, "
        f"mean F {sum(row[2] for row in rows) / len(rows):.6f}; largest difference {worst:.2e} ({where}); "
        f"the package from its own in batches of 64: {by_pads:.2e}")
  return 0 if worst <= arguments.tolerance else 1


if __name__ == "__main__":
  sys.exit(main())
