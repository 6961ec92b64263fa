"""Texts of a corpus for the checks and timings of this folder."""

import csv
import random


def utterances(path, count, seed=1):
  """`count` utterances of a CSV of EmpatheticDialogues, drawn by the seed; `_comma_` is a comma, no text has a line break."""
  with open(path, newline="", encoding="utf-8") as file:
    texts = [" ".join(row["utterance"].replace("_comma_", ",").split()) for row in csv.DictReader(file, quoting=csv.QUOTE_NONE)]
  texts = [text for text in texts if text]
  if len(texts) < count:
    raise SystemExit(f"{path}: has {len(texts)} utterances, {count} are wanted")
  return random.Random(seed).sample(texts, count)
