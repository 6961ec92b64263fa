must prepare "$SAMPLES/corpus" --dimension 16 --out "$T/data"
must train --data "$T/data" --out "$T/run" --config "$TINY" --epochs 1
said 'listener Acc 0\.0' && wrong "train prints a listener accuracy of 0.0 where no reply has a label"
must evaluate "$T/run" --json
python3 - "$T/out" <<'P' || wrong "evaluate --json says 0.0 for a figure that does not exist"
import json, sys
figures = json.load(open(sys.argv[1]))
sys.exit(any(figures.get(name) is not None for name in ("listener_accuracy", "policy_divergence")))
P
python3 - "$T/run/log.csv" <<'P' || wrong "log.csv has a listener accuracy of nothing"
import csv, sys
rows = [row for row in csv.DictReader(open(sys.argv[1])) if row.get("listener_accuracy") not in (None, "")]
sys.exit(bool(rows))
P
right "an accuracy of nothing is nowhere a number"
