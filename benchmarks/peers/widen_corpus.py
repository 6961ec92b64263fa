#!/usr/bin/env python3
"""Copies EmpatheticDialogues' train.csv and appends dialogues of invented words, so that a data set made of it with
`ethreed prepare --min-frequency 1` has a vocabulary as large as that of the released systems, which hold the words of
all splits: for measurements of speed alone, where only the size matters.

  widen_corpus.py CORPUS_DIR OUT_DIR --new-words N
"""

import argparse
import os
import sys

WORDS_IN_UTTERANCE = 30
LETTERS = "bcdfghjklmnpqrstvwxz"  # no vowel: no word of English, no contraction


def invented(number):
  """A word that no other number has, of five letters or more."""
  letters = []
  number += len(LETTERS) ** 4
  while number:
    number, digit = divmod(number, len(LETTERS))
    letters.append(LETTERS[digit])
  return "".join(letters)


def rows(words):
  """Dialogues of a post and a reply, in the columns of the corpus."""
  parts = [words[i:i + WORDS_IN_UTTERANCE] for i in range(0, len(words), WORDS_IN_UTTERANCE)]
  if len(parts) % 2:
    parts.append(parts[-1])
  for i, part in enumerate(parts):
    yield f"invented:{i // 2},{i % 2 + 1},content,{words[0]},{(i + 1) % 2},{' '.join(part)},,\n"


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("corpus")
  parser.add_argument("out")
  parser.add_argument("--new-words", type=int, required=True)
  arguments = parser.parse_args()
  if arguments.new_words < 1:
    parser.error("--new-words must be 1 at least")
  try:
    with open(os.path.join(arguments.corpus, "train.csv"), encoding="utf-8") as file:
      text = file.read()
    os.makedirs(arguments.out)
    with open(os.path.join(arguments.out, "train.csv"), "w", encoding="utf-8") as file:
      file.write(text if text.endswith("\n") else text + "\n")
      file.writelines(rows([invented(i) for i in range(arguments.new_words)]))
  except OSError as error:
    print(f"widen_corpus: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  sys.exit(main())
