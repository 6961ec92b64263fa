#!/usr/bin/env bash
# The Python package tensorboard reads the event files of `ethreed train --tensorboard`: every number of the log is there,
# also of a run that went on. Skipped (status 77) where Python or the package is absent.
set -euo pipefail

if [[ $# -ne 2 ]]; then
  echo "usage: tests/tools/tensorboard_reads.sh ETHREED SOURCE_DIR" >&2
  exit 2
fi
ethreed=$(readlink -f "$1")
samples=$(readlink -f "$2")/samples

command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
python3 -c 'import tensorboard' 2>/dev/null || { echo "skipped: the Python package 'tensorboard' is absent"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir corpus
for split in train valid; do head -n 121 "$samples/corpus/$split.csv" >"corpus/$split.csv"; done
"$ethreed" prepare corpus --dimension 16 --out data >/dev/null
echo '{"model": {"encoder": 8, "context_state": 8, "decoder_state": 8}, "training": {"batch": 4}}' >hred.json
train=("$ethreed" train --data data --out run --model hred --config hred.json --log-every 2 --quiet --tensorboard)
"${train[@]}" --epochs 2 --max-steps 9 >/dev/null
sleep 1  # names of event files hold the second
"${train[@]}" --epochs 3 --resume >/dev/null
python3 - <<'PYTHON'
import json
import math
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator("run/tensorboard", size_guidance={"scalars": 0})
events.Reload()
read = {(tag, e.step): e.value for tag in events.Tags()["scalars"] for e in events.Scalars(tag)}
log = {}
for line in map(json.loads, open("run/log.jsonl")):
    group = {"epoch": "valid/", "step": "train/"}.get(line["kind"])
    for name, value in line.items():
        if group and name != "step" and isinstance(value, (int, float)):
            log[group + name, line["step"]] = value
assert set(read) == set(log), set(read) ^ set(log)
assert all(math.isclose(read[key], value, rel_tol=1e-6) for key, value in log.items())
assert max(step for _, step in log) > 9
print(f"{len(read)} scalars, as in the log")
PYTHON
