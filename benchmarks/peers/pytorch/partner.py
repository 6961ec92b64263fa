"""The partner's side of the protocol of alternate.py: a line of JSON when ready; then for every line "n" on the standard
input n rounds of the work and one line of JSON, {what: milliseconds of a round}. It ends with its input."""

import json
import sys


def serve(description, one_round):
  """one_round() -> {what: milliseconds}."""
  print(json.dumps(description), flush=True)
  for line in sys.stdin:
    rounds = max(1, int(line))
    sums = {}
    for _ in range(rounds):
      for name, time in one_round().items():
        sums[name] = sums.get(name, 0.0) + time / rounds
    print(json.dumps(sums), flush=True)
