must train --data "$DATA" --out "$T/good" --config "$TINY" --max-steps 60 --quiet
edit() { # WHAT CODE
  rm -rf "$T/run"
  cp -r "$T/good" "$T/run"
  python3 - "$T/run/last/state.json" "$2" <<'P'
import json, sys
path, code = sys.argv[1:]
state = json.load(open(path))
exec(code)
json.dump(state, open(path, "w"))
P
  ethreed train --data "$DATA" --out "$T/run" --resume --max-steps 63 --quiet
  refused || wrong "$1 is taken: status $status, $(message)"
  said 'state\.json' || wrong "$1: the message does not name state.json: $(message)"
}
edit "finished in the middle" 'state["finished"] = True'
edit "a best epoch of the future" 'state["best"].update(epoch=5, perplexity_token=0.5)'
edit "running.steps of 2^62" 'state["running"]["steps"] = 4611686018427387904'
must train --data "$DATA" --out "$T/good" --resume --max-steps 63 --quiet
right "all three are refused, the unchanged file is taken"
