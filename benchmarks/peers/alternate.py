#!/usr/bin/env python3
"""Interleaves runs of programs that do the same work, pair by pair in one session, so that what else happens on the
machine affects both; prints the ratio of their times as a Markdown table.

  alternate.py [--pairs 15] [--rounds 20] [--json FILE] -- OURS ... -- THEIRS ... [-- ANOTHER ...]

Each command speaks the protocol of pytorch/partner.py (bench_partner, bench_step.py --serve, bench_encoder.py,
bench_onednn). A pair is `rounds` rounds of the first and `rounds` rounds of another; its ratio is theirs / ours. Ratios are
given as the median of the pairs with the quantiles 10 % and 90 %. While one runs the others wait for their input.
Exit status: 0, or 1 if a program failed, 2 if the command line is not understood.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

REST_S = 0.25  # threads that still spin after their last work fall asleep


class Partner:
  def __init__(self, command):
    self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    self.description = self.answer()

  def answer(self):
    line = self.process.stdout.readline()
    if not line:
      raise RuntimeError(f"{' '.join(self.process.args)}: ended with {self.process.wait()}")
    return json.loads(line)

  def run(self, rounds):
    time.sleep(REST_S)
    self.process.stdin.write(f"{rounds}\n")
    return self.answer()

  def end(self):
    self.process.stdin.close()
    self.process.wait()


def spread(values):
  """Median, 10 % and 90 %."""
  values = sorted(values)

  def quantile(q):
    place = q * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])
  return {"median": statistics.median(values), "low": quantile(0.1), "high": quantile(0.9)}


def text_of(values, digits):
  return f"{values['median']:.{digits}f} ({values['low']:.{digits}f} – {values['high']:.{digits}f})"


def take_turns(partners, pairs, rounds):
  """For every partner a list over pairs of {what: ms}; the order within a pair changes from one to the next."""
  times = [[] for _ in partners]
  for pair in range(pairs):
    order = range(len(partners)) if pair % 2 == 0 else reversed(range(len(partners)))
    for i in order:
      times[i].append(partners[i].run(rounds))
  return times


def table(partners, times):
  ours = times[0]
  rows = []
  for partner, theirs in zip(partners, times):
    for what in theirs[0]:
      row = {"name": partner.description["name"], "threads": partner.description["threads"], "what": what,
             "ms": spread([pair[what] for pair in theirs])}
      if theirs is not ours and what in ours[0]:
        row["ratio"] = spread([b[what] / a[what] for a, b in zip(ours, theirs)])
      rows.append(row)
  return rows


def check_same_work(partners):
  for key in ("target_tokens", "parameters", "batches", "rows", "texts", "tokens"):
    found = {partner.description[key] for partner in partners if key in partner.description}
    if len(found) > 1:
      raise RuntimeError(f"the programs do not do the same work: {key} is {' and '.join(map(str, sorted(found)))}")


def split_commands(arguments):
  commands = [[]]
  for argument in arguments:
    if argument == "--":
      commands.append([])
    else:
      commands[-1].append(argument)
  return [command for command in commands if command]


def main():
  arguments = sys.argv[1:]
  cut = arguments.index("--") if "--" in arguments else len(arguments)
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--pairs", type=int, default=15)
  parser.add_argument("--rounds", type=int, default=20, help="of the work, in each half of a pair")
  parser.add_argument("--json", metavar="FILE", help="write descriptions and all times")
  options = parser.parse_args(arguments[:cut])
  commands = split_commands(arguments[cut:])
  if len(commands) < 2:
    parser.error("two commands are needed, each after --")
  try:
    partners = [Partner(command) for command in commands]
    check_same_work(partners)
    times = take_turns(partners, options.pairs, options.rounds)
  except (RuntimeError, OSError) as error:
    print(f"alternate: {error}", file=sys.stderr)
    return 1
  rows = table(partners, times)
  for partner in partners:
    print(f"- {partner.description.pop('name')}: {json.dumps(partner.description)}")
    partner.end()
  print(f"\n{options.pairs} pairs of {options.rounds} rounds; ms a round and theirs / ours, median (10 % – 90 %).\n")
  print("| | threads | what | ms | theirs / ours |\n|---|---:|---|---:|---:|")
  for row in rows:
    ratio = text_of(row["ratio"], 2) if "ratio" in row else ""
    print(f"| {row['name']} | {row['threads']} | {row['what']} | {text_of(row['ms'], 2)} | {ratio} |")
  if options.json:
    with open(options.json, "w", encoding="utf-8") as file:
      json.dump({"rows": rows, "times": times}, file, indent=1)
  return 0


if __name__ == "__main__":
  sys.exit(main())
