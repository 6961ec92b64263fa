must prepare "$SAMPLES/corpus" --labels "$SAMPLES/corpus/labels.csv" --dimension 16 --out "$T/data"
ethreed train --data "$T/data" --out "$T/run" --config "$PWD/small.json" --learning-rate 10 --save-every 1 --threads 1
refused || wrong "training at a learning rate of 10 ends with status $status: $(message)"
cp "$T/err" "$T/advice"
ethreed evaluate "$T/run" --checkpoint last
if grep -qiE '(^|[^a-z])-?(inf|nan)([^a-z]|$)' "$T/out" && ! said 'not finite|no finite|not a finite|infinite|diverged'; then
  wrong "evaluate prints inf or nan and does not say that a figure is not finite"
fi
if ((status == 0)); then
  must evaluate "$T/run" --checkpoint last --json
  python3 -c 'import json,sys; json.load(open(sys.argv[1]), parse_constant=lambda name: sys.exit(1))' "$T/out" ||
    wrong "evaluate --json holds NaN or Infinity, which is no JSON"
fi
if grep -qi 'resume' "$T/advice"; then
  ethreed train --data "$T/data" --out "$T/run" --resume --learning-rate 0.0001 --threads 1
  said 'only --epochs may change|own configuration' && wrong "the advice is to resume with a smaller learning rate, which is refused"
  ((status == 0)) || said 'loss is' || wrong "the advice cannot be followed: $(message)"
  grep -rqE '0\.0001|1e-0?4' "$T/run/last/config.json" "$T"/run/*.jsonl "$T"/run/*.csv || wrong "the change is not noted in the run"
  right "resuming with a smaller learning rate is accepted and noted"
fi
grep -qiE 'new run' "$T/advice" || wrong "the message says nothing that can be done: $(head -n 1 "$T/advice")"
right "the message says what can be done"
