#!/usr/bin/env python3
"""Prints utterances of a corpus, a line each, drawn by the seed.

  draw_texts.py FILE.csv COUNT [SEED]
"""

import sys

from texts import utterances

if __name__ == "__main__":
  if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
  print("\n".join(utterances(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 1)))
