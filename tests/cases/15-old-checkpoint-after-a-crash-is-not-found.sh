must train --data "$DATA" --out "$T/made" --config "$TINY" --max-steps 60 --quiet
mv "$T/made/last" "$T/made/last.old"
cp -r "$T/made" "$T/run"
ethreed train --data "$DATA" --out "$T/run" --resume --max-steps 63 --quiet
if ((status == 0)); then
  [[ -e $T/run/last/state.json ]] || wrong "--resume succeeds and there is no last/"
  python3 -c 'import json,sys; sys.exit(json.load(open(sys.argv[1]))["step"] != 63)' "$T/run/last/state.json" ||
    wrong "--resume did not go on from last.old"
else
  refused && said 'last\.old' || wrong "--resume does not know of last.old: $(message)"
fi
cp -r "$T/made" "$T/new"
ethreed train --data "$DATA" --out "$T/new" --config "$TINY" --max-steps 3 --quiet
((status != 0)) || wrong "a new run begins over it and never mentions last.old"
refused || wrong "a new run over it: status $status, $(message)"
[[ -s $T/new/log.csv ]] || wrong "the log of the old run was emptied"
right "--resume goes on from it or names it, and a new run is refused"
